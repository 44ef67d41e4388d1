"""Exercises of chapter 6, delivery semantics."""

from collections.abc import Mapping
from functools import cache
from random import Random
from typing import Any

from scenarios.incidents import double_capture
from sim.rules.errors import ConfigError
from sim.teach.exercises.exercise import Exercise, Variant, near

__all__ = ["EXERCISES"]

STORY = {"duration": "22s", "scale_at": "16s", "partitions": 6}
CURES = ("finish_on_revoke", "idempotency_key")


@cache
def _again(rate: int, gateway_ms: int, settings: tuple[tuple[str, str], ...] = ()) -> int:
    """How many payments are captured again. Raises ConfigError for what cannot be set."""
    given = {**STORY, "arrivals": f"constant:{rate}", "gateway_ms": gateway_ms, **dict(settings)}
    return int(double_capture.scenario.run(seed=42, set=given).results["captured_again"])


def _draw_calls(chance: Random) -> Variant:
    return {"rate": chance.randrange(12, 24), "gateway_ms": chance.randrange(2000, 5001, 500)}


def _calls(variant: Variant) -> int:
    return _again(variant["rate"], variant["gateway_ms"])


def _hint_calls(variant: Variant, answer: Any) -> str:
    right, rate = _calls(variant), variant["rate"]
    if near(right, answer, 0.12):
        return ""
    if answer <= 0:
        return "The brokers count none, that is true. But who else has done something that no broker knows of?"
    if near(rate, answer, 0.05):
        return "So many begin in a second. For how long is a call under way?"
    if answer > right:
        return "Too many: what is answered was committed before. Count only what is under way at one moment."
    return "Too few: how many calls are under way at any moment? A queue without a limit: rate times time."


def _draw_cure(chance: Random) -> Variant:
    return {"rate": chance.randrange(10, 16), "forbidden": chance.choice(CURES)}


def _solve_cure(variant: Variant) -> Mapping[str, object]:
    return {next(cure for cure in CURES if cure != variant["forbidden"]): True}


def _hint_cure(variant: Variant, answer: Any) -> str:
    given = {str(key): str(value) for key, value in answer.items()}
    if fixed := sorted(set(given) & (set(double_capture.KNOBS) - set(CURES))):
        return f"`{fixed[0]}` belongs to the story: it cannot be changed."
    if given.get(variant["forbidden"], "false").lower() in ("true", "yes", "on", "1"):
        return f"`{variant['forbidden']}` is just what you cannot have. There is another way."
    try:
        again = _again(variant["rate"], 4000, tuple(sorted(given.items())))
    except ConfigError as error:
        return f"This cannot be flown: {error}."
    if not again:
        return ""
    if "partition.assignment.strategy" in " ".join(given):
        return f"Fewer partitions move, but what moves still takes its calls along: {again} are captured twice."
    return f"Still {again} are captured twice. No setting of Kafka's knows the gateway; who does know both of them?"


def _draw_price(chance: Random) -> Variant:
    return {"commit_ms": chance.randrange(4, 21), "share": chance.choice((1, 2, 3, 4, 5, 8, 10))}


def _interval_ms(variant: Variant) -> float:
    share = variant["share"] / 100
    return round(float(variant["commit_ms"] * (1 - share) / share), 2)


def _hint_price(variant: Variant, answer: Any) -> str:
    right, commit_ms = _interval_ms(variant), variant["commit_ms"]
    if near(right, answer, 0.05):
        return ""
    if answer <= commit_ms:
        return "Then it would commit for half of its time or more."
    if answer < right:
        return "Too short: of all the time that goes by, which share do commits take now?"
    return "That costs less than you may spend, and every reader waits for it. How short can it be?"


EXERCISES = (
    Exercise(
        id="06-1",
        answer="a number of payments",
        draw=_draw_calls,
        asks=lambda variant: (
            f"""
            {variant["rate"]} captures a second come, and a call of the gateway takes {variant["gateway_ms"]} ms. Pods
            are added, the (eager) group rebalances once, and nobody ends his calls before giving partitions up. How
            many payments are captured twice (within 10 %)?
        """
        ),
        solve=_calls,
        judge=_hint_calls,
        wrong=lambda variant: (0, variant["rate"], 5 * _calls(variant)),
    ),
    Exercise(
        id="06-2",
        answer="a dict of settings such as {'fetch.min.bytes': 1}",
        draw=_draw_cure,
        asks=lambda variant: (
            f"""
            Now {variant["rate"]} captures a second, and 4000 ms a call. Set `double-capture` so that no payment is
            captured twice. You may set anything of Kafka's, and `{CURES[0]}` or `{CURES[1]}`; but for you
            `{variant["forbidden"]}` is not to be had.
        """
        ),
        solve=_solve_cure,
        judge=_hint_cure,
        wrong=lambda variant: (
            {"enable.idempotence": "true"},
            {"partition.assignment.strategy": "cooperative-sticky"},
            {variant["forbidden"]: True},
        ),
        takes=(dict,),
    ),
    Exercise(
        id="06-3",
        answer="a number of milliseconds",
        draw=_draw_price,
        asks=lambda variant: (
            f"""
            To commit a transaction takes {variant["commit_ms"]} ms, whatever is in it, and nothing else is done
            meanwhile. At most {variant["share"]} % of the time may go into commits. How many milliseconds must a
            transaction stay open, at the least, before it is committed (within 5 %)?
        """
        ),
        solve=_interval_ms,
        judge=_hint_price,
        wrong=lambda variant: (variant["commit_ms"], _interval_ms(variant) / 2, 3 * _interval_ms(variant)),
    ),
)
