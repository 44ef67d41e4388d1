"""Exercises of chapter 11, the misconception museum."""

from functools import cache
from random import Random
from typing import Any

from scenarios.misconceptions import all_means_all, committed_is_last_read
from sim.rules.errors import ConfigError
from sim.run import Run
from sim.teach.exercises.exercise import Exercise, Variant

__all__ = ["EXERCISES"]

GOAL = 0.4


def _draw_rate(chance: Random) -> Variant:
    return {"rate": chance.randrange(12, 31)}


@cache
def _shop(settings: tuple[tuple[str, Any], ...], rate: int) -> Run:
    return all_means_all.scenario.run(seed=42, set={**dict(settings), "rate": rate})


def _hint_shop(variant: Variant, answer: Any) -> str:
    if not all(isinstance(key, str) for key in answer):
        return "The keys of the dictionary are names of settings, in quotes."
    try:
        run = _shop(tuple(answer.items()), variant["rate"])
    except (ConfigError, TypeError) as error:
        return f"This cannot be flown: {error}"
    taken, missing = run.results["acknowledged"], run.results["missing"]
    sent = variant["rate"] * all_means_all.END_S
    if missing and run.results["acknowledged_alone"]:
        return f"{missing:,} orders are missing, and the leader took orders alone. What would make it refuse them?"
    if missing:
        return f"{missing:,} acknowledged orders are missing. Who has to have an order before it is acknowledged?"
    if taken < GOAL * sent:
        return f"None is missing, but only {taken:,} of {sent:,} were acknowledged: a shop that sells little."
    return ""


def _draw_restarts(chance: Random) -> Variant:
    return {"restarts": chance.randrange(4, 9)}


@cache
def _twice(restarts: int) -> int:
    run = committed_is_last_read.scenario.run(seed=42, set={"restarts": restarts})
    return int(run.results["booked_again"])


def _hint_twice(variant: Variant, answer: Any) -> str:
    right, restarts = _twice(variant["restarts"]), variant["restarts"]
    if answer == right:
        return ""
    if answer == 0:
        return "None, if it committed the offset of the *next* entry. It commits that of the last one it has booked."
    if answer in (1, restarts):
        return "Offsets are committed for each partition on its own: in which of them does it go on one too early?"
    if answer == committed_is_last_read.PARTITIONS:
        return "So many at one restart. And after the next one?"
    return "What is the first entry that it reads of a partition after a restart? Count partitions and restarts."


EXERCISES = (
    Exercise(
        id="11-1",
        answer='a dictionary of settings, such as {"acks": "1"}',
        draw=_draw_rate,
        asks=lambda variant: (
            f"""
            The shop of card 7 sends {variant["rate"]} orders a second, with `acks=all`, and loses some that were
            acknowledged. Find one or more Kafka settings with which none is lost, and {GOAL:.0%} of all orders or more
            are acknowledged. Your answer is a dictionary of settings and values, and is flown.
        """
        ),
        solve=lambda _: {"min.insync.replicas": 2},
        judge=_hint_shop,
        wrong=lambda _: ({}, {"min.insync.replica": 2}, {"acks": "1"}, {"min.insync.replicas": 1}),
        takes=(dict,),
    ),
    Exercise(
        id="11-2",
        answer="a number of entries, a whole number",
        draw=_draw_restarts,
        asks=lambda variant: (
            f"""
            The believer of card 11 reads {committed_is_last_read.PARTITIONS} partitions to their end, and commits the
            offset of the last entry it has booked in each. Then it is closed and started again, {variant["restarts"]}
            times; no new entries come. How many bookings are there too many in the end?
        """
        ),
        solve=lambda variant: _twice(variant["restarts"]),
        judge=_hint_twice,
        wrong=lambda variant: (0, variant["restarts"], committed_is_last_read.PARTITIONS, 500),
        takes=(int,),
    ),
)
