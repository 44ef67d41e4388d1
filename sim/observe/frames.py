"""The state of a cluster once per simulated second, as a replay needs it: how long each log is and what moved."""

from sim.rules.facts.journal import RecordsAcknowledged, RecordsDelivered, TopicCreated
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight

__all__ = ["Frames"]

MOST_PARTITIONS = 60
"""Partitions beyond these are not followed, so that a run of thousands costs no more."""


class Frames:
    """`times` are seconds from the start; a series is (frame, value) at each change of its value.

    Series are named `end/PARTITION/BROKER` (a replica's log end offset), `watermark/PARTITION` (the leader's high
    watermark) and `committed/GROUP/PARTITION`. `flows` counts the records that moved in each frame, by sender and
    receiver: names of applications, and broker ids. `began` holds how each partition was first seen: time in
    seconds, leader, in-sync replicas.
    """

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._cluster = flight.cluster
        self._apps_by_client: dict[str, str] = {}
        self._moved: dict[tuple[str, str], int] = {}
        self.times: list[float] = []
        self.series: dict[str, list[tuple[int, int]]] = {}
        self.flows: dict[tuple[str, str], list[tuple[int, int]]] = {}
        self.began: dict[TopicPartition, tuple[float, int, tuple[int, ...]]] = {}
        facts = flight.machine.facts
        facts.listen(TopicCreated, self._created)
        facts.listen(RecordsAcknowledged, self._acknowledged)
        facts.listen(RecordsDelivered, self._delivered)

    def app_of(self, client_id: str) -> str:
        """The application that a client lives in; the client itself where none is known."""
        apps = self._cluster.apps
        for kind in ("-producer-", "-share-consumer-", "-consumer-"):
            if (name := client_id.rpartition(kind)[0]) in apps:
                return name
        if client_id not in self._apps_by_client:
            for app in apps.values():
                ids = [producer.client_id for producer in app.producers]
                ids += [consumer.client_id for consumer in app.consumers]
                ids += [consumer.client_id for consumer in app.share_consumers]
                self._apps_by_client |= dict.fromkeys(ids, app.name)
        return self._apps_by_client.setdefault(client_id, client_id)

    def partitions(self) -> list[TopicPartition]:
        """Those that are followed, in the order in which they came to be."""
        return list(self.began)

    def sample(self) -> None:
        """Note what is different from the last frame."""
        self.times.append(self._flight.now / 1e9)
        image = self._cluster.controller.image
        present = [name for name in self._cluster.partitions() if name in self.began or self._follow(name)]
        for name in present:
            leader = self._cluster.leader(name)
            if leader is not None:
                self._put(f"watermark/{name}", leader.high_watermark.value)
            for broker_id in image.partitions[name].replicas:
                log = self._cluster.brokers[broker_id].storage.get(name)
                self._put(f"end/{name}/{broker_id}", -1 if log is None else log.log_end_offset)
        for group in self._flight.plan.groups:
            committed = self._cluster.committed_offsets(group.group_id) or {}
            for name, offset in committed.items():
                if name in self.began:
                    self._put(f"committed/{group.group_id}/{name}", offset)
        self._count_replication(present)
        for link, count in self._moved.items():
            self.flows.setdefault(link, []).append((len(self.times) - 1, count))
        self._moved.clear()

    def _follow(self, name: TopicPartition) -> bool:
        """Begin with a partition unless there are enough; whether there is room for it."""
        if len(self.began) >= MOST_PARTITIONS:
            return False
        known = self._cluster.controller.image.partitions[name]
        self.began[name] = self._flight.now / 1e9, known.leader, tuple(known.isr)
        return True

    def _put(self, series: str, value: int) -> None:
        changes = self.series.setdefault(series, [])
        if not changes or changes[-1][1] != value:
            changes.append((len(self.times) - 1, value))

    def _count_replication(self, partitions: list[TopicPartition]) -> None:
        """What a follower's log grew by since the last frame came from its leader."""
        for name in partitions:
            known = self._cluster.controller.image.partitions[name]
            for broker_id in known.replicas:
                changes = self.series[f"end/{name}/{broker_id}"]
                if broker_id != known.leader >= 0 and changes[-1][0] == len(self.times) - 1:
                    self._move(str(known.leader), str(broker_id), changes[-1][1] - max(0, _before(changes)))

    def _move(self, sender: str, receiver: str, count: int) -> None:
        if count > 0:
            self._moved[sender, receiver] = self._moved.get((sender, receiver), 0) + count

    def _created(self, _: int, fact: TopicCreated) -> None:
        for name in self._cluster.controller.image.topic_partitions(fact.topic):
            self._follow(name)

    def _acknowledged(self, _: int, fact: RecordsAcknowledged) -> None:
        self._move(self.app_of(fact.client_id), str(fact.broker_id), fact.columns.count)

    def _delivered(self, _: int, fact: RecordsDelivered) -> None:
        count = fact.batch.index_at(fact.next_offset) - fact.batch.index_at(fact.first_offset)
        leader = self._cluster.controller.image.leader(fact.partition)
        self._move(str(leader), self.app_of(fact.client_id), count)


def _before(changes: list[tuple[int, int]]) -> int:
    return changes[-2][1] if len(changes) > 1 else 0
