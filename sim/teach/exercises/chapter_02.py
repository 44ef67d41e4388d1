"""Exercises of chapter 2, partitions and keys."""

from functools import cache
from math import lcm
from random import Random
from typing import Any

from sim.rules.producer.partitioner import partition_for_key
from sim.teach.exercises.exercise import Exercise, Variant, near

__all__ = ["EXERCISES"]

MOST_SALTS, GOAL = 60, 1.3
GROWTHS = ((4, 5), (4, 6), (6, 7), (6, 8), (6, 9), (8, 12), (9, 12), (10, 15), (12, 16), (12, 18))


@cache
def _skew(key: str, share: float, partitions: int, salts: int) -> float:
    """The load of the fullest partition over the mean, when one key's share is spread and all else is even."""
    loads = [(1 - share) / partitions] * partitions
    for salt in range(salts):
        loads[partition_for_key(b"%s#%d" % (key.encode(), salt), partitions)] += share / salts
    return max(loads) * partitions


def _reached(variant: Variant, salts: int) -> bool:
    return _skew(variant["key"], variant["share"], variant["partitions"], salts) < GOAL


def _draw_salts(chance: Random) -> Variant:
    """One that can be solved, and not by as many salts as there are partitions."""
    while True:
        partitions, share = chance.choice((6, 8)), chance.randrange(50, 71, 5) / 100
        variant = {"key": f"org-{chance.randrange(100)}", "share": share, "partitions": partitions}
        enough = [salts for salts in range(1, MOST_SALTS + 1) if _reached(variant, salts)]
        if enough and enough[0] > partitions:
            return variant


def _fewest_salts(variant: Variant) -> int:
    return next(salts for salts in range(1, MOST_SALTS + 1) if _reached(variant, salts))


def _hint_salts(variant: Variant, answer: Any) -> str:
    if answer < 1:
        return "At least one key it must have."
    if answer > MOST_SALTS:
        return "Whoever wants all events of this key must now collect them from so many places. Too many: see above."
    if _reached(variant, answer):
        return ""
    if answer < variant["partitions"]:
        return "Fewer keys than partitions: some partition gets none of it, and what gets some gets a lot."
    return (
        "Keys are thrown at partitions like dice, not dealt like cards: some partition has got several of them. "
        "Compute where each one goes, and what the fullest has."
    )


def _draw_growth(chance: Random) -> Variant:
    before, after = chance.choice(GROWTHS)
    return {"before": before, "after": after}


def _moved(variant: Variant) -> float:
    """Of all hashes the share whose remainder changes."""
    before, after = int(variant["before"]), int(variant["after"])
    hashes = range(lcm(before, after))
    return sum(number % before != number % after for number in hashes) / len(hashes)


def _hint_growth(variant: Variant, answer: Any) -> str:
    before, after = variant["before"], variant["after"]
    if near(_moved(variant), answer, 0.03):
        return ""
    if answer <= 0:
        return "No record moves, that is true. But where does the *next* record of a key go?"
    if answer > 1:
        return "A share lies between 0 and 1."
    if near((after - before) / after, answer, 0.03):
        return "So many must move at least, to fill the new ones. But keys do not know which partitions are new."
    return "Write down the remainders of 0, 1, 2, … by both numbers until they repeat. How often are they equal?"


def _draw_hot(chance: Random) -> Variant:
    work_ms = chance.choice((8, 10, 12.5))
    share, partitions = chance.randrange(55, 80, 5) / 100, chance.choice((8, 10, 12))
    rate = chance.randrange(round(1300 / work_ms / share), round(1800 / work_ms / share), 10)
    return {"rate": rate, "share": share, "partitions": partitions, "work_ms": work_ms}


def _growth(variant: Variant) -> float:
    rate, share, partitions = float(variant["rate"]), float(variant["share"]), int(variant["partitions"])
    return round(share * rate + (1 - share) * rate / partitions - 1000 / float(variant["work_ms"]), 2)


def _hint_hot(variant: Variant, answer: Any) -> str:
    rate, share, most = variant["rate"], variant["share"], 1000 / variant["work_ms"]
    if near(_growth(variant), answer, 0.03):
        return ""
    if answer <= 0:
        return "All members together could do it. But one partition has one reader: look at the partition of that key."
    if near(share * rate - most, answer, 0.03):
        return "Nearly. Other keys live in that partition as well."
    if answer >= share * rate:
        return "So much comes in. What goes out: how many can one member do in a second?"
    return "In: this key's events and the partition's part of all others. Out: what one member can do in a second."


EXERCISES = (
    Exercise(
        id="02-1",
        answer="a number of salts, a whole number",
        draw=_draw_salts,
        asks=lambda variant: (
            f"""
            A topic has {variant["partitions"]} partitions. The key `{variant["key"]}` has {variant["share"]:.0%} of all
            events, and the rest is spread evenly. The key is salted: its events go in turn to `{variant["key"]}#0`,
            `{variant["key"]}#1` and so on. How many salts, at most {MOST_SALTS}, make the load of the fullest partition
            less than {GOAL} times the mean?
        """
        ),
        solve=_fewest_salts,
        judge=_hint_salts,
        wrong=lambda variant: (1, variant["partitions"], 100),
        takes=(int,),
    ),
    Exercise(
        id="02-2",
        answer="a share between 0 and 1",
        draw=_draw_growth,
        asks=lambda variant: (
            f"""
            A topic grows from {variant["before"]} to {variant["after"]} partitions. Which share of its keys has another
            partition from then on, between 0 and 1 (within 0.02)?
        """
        ),
        solve=_moved,
        judge=_hint_growth,
        wrong=lambda variant: (0, 1 - variant["before"] / variant["after"], 1.5),
    ),
    Exercise(
        id="02-3",
        answer="a number of records per second",
        draw=_draw_hot,
        asks=lambda variant: (
            f"""
            {variant["rate"]} events a second come to {variant["partitions"]} partitions. One key has
            {variant["share"]:.0%} of them, all others are spread evenly. A group has a member for each partition, and a
            member works {variant["work_ms"]:g} ms on an event. By how many events a second does the lag of that key's
            partition grow (within 3 %)?
        """
        ),
        solve=_growth,
        judge=_hint_hot,
        wrong=lambda variant: (
            0,
            variant["share"] * variant["rate"] - 1000 / variant["work_ms"],
            variant["share"] * variant["rate"],
        ),
    ),
)
