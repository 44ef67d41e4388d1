"""What the replicas of running brokers look like, and which of them have changed since one last looked."""

from collections.abc import Iterator
from typing import NamedTuple

from sim.actors.broker.broker import Broker
from sim.actors.broker.partition import Partition
from sim.rules.controller.election import PartitionRegistration
from sim.rules.facts.replication import ReplicaChanged
from sim.rules.storage.log import Log
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight

__all__ = ["Identity", "ReplicaWatch", "Sighting"]

Identity = tuple[TopicPartition, int]
"""A partition and the id of its topic, which differs when a topic of that name is made again."""


class Sighting(NamedTuple):
    """A replica at one moment, as its broker acts on it."""

    broker: Broker
    partition: Partition
    identity: Identity
    registration: PartitionRegistration
    high_watermark: int
    log_end_offset: int
    log_start_offset: int
    is_leader: bool

    @classmethod
    def of(cls, broker: Broker, partition: Partition, identity: Identity) -> "Sighting":
        """A replica as it is now; it leads if its broker believes so."""
        log, registration = partition.log, partition.registration
        return cls(
            broker,
            partition,
            identity,
            registration,
            partition.high_watermark.value,
            log.log_end_offset,
            log.log_start_offset,
            registration.leader == partition.broker_id,
        )

    @property
    def name(self) -> TopicPartition:
        """The partition."""
        return self.identity[0]

    @property
    def log(self) -> Log:
        """The replica's log, which goes on changing."""
        return self.partition.log

    @property
    def broker_id(self) -> int:
        """Whose replica it is."""
        return self.broker.node_id

    @property
    def leader_epoch(self) -> int:
        """The leader epoch that the broker knows."""
        return self.registration.leader_epoch


class ReplicaWatch:
    """Hears which replicas may have changed, and looks at them when the event is over."""

    def __init__(self, flight: Flight) -> None:
        self._brokers = flight.cluster.brokers
        self._sightings: dict[ReplicaChanged, Sighting] = {}
        self.changed: dict[ReplicaChanged, None] = {}
        flight.machine.facts.listen(ReplicaChanged, self._heard)

    def _heard(self, _: int, fact: ReplicaChanged) -> None:
        self.changed[fact] = None

    def changes(self) -> Iterator[tuple[Sighting | None, Sighting]]:
        """Each replica that may have changed: how it was seen before, in this life of its broker, and how it is now."""
        changed, self.changed = self.changed, {}
        for fact in changed:
            broker = self._brokers[fact.broker_id]
            partition = broker.replicas.partitions.get(fact.partition)
            if partition is not None and broker.life.alive:
                yield self._sight(fact, broker, partition)

    def _sight(self, fact: ReplicaChanged, broker: Broker, partition: Partition) -> tuple[Sighting | None, Sighting]:
        before, name = self._sightings.get(fact), fact.partition
        identity = (name, broker.topic_ids.get(name, 0)) if before is None else before.identity
        now = self._sightings[fact] = Sighting.of(broker, partition, identity)
        return before, now
