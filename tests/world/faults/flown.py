"""A small flight with faults: a shop that sends orders, a reader, and what they noted."""

import itertools
from collections.abc import Generator, Mapping
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.machine.clock import SECOND
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import JOURNAL, RecordsAcknowledged
from sim.world.cluster import ClusterSpec
from sim.world.faults import Fault
from sim.world.flight import Flight
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic


class Flown:
    """A flight of so many seconds; times in seconds."""

    def __init__(
        self,
        *faults: Fault,
        seconds: float = 20,
        every_ms: float = 20,
        value: bytes = b"order",
        topic_config: Mapping[str, object] | None = None,
        log_dirs: int = 1,
        **producer_config: object,
    ) -> None:
        self.every_ms, self.value, self.producer_config = every_ms, value, producer_config
        self.sent: list[float] = []
        self.acknowledged: list[float] = []
        self.latencies: list[float] = []
        self.timestamps_ms: list[int] = []
        self.keys: list[bytes | None] = []
        self.read: list[tuple[float, bytes | None]] = []
        self.facts: list[tuple[float, Any]] = []
        plan = Plan(
            duration=round(seconds * SECOND),
            cluster=ClusterSpec(3, 3, {"offsets.topic.num.partitions": 3}, log_dirs=log_dirs),
            topics=(Topic("orders", 2, 3, {"min.insync.replicas": 2, **(topic_config or {})}),),
            apps=(AppSpec("shop", self._shop), AppSpec("reader", self._reader)),
            faults=faults,
        )
        self.flight = Flight(plan, seed=3)
        for kind in (*JOURNAL, RecordsAcknowledged):
            self.flight.machine.facts.listen(kind, lambda time, fact: self.facts.append((time / SECOND, fact)))
        for _ in self.flight.fly(round(seconds * SECOND)):
            pass

    def when(self, kind: type, **values: object) -> list[float]:
        """Times of the facts of a kind with these values."""
        return [
            time
            for time, fact in self.facts
            if isinstance(fact, kind) and all(getattr(fact, name) == value for name, value in values.items())
        ]

    def silence(self, times: list[float] | None = None) -> tuple[float, float]:
        """The longest time between two neighbours, of acknowledgements if not told: its beginning and length."""
        times = sorted(self.acknowledged if times is None else times)
        return max(((one, other - one) for one, other in itertools.pairwise(times)), key=lambda gap: gap[1])

    def _shop(self, app: App) -> Generator[Event, Any, None]:
        producer = app.producer(**{"acks": "all", **self.producer_config})
        number = 0
        while True:
            due = yield from app.arrive(round(number * self.every_ms * 1e6))
            key = app.key(b"%d" % (number % 20))
            self.sent.append(due / SECOND)
            self.keys.append(key)

            def told(delivery: Any, due: int = due) -> None:
                if delivery.batch.error is None:
                    self.acknowledged.append(app.now / SECOND)
                    self.latencies.append((app.now - due) / SECOND)

            yield from producer.send("orders", self.value, key, sent_at=due, on_delivery=told)
            number += 1

    def _reader(self, app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("readers", ["orders"], auto_offset_reset="earliest")
        while True:
            for record in (yield from consumer.poll()):
                self.read.append((app.now / SECOND, record.value))
                self.timestamps_ms.append(record.timestamp)
                yield app.busy(ms=1)


def refusal(*faults: Fault) -> str:
    """What is said of faults that are refused before the run."""
    with pytest.raises(ConfigError) as refused:
        Flown(*faults, seconds=0)
    return str(refused.value)
