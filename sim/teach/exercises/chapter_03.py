"""Exercises of chapter 3, the producer: latency and throughput."""

from functools import cache
from random import Random
from typing import Any

from sim.machine.hardware import nearest
from sim.rules.errors import ConfigError
from sim.teach.exercises.exercise import Exercise, Variant, near
from sim.teach.writing import Writing, write

__all__ = ["EXERCISES"]

SIZE_BYTES, IN_FLIGHT = 2000, 5
KEYS = ("acks", "batch.size", "buffer.memory", "compression.type", "linger.ms", "max.in.flight.requests.per.connection")


@cache
def _written(rate: int, size_bytes: int, away_ms: int, seconds: int, *config: tuple[str, str]) -> Writing:
    load = f"poisson:{rate}"
    return write(dict(config), arrivals=load, size_bytes=size_bytes, away_ms=away_ms, seconds=seconds)


def _draw_window(chance: Random) -> Variant:
    return {"away_ms": chance.randrange(15, 41, 5), "batch_size": chance.choice((8_192, 16_384, 32_768))}


def _most(variant: Variant) -> float:
    away_ms, batch = int(variant["away_ms"]), int(variant["batch_size"])
    rate = 2 * IN_FLIGHT * batch // SIZE_BYTES * 500 // away_ms
    found = _written(rate, SIZE_BYTES, away_ms, 1, ("batch.size", str(batch)))
    return round(found.records_per_s)


def _hint_window(variant: Variant, answer: Any) -> str:
    most, per_batch = _most(variant), variant["batch_size"] / SIZE_BYTES
    if near(most, answer, 0.1):
        return ""
    if near(most / IN_FLIGHT, answer, 0.1):
        return "So many with one request at a time. How many may be on their way to one broker unanswered?"
    if near(most / per_batch, answer, 0.2):
        return "So many *batches*. How many records are in a full one?"
    if near(2 * most, answer, 0.1):
        return "A message needs that long in one direction. An answer has to come back as well."
    return "Requests on their way, times records in a full batch, divided by the time until an answer is there."


def _draw_linger(chance: Random) -> Variant:
    linger_ms = chance.choice((10, 20, 25, 40))
    return {"linger_ms": linger_ms, "rate": chance.randrange(3, 8) * 500 // linger_ms}


def _batches_per_s(variant: Variant) -> float:
    found = _written(variant["rate"], 100, 0, 10, ("linger.ms", str(variant["linger_ms"])))
    return round(found.batches / 10, 1)


def _hint_linger(variant: Variant, answer: Any) -> str:
    right, rate, linger_ms = _batches_per_s(variant), variant["rate"], variant["linger_ms"]
    if near(right, answer, 0.1):
        return ""
    if answer >= rate:
        return "So many if each record travelled alone. But those that come while the first one waits go with it."
    if near(1000 / linger_ms, answer, 0.1):
        return "Nearly. But the clock of the next batch starts with its first record, and that has to come first."
    return "From one batch to the next: linger.ms, and the mean time until a record comes. How often in a second?"


def _draw_config(chance: Random) -> Variant:
    away_ms = chance.randrange(15, 31, 5)
    return {"away_ms": away_ms, "rate": chance.randrange(1400, 1900, 100), "goal_ms": 2 * away_ms + 25}


def _hint_config(variant: Variant, answer: Any) -> str:
    config = {str(key).replace("_", "."): str(value) for key, value in answer.items()}
    if strange := [key for key in config if key not in KEYS]:
        return f"This chapter knows no {strange[0]!r}{nearest(strange[0], KEYS)}"
    if config.get("acks", "all") not in ("all", "-1"):
        return "The readings must be safe: acks stays all. What else keeps the requests small, or the wait long?"
    try:
        found = _written(variant["rate"], SIZE_BYTES, variant["away_ms"], 3, *sorted(config.items()))
    except ConfigError as error:
        return f"Kafka would not take it: {error}"
    if found.given_up:
        return "Records were given up. Being fast with the others does not help them."
    if found.records_per_s < 0.95 * variant["rate"]:
        return (
            f"It does {found.records_per_s:,.0f} records a second, and more come. Waiting longer does not help where "
            "batches are full anyway: what limits the bytes that are on their way?"
        )
    if found.p99_ms >= variant["goal_ms"]:
        return (
            f"It keeps up, but p99 is {found.p99_ms:.0f} ms. Who waits for whom: the first record of a batch for the "
            "last, or a batch for a request to come back? Look at how many batches there are."
        )
    return ""


EXERCISES = (
    Exercise(
        id="03-1",
        answer="a number of records per second",
        draw=_draw_window,
        asks=lambda variant: (
            f"""
            A producer is far from its cluster: a message takes {variant["away_ms"]} ms in one direction. It writes
            records of {SIZE_BYTES} bytes to one partition, with `batch.size={variant["batch_size"]}` and at most
            {IN_FLIGHT} requests unanswered. How many records a second can it write at most (within 10 %)?
        """
        ),
        solve=_most,
        judge=_hint_window,
        wrong=lambda variant: (
            _most(variant) / IN_FLIGHT,
            IN_FLIGHT * 500 / variant["away_ms"],
            variant["batch_size"] * IN_FLIGHT,
        ),
    ),
    Exercise(
        id="03-2",
        answer="a number of batches per second",
        draw=_draw_linger,
        asks=lambda variant: (
            f"""
            Small records come to one partition by chance, {variant["rate"]} a second on average.
            `linger.ms={variant["linger_ms"]}`, the brokers are near, and no batch gets full. How many batches a second
            does the producer send (within 10 %)?
        """
        ),
        solve=_batches_per_s,
        judge=_hint_linger,
        wrong=lambda variant: (variant["rate"], 1000 / variant["linger_ms"], 1),
    ),
    Exercise(
        id="03-3",
        answer='settings of the producer, such as {"linger.ms": 10}',
        draw=_draw_config,
        asks=lambda variant: (
            f"""
            {variant["rate"]:,} records a second of {SIZE_BYTES} bytes go to one partition of a cluster that is
            {variant["away_ms"]} ms away in one direction. Find settings of the producer with which it keeps up, and
            99 of 100 records are acknowledged within {variant["goal_ms"]} ms. `acks` stays `all`.
        """
        ),
        solve=lambda variant: {"batch.size": 131_072, "linger.ms": variant["away_ms"] // 2},
        judge=_hint_config,
        wrong=lambda variant: (  # noqa: ARG005
            {},
            {"batch.size": 1_000_000, "linger.ms": 500},
            {"batch.sise": 131_072},
            {"acks": 1},
        ),
        takes=(dict,),
    ),
)
