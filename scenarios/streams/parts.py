"""What several of these scenarios use: a source of numbered records, partitions of a topic, latencies in figures."""

from collections.abc import Generator, Sequence
from statistics import mean, median
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, parse_duration
from sim.rules.errors import ConfigError
from sim.rules.topics import TopicPartition
from sim.world.keys import Keys, keyed
from sim.world.settings import Settings
from sim.world.workload import Workload

__all__ = ["figures", "numbered", "partitions_of", "period_of"]


def numbered(topic: str, workload: Workload, duration: int, keys: Keys, begins: int = 0) -> Behaviour:
    """A source that sends b"0", b"1" and so on as they come, each with a key, from a time on (nanoseconds)."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all")
        times = workload.arrivals(app.machine.streams.columns(f"{topic}-arrivals"), duration)
        choices = keyed(times, keys, app.machine.streams.columns(f"{topic}-keys"))
        for number, (time, key) in enumerate(choices):
            due = yield from app.arrive(begins + time)
            yield from producer.send(topic, b"%d" % number, app.key(key), sent_at=due)
        yield from producer.close()

    return run


def partitions_of(topic: str, count: int) -> list[TopicPartition]:
    """The partitions of a topic, for consumers that no group assigns any."""
    return [TopicPartition(topic, number) for number in range(count)]


def period_of(settings: Settings, knob: str) -> int:
    """A knob that says how long something lasts again and again, in nanoseconds. Raises ConfigError below 1 ms."""
    period = parse_duration(settings[knob])
    if period < MILLISECOND:
        raise ConfigError(f"{knob}={settings[knob]}: must be at least 1ms")
    return period


def figures(latencies_ms: Sequence[float]) -> dict[str, float]:
    """Least, median, mean and most of some latencies in milliseconds; nothing for none."""
    if not latencies_ms:
        return {}
    found = (min(latencies_ms), median(latencies_ms), mean(latencies_ms), max(latencies_ms))
    return {name: round(value, 1) for name, value in zip(("least", "median", "mean", "most"), found, strict=True)}
