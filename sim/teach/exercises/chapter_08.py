"""Exercises of chapter 8, queues."""

from math import log
from random import Random
from typing import Any

from sim.machine.devices import Cpu
from sim.machine.streams import Streams
from sim.teach.exercises.exercise import Exercise, Variant, near

__all__ = ["EXERCISES"]

WIDEST = 0.3
"""An interval may be so wide, as a share of its middle."""

TICKS, WARM_UP, REQUESTS = 1_000_000, 1000, 12_000


def _draw_interval(chance: Random) -> Variant:
    return {"load": chance.choice((0.55, 0.6, 0.65))}


def _wait(load: float, seed: int) -> float:
    """The mean wait of one flight at one server, in service times."""
    streams, cpu = Streams(seed), Cpu(1)
    times = (streams.columns("gaps").exponential(TICKS / load, REQUESTS).cumsum()).astype(int).tolist()
    costs = streams.columns("work").exponential(TICKS, REQUESTS).astype(int).tolist()
    waits = [cpu.work(at, cost) - cost - at for at, cost in zip(times, costs, strict=True)][WARM_UP:]
    return float(sum(waits) / len(waits) / TICKS)


def _interval(variant: Variant) -> tuple[float, float]:
    from sim.plan.statistics import interval

    found = interval([_wait(variant["load"], seed) for seed in range(10)])
    return found.low, found.high


def _hint_interval(variant: Variant, answer: Any) -> str:
    if len(answer) != 2 or not all(isinstance(end, int | float) for end in answer):
        return "An interval has two ends: (low, high)."
    (low, high), right = answer, variant["load"] / (1 - variant["load"])
    if low > high:
        return "The lower end comes first."
    if low <= right <= high and high - low <= WIDEST * (low + high) / 2:
        return ""
    if low <= right <= high:
        return f"The true mean is inside, but the interval is {high - low:.2f} wide. Take more flights, or longer ones."
    if high - low < 0.04 * right:
        return "Very sure, and wrong: are the samples independent? Those of one flight are not, take means of flights."
    if high < right:
        return "Too low. Did you leave out the warm-up, and is it the load that was asked for?"
    return "Too high: it is the wait that was asked for, without the work itself."


def _draw_busy(chance: Random) -> Variant:
    work_ms = chance.choice((1, 2, 4))
    return {"work_ms": work_ms, "most_ms": work_ms * chance.randrange(8, 24)}


def _rate(variant: Variant) -> float:
    return float(1000 / variant["work_ms"] - 1000 * log(100) / variant["most_ms"])


def _hint_busy(variant: Variant, answer: Any) -> str:
    full, most_ms = 1000 / variant["work_ms"], variant["most_ms"]
    if near(_rate(variant), answer, 0.03):
        return ""
    if answer >= full:
        return "That is all the server can do, or more: the queue would never end."
    if near(full - 1000 / most_ms, answer, 0.03):
        return "So the *mean* stay keeps the limit. One in a hundred stays longer: how many times the mean?"
    if answer > _rate(variant):
        return "Too many. The 99th percentile is ln(100) times the mean stay, and the mean stay is work / (1 - load)."
    return "It could be more. Which mean stay may there be at most, and which load makes it?"


def _draw_little(chance: Random) -> Variant:
    return {"lag": 100 * chance.randrange(20, 90), "rate": 10 * chance.randrange(20, 60)}


def _age(variant: Variant) -> float:
    return float(variant["lag"] / variant["rate"])


def _hint_little(variant: Variant, answer: Any) -> str:
    if near(_age(variant), answer, 0.03):
        return ""
    if near(variant["lag"], answer, 0.03):
        return "That is a number of records. L = λ W: which of the three is it, and which is asked for?"
    if near(variant["rate"] / variant["lag"], answer, 0.03):
        return "Upside down: look at the units, seconds are to come out."
    return "Little's law holds whatever the group does: L = λ W. You know L and λ."


EXERCISES = (
    Exercise(
        id="08-1",
        answer="an interval, (low, high), in service times",
        draw=_draw_interval,
        asks=lambda variant: (
            f"""
            One server, exponential gaps and exponential work, a load of {variant["load"]:.0%}. Give the mean wait in
            service times as an interval (low, high) that you are 95 % sure of, and that is not wider than
            {WIDEST:.0%} of its middle.
        """
        ),
        solve=_interval,
        judge=_hint_interval,
        wrong=lambda variant: (
            (0.0, 10.0),
            (variant["load"], variant["load"] * 1.001),
            (1 / (1 - variant["load"]) - 0.1, 1 / (1 - variant["load"]) + 0.1),
            (3.0, 1.0),
        ),
        takes=(tuple, list),
    ),
    Exercise(
        id="08-2",
        answer="a number of requests per second",
        draw=_draw_busy,
        asks=lambda variant: (
            f"""
            A broker has one request handler, a request needs {variant["work_ms"]} ms on average (exponential), and
            requests come by chance. No more than one in a hundred may stay longer than {variant["most_ms"]} ms, wait
            and work together. How many requests a second may come at most (within 3 %)?
        """
        ),
        solve=_rate,
        judge=_hint_busy,
        wrong=lambda variant: (
            1000 / variant["work_ms"],
            1000 / variant["work_ms"] - 1000 / variant["most_ms"],
            1,
        ),
    ),
    Exercise(
        id="08-3",
        answer="a number of seconds",
        draw=_draw_little,
        asks=lambda variant: (
            f"""
            A group's lag has been {variant["lag"]:,} records for hours, give or take a few, and {variant["rate"]}
            records a second come in. How long does a record wait until the group has done it, in seconds (within 3 %)?
        """
        ),
        solve=_age,
        judge=_hint_little,
        wrong=lambda variant: (variant["lag"], variant["rate"] / variant["lag"], variant["lag"] * variant["rate"]),
    ),
)
