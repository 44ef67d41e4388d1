"""Exercises of chapter 7, lag."""

from functools import cache
from random import Random
from typing import Any

from scenarios.basics import rebalance
from sim.alerts import Judgement, judge, rule_of
from sim.rules.errors import ConfigError
from sim.run import Run
from sim.teach.exercises.exercise import Exercise, Variant, near

__all__ = ["EXERCISES"]

GROUP, SOON_S = "sorters", 5


def _draw_drain(chance: Random) -> Variant:
    """Partitions that do not divide evenly, and a busiest member that can just do it."""
    members = chance.choice((5, 7, 9, 10, 14))
    partitions = 2 * members - chance.randrange(2, members - 1)
    each, lag = chance.choice((20, 50, 80)), 1000 * chance.randrange(20, 60)
    return {
        "members": members,
        "partitions": partitions,
        "each": each,
        "rate": round(chance.uniform(0.6, 0.85) * each * partitions / 2),
        "lag": lag,
    }


def _drain_s(variant: Variant, share: float) -> float:
    """Lag over what is left of capacity, for a member with this share of lag and arrivals."""
    return float(variant["lag"] * share / (variant["each"] - variant["rate"] * share))


def _busiest_s(variant: Variant) -> float:
    most = -(-variant["partitions"] // variant["members"])
    return round(_drain_s(variant, most / variant["partitions"]), 2)


def _hint_drain(variant: Variant, answer: Any) -> str:
    if near(_busiest_s(variant), answer, 0.05):
        return ""
    if near(_drain_s(variant, 1 / variant["members"]), answer, 0.05):
        return "So it would be if all members had the same to do. How many partitions has the busiest one?"
    if near(variant["lag"] / (variant["each"] * variant["members"]), answer, 0.05):
        return "While they work, more arrives. What is left of their capacity for what has waited?"
    return "Take the member that is done last: its share of the lag, what it can do, and its share of the arrivals."


def _draw_quiet(chance: Random) -> Variant:
    return {"limit": 500 * chance.randrange(1, 9), "rate": chance.randrange(2, 30), "reads": chance.randrange(60, 200)}


def _quiet_s(variant: Variant) -> float:
    return round(float(variant["limit"]) / float(variant["rate"]), 2)


def _hint_quiet(variant: Variant, answer: Any) -> str:
    if near(_quiet_s(variant), answer, 0.05):
        return ""
    if near(variant["limit"] / variant["reads"], answer, 0.05):
        return "That is how long it would take to read them. How long did it take until so many had come?"
    if near(variant["limit"] / (variant["reads"] - variant["rate"]), answer, 0.05):
        return "That is the time to catch up, once it reads again. But it does not read."
    return "When the alert fires, so many have come since the reader died. When did the first of them come?"


def _draw_rule(chance: Random) -> Variant:
    return {"late_s": chance.randrange(18, 31)}


@cache
def _night() -> Run:
    given = {"arrivals": "bursts:8,90,20s,3s", "duration": "80s"}
    return rebalance.scenario.run(seed=42, set=given, recorded=True)


def _judged(variant: Variant, text: str) -> Judgement:
    return judge(_night(), [rule_of(text)], GROUP, variant["late_s"])[0]


def _solve_rule(variant: Variant) -> str:
    """The first limit in seconds that is neither too late nor too early."""
    rules = (f"seconds={variant['late_s'] + more}@1s" for more in range(SOON_S))
    return next(rule for rule in rules if not _hint_rule(variant, rule))


def _hint_rule(variant: Variant, answer: Any) -> str:
    try:
        judged = _judged(variant, answer)
    except ConfigError as error:
        return f"This is no rule: {error}. A rule is a text such as `burrow` or `records=500@5s`."
    began_s, delay_s = judged.late[0][0], judged.delays_s[0]
    if judged.false_alarms:
        return f"It wakes somebody for nothing, at {judged.false_alarms[0][0]:g} s. What was high then? Was it late?"
    if delay_s is None:
        return "It says nothing at all of this night."
    if delay_s > SOON_S:
        return f"It tells {delay_s:g} s after the beginning. Is it the limit, or does it look too seldom?"
    if judged.alerts[0][0] < began_s:
        return f"It fires {began_s - judged.alerts[0][0]:g} s before anything is late: that is another promise."
    return ""


EXERCISES = (
    Exercise(
        id="07-1",
        answer="a number of seconds",
        draw=_draw_drain,
        asks=lambda variant: (
            f"""
            A lag of {variant["lag"]:,} records lies evenly on {variant["partitions"]} partitions, and
            {variant["rate"]} records a second arrive, as evenly. {variant["members"]} members, each of which can do
            {variant["each"]} a second, share the partitions. After how many seconds is the lag gone from all
            partitions (within 5 %)?
        """
        ),
        solve=_busiest_s,
        judge=_hint_drain,
        wrong=lambda variant: (
            _drain_s(variant, 1 / variant["members"]),
            variant["lag"] / (variant["each"] * variant["members"]),
            10 * _busiest_s(variant),
        ),
    ),
    Exercise(
        id="07-2",
        answer="a number of seconds",
        draw=_draw_quiet,
        asks=lambda variant: (
            f"""
            An alert fires at a lag of {variant["limit"]:,} records. To a quiet topic come {variant["rate"]} records a
            second; its reader can do {variant["reads"]} a second, but it has died. When the alert fires at last, how
            many seconds old is the oldest unread record (within 5 %)?
        """
        ),
        solve=_quiet_s,
        judge=_hint_quiet,
        wrong=lambda variant: (
            variant["limit"] / variant["reads"],
            variant["limit"] / (variant["reads"] - variant["rate"]),
            0,
        ),
    ),
    Exercise(
        id="07-3",
        answer="a rule as text, such as 'records=500@5s'",
        draw=_draw_rule,
        asks=lambda variant: (
            f"""
            The same night, with fewer parcels. For you a parcel is late after {variant["late_s"]} s. Find a rule that
            tells within {SOON_S} s after the first one is late, not before, and wakes nobody for nothing. Write its
            limit and how often it looks, as in `records=500@5s`.
        """
        ),
        solve=_solve_rule,
        judge=_hint_rule,
        wrong=lambda _: ("records=100@5s", "burrow", "record"),
        takes=(str,),
    ),
)
