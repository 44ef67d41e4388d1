"""Exercises of chapter 10, the incident room."""

from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Any

from sim.rules.errors import ConfigError
from sim.teach.exercises.exercise import Exercise, Variant
from sim.teach.incidents import Room, find, open_room
from sim.teach.incidents.causes import CAUSES
from sim.teach.incidents.incident import Case

__all__ = ["EXERCISES"]

LATE, LAG = "some-come-late", "lag-grows"
MENDED = 0.8
SIGNS: Mapping[str, str] = {
    "hot-key": "Then the member behind would be handed more records than any other: see records-consumed-rate.",
    "poison-record": "Then one member would live and commit nothing at all any more: see commit-rate.",
    "slow-consumer": "Then one member would come further, but less often than the others: see time-between-poll-max.",
    "traffic-burst": "Then all partitions would get more than before: see MessagesInPerSec.",
}
ELSEWHERE = "Look who is behind first: see records-lag. What does the member do that reads that partition?"


@cache
def _case(incident: str, seed: int) -> Case:
    return find(incident).draw(seed)[0]


@cache
def _room(seed: int) -> Room:
    return open_room(LAG, seed=seed)


def _hint_cause(variant: Variant, answer: Any) -> str:
    return "" if answer == _cause(variant) else SIGNS.get(answer, ELSEWHERE)


def _cause(variant: Variant) -> str:
    return _case(LATE, variant["seed"]).cause


def _draw_lag(chance: Random) -> Variant:
    """One that more members mend."""
    while True:
        seed = chance.randrange(1000)
        if _case(LAG, seed).cause != "too-few-partitions":
            return {"seed": seed}


def _group(variant: Variant) -> str:
    return _case(LAG, variant["seed"]).script.consumers[0].group


def _hint_fix(variant: Variant, answer: Any) -> str:
    room = _room(variant["seed"]).again()
    try:
        room.fix(answer)
    except ConfigError as error:
        return f"{error}."
    mended = room.debrief().mine
    share = mended.share if mended else 0.0
    if share >= MENDED:
        return ""
    if share < MENDED / 4:
        return "It goes on as before. What is short: what comes in, the time for a record, or hands to do the work?"
    return "It helps, but at the end the group is still behind. What comes in, and what can one member do in a second?"


EXERCISES = (
    Exercise(
        id="10-1",
        answer=f"the name of a cause, such as {next(iter(CAUSES))!r}",
        draw=lambda chance: {"seed": chance.randrange(1000)},
        asks=lambda variant: (
            f"""
            Open `incidents.open_room("{LATE}", seed={variant["seed"]})`, read its `page`, and look at graphs.
            What is the cause? It is one of the names in `incidents.causes.CAUSES`.
        """
        ),
        solve=_cause,
        judge=_hint_cause,
        wrong=lambda variant: (*(cause for cause in SIGNS if cause != _cause(variant)), "slow-disk"),
        options=tuple(CAUSES),
    ),
    Exercise(
        id="10-2",
        answer="a dictionary of changes, such as {'max.poll.records': 100}",
        draw=_draw_lag,
        asks=lambda variant: (
            f"""
            Open `incidents.open_room("{LAG}", seed={variant["seed"]})`. Which change, made at the moment of the page,
            takes away at least {MENDED:.0%} of the lag that the group `{_group(variant)}` would have at the end? It is
            written as for `room.fix`.
        """
        ),
        solve=lambda variant: dict(_case(LAG, variant["seed"]).fix),
        judge=_hint_fix,
        wrong=lambda variant: ({}, {"max.poll.records": 10}, {f"members.{_group(variant)}": 5}),
        takes=(dict,),
    ),
)
