"""Exercises of chapter 5, consumer groups and rebalances."""

from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Any

from scenarios.incidents import oscillating_lag
from scenarios.incidents.members import evictions
from sim.rules.errors import ConfigError
from sim.teach.exercises.exercise import Exercise, Variant, near

__all__ = ["EXERCISES"]

LEAST_RECORDS, MOST_MS = 20, 30_000
STORY = {"instances": 3, "arrivals": "poisson:3", "backlog": 400, "duration": "60s", "slow_every": "60s"}


def _draw_wait(chance: Random) -> Variant:
    """A batch that ends within the poll interval, or not."""
    records, interval_s = chance.choice((100, 200, 250, 400, 500)), chance.choice((60, 120, 300))
    return {"records": records, "work_ms": chance.randrange(50, 900, 10), "interval_s": interval_s}


def _wait_s(variant: Variant) -> float:
    return min(float(variant["records"] * variant["work_ms"] / 1000), float(variant["interval_s"]))


def _hint_wait(variant: Variant, answer: Any) -> str:
    batch_s, right_s = variant["records"] * variant["work_ms"] / 1000, _wait_s(variant)
    if near(right_s, answer, 0.05):
        return ""
    if answer < right_s / 2:
        return "Too short. A member gives its partitions up, and joins, when it polls. When does this one poll again?"
    if near(batch_s, answer, 0.05):
        return "For so long it works. But does the group wait so long for anybody's next poll?"
    if answer > right_s:
        return "Too long: the group waits for its slowest member, but not for longer than one setting says. Which one?"
    return "Records of a batch times the work for one, and beside it how long the group is ready to wait."


def _draw_saw(chance: Random) -> Variant:
    return {"slow_ms": chance.choice((620, 680, 740, 820, 900))}


@cache
def _leave(slow_ms: int, settings: tuple[tuple[str, str], ...]) -> int:
    """How many members leave the group that is slow together. Raises ConfigError for what cannot be set."""
    given = {**STORY, "slow_lasts": "52s", "slow_ms": slow_ms, **dict(settings)}
    return evictions(oscillating_lag.scenario.run(seed=42, set=given), "together")


def _solve_saw(variant: Variant) -> Mapping[str, object]:
    return {"max.poll.records": MOST_MS // int(variant["slow_ms"]) - 1}


def _hint_saw(variant: Variant, answer: Any) -> str:
    plain = {str(key).removeprefix("consumer."): str(value) for key, value in answer.items()}
    if knobs := sorted(set(plain) & set(oscillating_lag.KNOBS)):
        return f"`{knobs[0]}` belongs to the story. Change settings of Kafka; names such as `fetch.min.bytes`."
    try:
        records, interval_ms = (int(plain.get(key, at_least)) for key, at_least in _LIMITS.items())
        left = _leave(variant["slow_ms"], tuple(sorted((str(key), str(value)) for key, value in answer.items())))
    except (ConfigError, ValueError) as error:
        return f"This cannot be flown: {error}."
    if interval_ms > MOST_MS:
        return "Nobody leaves, but one that hangs is now found later than was asked for. Look at the other factor."
    if records < LEAST_RECORDS:
        return "So few records in a poll were not asked for. How many of them just fit into the interval?"
    if left:
        return f"Members still leave, {left} of them in this flight. How long does a full batch take when all is slow?"
    return ""


_LIMITS = {"max.poll.records": oscillating_lag.BATCH, "max.poll.interval.ms": MOST_MS}


def _draw_moves(chance: Random) -> Variant:
    members = chance.randrange(3, 9)
    return {"members": members, "partitions": chance.randrange(4 * members, 8 * members)}


def _moves(variant: Variant) -> int:
    return int(variant["partitions"]) // (int(variant["members"]) + 1)


def _hint_moves(variant: Variant, answer: Any) -> str:
    if answer == _moves(variant):
        return ""
    if answer == variant["partitions"]:
        return "That is what an eager group does: all members give up everything. A cooperative one moves what it must."
    if answer <= 0:
        return "The new member is there to work: it must be given something."
    return "The new one gets its fair share, and the others keep what they have. How large is the share of one member?"


EXERCISES = (
    Exercise(
        id="05-1",
        answer="a number of seconds",
        draw=_draw_wait,
        asks=lambda variant: (
            f"""
            An eager group has `max.poll.interval.ms` = {1000 * variant["interval_s"]}. A poll returns
            {variant["records"]} records, and a member works {variant["work_ms"]} ms on each. One of them has just begun
            such a batch when a new member joins, and all others have nothing to do. For how many seconds does
            the group wait until it can share out its partitions (within 5 %)?
        """
        ),
        solve=_wait_s,
        judge=_hint_wait,
        wrong=lambda variant: (3, _wait_s(variant) + 45, 10 * _wait_s(variant)),
    ),
    Exercise(
        id="05-2",
        answer="a dict of Kafka's settings such as {'fetch.min.bytes': 1}",
        draw=_draw_saw,
        asks=lambda variant: (
            f"""
            Stop the saw-tooth. Now a record takes {variant["slow_ms"]} ms while the database is slow. Find settings of
            Kafka with which nobody leaves the group `together`. An instance that hangs must still be found after
            {MOST_MS // 1000} s at the latest, and a poll must be able to return {LEAST_RECORDS} records or more.
        """
        ),
        solve=_solve_saw,
        judge=_hint_saw,
        wrong=lambda _: (
            {"session.timeout.ms": 45_000},
            {"max.poll.interval.ms": 60_000},
            {"max.poll.records": 5},
        ),
        takes=(dict,),
    ),
    Exercise(
        id="05-3",
        answer="a number of partitions, a whole number",
        draw=_draw_moves,
        asks=lambda variant: (
            f"""
            {variant["members"]} members share {variant["partitions"]} partitions as evenly as they can be, with the
            assignor `cooperative-sticky`. One more member joins. How many partitions get another owner?
        """
        ),
        solve=_moves,
        judge=_hint_moves,
        wrong=lambda variant: (variant["partitions"], 0, _moves(variant) + 1),
        takes=(int,),
    ),
)
