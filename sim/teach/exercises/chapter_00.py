"""Exercises of chapter 0, the whole game."""

from functools import cache
from random import Random
from typing import Any

from scenarios.uses import payment_fraud
from sim.run import Run
from sim.teach.exercises.exercise import Exercise, Variant, near

__all__ = ["EXERCISES"]

STORY = {"arrivals": "poisson:100", "duration": "75s", "broker_crash_at": "70s", "detector_back_after": "40s"}


@cache
def _flight(crash_s: int, timeout_ms: int) -> Run:
    given = {**STORY, "detector_crash_at": f"{crash_s}s", "session.timeout.ms": timeout_ms}
    return payment_fraud.scenario.run(seed=42, set=given, until="66s")


def _draw(chance: Random) -> Variant:
    return {"crash_s": chance.randrange(18, 26), "timeout_ms": 1000 * chance.randrange(28, 36)}


def _peak_s(variant: Variant) -> float:
    run = _flight(variant["crash_s"], variant["timeout_ms"])
    seconds, lags = run.metrics.series("records-lag", group="fraud-detection")
    return float(max(zip(lags, seconds, strict=True))[1])


def _hint(variant: Variant, answer: Any) -> str:
    peak_s, crash_s, timeout_s = _peak_s(variant), variant["crash_s"], variant["timeout_ms"] / 1000
    if near(peak_s, answer, 3.1 / peak_s):
        return ""
    if answer <= crash_s + 1:
        return "At that moment it has only just died, and nobody has missed it: the lag begins to grow, for how long?"
    if answer < peak_s:
        return f"Too early: who misses a member, and for how long does it wait? For more than {timeout_s / 2:g} s."
    return "Too late: by then the others have its partitions, and the lag falls. When does its session end?"


EXERCISES = (
    Exercise(
        id="00-1",
        answer="a number of seconds",
        draw=_draw,
        asks=lambda variant: (
            f"""
            Payments arrive at 100 a second. Detector 2 is killed at {variant["crash_s"]} s, and
            `session.timeout.ms` is {variant["timeout_ms"]}. Nothing else happens. At what second of the flight is the
            lag of `fraud-detection` at its highest (within three seconds)?
        """
        ),
        solve=_peak_s,
        judge=_hint,
        wrong=lambda variant: (variant["crash_s"], variant["crash_s"] + 5, variant["crash_s"] + 45),
    ),
)
