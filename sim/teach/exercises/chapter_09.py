"""Exercises of chapter 9, capacity planning."""

from collections.abc import Mapping
from random import Random
from typing import Any

from sim.teach.exercises.exercise import Exercise, Variant, near

__all__ = ["EXERCISES"]

SHARE, MOST = 0.8, 60
"""Of a limit so much is planned with, and so many brokers are looked at."""


def _limits(brokers: int, variant: Variant) -> Mapping[str, float]:
    """What disk and card let through, in MB/s.

    Source: AWS, Best practices for right-sizing Apache Kafka clusters, Equation 1
    """
    copies, groups = int(variant["copies"]), int(variant["groups"])
    return {
        "disk": float(variant["disk"] * brokers / copies),
        "in": float(variant["card"] * brokers / copies),
        "out": float(variant["card"] * brokers / max(1, groups + copies - 1)),
    }


def _draw_limit(chance: Random) -> Variant:
    figures = {"disk": chance.randrange(80, 200, 10), "card": chance.randrange(100, 160, 10)}
    return {**figures, "brokers": chance.randrange(4, 10), "copies": 3, "groups": chance.randrange(2, 5)}


def _limit(variant: Variant) -> float:
    return min(_limits(variant["brokers"], variant).values())


def _hint_limit(variant: Variant, answer: Any) -> str:
    limits = _limits(variant["brokers"], variant)
    if near(_limit(variant), answer, 0.02):
        return ""
    if near(variant["card"] * variant["brokers"] / variant["groups"], answer, 0.02):
        return "Groups are not the only ones that fetch from a leader: who else gets each byte out of its card?"
    if any(near(limit, answer, 0.02) for limit in limits.values()):
        return "So much one resource lets through, but another one lets through less."
    if answer > max(limits.values()):
        return "More than any resource lets through. Each byte is written and fetched several times: how often?"
    return "Follow one byte: how often is it written, how often does it go out of a card? All brokers share that."


def _draw_order(chance: Random) -> Variant:
    figures = {"disk": chance.randrange(80, 200, 10), "card": chance.randrange(100, 160, 10)}
    return {**figures, "wanted": chance.randrange(100, 200, 10), "copies": 3, "groups": chance.randrange(2, 5)}


def _order(variant: Variant, spare: int = 1, share: float = SHARE) -> int:
    """The fewest brokers of which all but the spare ones take what is wanted, at a share of their limit."""
    fits = (n for n in range(3 + spare, MOST) if share * min(_limits(n - spare, variant).values()) >= variant["wanted"])
    return next(fits)


def _hint_order(variant: Variant, answer: Any) -> str:
    right = _order(variant)
    if answer == right:
        return ""
    if answer > right:
        return "That is enough, and it could be fewer: begin with a cluster that is too small, and count up."
    limits = _limits(int(answer) - 1, variant) if answer > 1 else {}
    if limits and min(limits.values()) >= variant["wanted"]:
        return f"It could just carry it with one down, at more than {SHARE:.0%} of the limit: no headroom."
    if answer >= _order(variant, spare=0):
        return "Enough on a good day. And with one broker less?"
    return "Too few: which resource is the bottleneck, and how much does one broker bring of it?"


def _draw_disk(chance: Random) -> Variant:
    return {"wanted": chance.randrange(10, 60, 5), "days": chance.randrange(2, 8), "brokers": chance.randrange(4, 9)}


def _disk_tb(variant: Variant) -> float:
    return float(variant["wanted"] * 86_400 * variant["days"] * 3 / (variant["brokers"] - 1) / SHARE / 1e6)


def _hint_disk(variant: Variant, answer: Any) -> str:
    right, brokers = _disk_tb(variant), variant["brokers"]
    if near(right, answer, 0.03):
        return ""
    if near(right / 3, answer, 0.03):
        return "Each event is stored more than once."
    if near(right * (brokers - 1) / brokers, answer, 0.03):
        return "That is for all brokers up. The copies of a dead one are made anew on the others."
    if near(right * SHARE, answer, 0.03):
        return f"Then the disk would be full to the brim, and not to {SHARE:.0%}."
    return (
        "Rate times time times copies is what the cluster stores. How many brokers share it, and how full may they be?"
    )


EXERCISES = (
    Exercise(
        id="09-1",
        answer="a number of MB per second",
        draw=_draw_limit,
        asks=lambda variant: (
            f"""
            {variant["brokers"]} brokers, each with a disk of {variant["disk"]} MB/s and a network card of
            {variant["card"]} MB/s in each direction; {variant["copies"]} copies of each partition, and
            {variant["groups"]} groups that read everything. How many MB/s of new events can go in at most (within 2 %)?
        """
        ),
        solve=_limit,
        judge=_hint_limit,
        wrong=lambda variant: (
            variant["brokers"] * variant["disk"] * 10,
            variant["card"] * variant["brokers"] / variant["groups"],
            max(_limits(variant["brokers"], variant).values()) if len({*_limits(1, variant).values()}) > 1 else 1,
        ),
    ),
    Exercise(
        id="09-2",
        answer="a number of brokers, a whole number",
        draw=_draw_order,
        asks=lambda variant: (
            f"""
            {variant["wanted"]} MB/s of new events are to go into a cluster with {variant["copies"]} copies;
            {variant["groups"]} groups read everything. A broker has a disk of {variant["disk"]} MB/s and a network card
            of {variant["card"]} MB/s in each direction. With one broker dead, and its copies made anew on the others,
            the bottleneck may be used up to {SHARE:.0%}. How many brokers do you order at least?
        """
        ),
        solve=_order,
        judge=_hint_order,
        wrong=lambda variant: (_order(variant, 0), _order(variant, 0, 1.0) - 1, _order(variant) + 3),
        takes=(int,),
    ),
    Exercise(
        id="09-3",
        answer="a number of terabytes",
        draw=_draw_disk,
        asks=lambda variant: (
            f"""
            {variant["wanted"]} MB/s of new events, kept for {variant["days"]} days in three copies on
            {variant["brokers"]} brokers. How large a disk does each broker need, in TB of a million MB, so that it is
            full to {SHARE:.0%} when one broker is dead and its copies have been made anew on the others (within 3 %)?
        """
        ),
        solve=_disk_tb,
        judge=_hint_disk,
        wrong=lambda variant: (
            _disk_tb(variant) / 3,
            _disk_tb(variant) * SHARE,
            _disk_tb(variant) * (variant["brokers"] - 1) / variant["brokers"],
        ),
    ),
)
