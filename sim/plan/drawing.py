"""The picture of an answer: cost against achieved p99, and against recovery."""

from typing import TYPE_CHECKING

from sim.plan.answer import Answer
from sim.plan.statistics import Interval
from sim.view.candidates import Mark, draw_candidates

if TYPE_CHECKING:
    from sim.view.picture import Picture

__all__ = ["draw"]


def draw(answer: Answer) -> "Picture":
    """Both panels as one figure."""
    priced = all(flown.month is not None for flown in answer.candidates)
    marks = tuple(
        Mark(
            name=f"{flown.candidate.brokers:,} x {flown.candidate.machine}",
            cost=flown.month if priced and flown.month is not None else float(flown.candidate.brokers),
            p99_ms=_spread(flown.p99_ms),
            recovery_s=None if flown.recovery_s is None else _spread(flown.recovery_s),
            chosen=flown is answer.chosen,
        )
        for flown in answer.candidates
    )
    unit = f"cost ({answer.currency} a month)" if priced else "brokers"
    chosen = next(mark for mark in marks if mark.chosen)
    recovery = f", {chosen.recovery_s[0]:,.0f} s to recover" if chosen.recovery_s is not None else ""
    best = "is cheapest" if priced else "has the fewest brokers"
    title = f"{chosen.name} {best}: p99 {chosen.p99_ms[0]:,.1f} ms{recovery}"
    return draw_candidates(marks, unit, answer.requirement.p99 * 1000, title)


def _spread(value: Interval) -> tuple[float, float]:
    return value.mean, value.half_width if value.count > 1 else 0.0
