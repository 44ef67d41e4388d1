"""Listens to a flight and keeps what a recording would have: the controller's changes, and what the clients saw."""

from collections.abc import Mapping
from typing import Any

from sim.rules.controller.metadata import MetadataImage
from sim.rules.facts.journal import (
    BrokerFenced,
    BrokerRegistered,
    BrokerStopped,
    BrokerUnfenced,
    IsrChanged,
    LeaderElected,
    RecordsAcknowledged,
    RecordsDelivered,
)
from sim.rules.facts.replication import BrokerShuttingDown
from sim.rules.storage.batch import RecordColumns
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight

__all__ = ["Witness"]

MILLISECOND = 1e6


class Witness:
    """`changes` are as a recording lists them, `acknowledged` batches with their time, `delivered` times by topic."""

    def __init__(self, flight: Flight, zero: int, ids: Mapping[int, int]) -> None:
        self.changes: list[dict[str, Any]] = []
        self.exits: dict[int, float] = {}
        self.acknowledged: dict[str, list[tuple[RecordColumns, int]]] = {}
        self.delivered: dict[str, list[int]] = {}
        self._zero = zero
        self._ids = ids
        self._flight = flight
        self._leaders: dict[TopicPartition, int] = {}
        self._in_sync: dict[TopicPartition, frozenset[int]] = {}
        listen = flight.machine.facts.listen
        listen(BrokerRegistered, lambda t, fact: self._note(t, type="register", broker=ids[fact.broker_id]))
        listen(BrokerFenced, lambda t, fact: self._broker(t, fact.broker_id, fenced=1))
        listen(BrokerUnfenced, lambda t, fact: self._broker(t, fact.broker_id, fenced=-1))
        listen(BrokerShuttingDown, lambda t, fact: self._broker(t, fact.broker_id, inControlledShutdown=1))
        listen(BrokerStopped, self._on_stopped)
        listen(LeaderElected, self._on_elected)
        listen(IsrChanged, self._on_isr_changed)
        listen(RecordsAcknowledged, self._on_acknowledged)
        listen(RecordsDelivered, self._on_delivered)

    def begin(self, image: MetadataImage) -> None:
        """The cluster stands: what is written from now on is a change."""
        self._leaders = {name: partition.leader for name, partition in image.partitions.items()}
        self._in_sync = {name: frozenset(partition.isr) for name, partition in image.partitions.items()}
        self.changes.clear()

    def ms(self, time: int) -> float:
        """A time of the flight as a recording tells it."""
        return (time - self._zero) / MILLISECOND

    def _note(self, time: int, **change: object) -> None:
        self.changes.append({"t": self.ms(time), **change})

    def _broker(self, time: int, broker_id: int, **change: int) -> None:
        self._note(time, type="broker", broker=self._ids[broker_id], **change)

    def _on_stopped(self, time: int, fact: BrokerStopped) -> None:
        self.exits.setdefault(self._ids[fact.broker_id], self.ms(time))

    def _on_elected(self, time: int, fact: LeaderElected) -> None:
        if self._leaders.get(fact.partition) != fact.leader:
            self._leaders[fact.partition] = fact.leader
            leader = self._ids.get(fact.leader, fact.leader)
            self._note(time, type="partition", topic=fact.partition.topic, leader=leader)

    def _on_isr_changed(self, time: int, fact: IsrChanged) -> None:
        if self._in_sync.get(fact.partition) != frozenset(fact.isr):
            self._in_sync[fact.partition] = frozenset(fact.isr)
            isr = [self._ids[broker] for broker in fact.isr]
            self._note(time, type="partition", topic=fact.partition.topic, isr=isr)

    def _on_acknowledged(self, time: int, fact: RecordsAcknowledged) -> None:
        self.acknowledged.setdefault(fact.partition.topic, []).append((fact.columns, time))

    def _on_delivered(self, time: int, fact: RecordsDelivered) -> None:
        self.delivered.setdefault(fact.partition.topic, []).append(time)
