"""What an explanation needs beside facts: who was served when, what readers waited for, what was in hand."""

from collections.abc import Sequence
from dataclasses import dataclass

from sim.rules.facts.client import BufferExhausted
from sim.rules.facts.journal import AppStopped, MemberRemoved, OffsetsCommitted, ProducerRecords, RecordsDelivered
from sim.rules.facts.quota import ProduceThrottled
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight

__all__ = ["Hindsight", "InHand"]

Place = tuple[str, TopicPartition]


@dataclass(frozen=True, slots=True)
class InHand:
    """An application was killed over the `count` last records of a partition, whose offsets were committed already."""

    time: int
    app: str
    group_id: str
    partition: TopicPartition
    count: int
    committed_at: int
    auto: bool


class Hindsight:
    """Listens during a run; all times are nanoseconds.

    `unstable` are the times at which a partition had records below its high watermark that a transaction kept from
    readers. `throttled` are client and milliseconds of each answer that a quota held back. `idle_since` tells for each
    removed member when its client was last handed records. `redelivered` is how often in a row a group was handed
    records of a partition from the same offset on again. `arrivals` are when records were handed to producers of
    applications that read nothing, by topic, batch by batch.
    """

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self.unstable: dict[TopicPartition, list[int]] = {}
        self.throttled: list[tuple[int, str, int]] = []
        self.exhausted: list[tuple[int, str]] = []
        self.in_hand: list[InHand] = []
        self.idle_since: dict[tuple[str, int], int] = {}
        self.arrivals: dict[str, list[Sequence[int]]] = {}
        self.redelivered: dict[Place, int] = {}
        self._row: dict[Place, int] = {}
        self._sources: dict[str, bool] = {}
        self._polled: dict[str, int] = {}
        self._delivered: dict[tuple[str, TopicPartition], tuple[int, int, int]] = {}
        self._committed: dict[Place, tuple[int, int]] = {}
        facts = flight.machine.facts
        facts.listen(ProducerRecords, self._on_sent)
        facts.listen(ProduceThrottled, self._on_throttled)
        facts.listen(BufferExhausted, self._on_exhausted)
        facts.listen(RecordsDelivered, self._on_delivered)
        facts.listen(OffsetsCommitted, self._on_committed)
        facts.listen(MemberRemoved, self._on_removed)
        facts.listen(AppStopped, self._on_stopped)

    def sample(self) -> None:
        """Look once a second at how far readers of committed records can get."""
        for name in self._flight.cluster.partitions():
            leader = self._flight.cluster.leader(name)
            if leader is not None:
                watermark = leader.high_watermark.value
                if leader.log.last_stable_offset(watermark) < watermark:
                    self.unstable.setdefault(name, []).append(self._flight.now)

    def _on_sent(self, _: int, fact: ProducerRecords) -> None:
        if fact.client_id not in self._sources:
            self._sources[fact.client_id] = self._is_source(fact.client_id)
        if self._sources[fact.client_id]:
            self.arrivals.setdefault(fact.partition.topic, []).append(fact.columns.sent_at)

    def _is_source(self, client_id: str) -> bool:
        """Whether a producer's application reads nothing."""
        apps = self._flight.cluster.apps
        name = max((app for app in apps if client_id.startswith(f"{app}-")), key=len, default="")
        return not (name and (apps[name].consumers or apps[name].share_consumers))

    def _on_throttled(self, time: int, fact: ProduceThrottled) -> None:
        self.throttled.append((time, fact.client_id, fact.throttle_time_ms))

    def _on_exhausted(self, time: int, fact: BufferExhausted) -> None:
        self.exhausted.append((time, fact.producer_app))

    def _on_delivered(self, time: int, fact: RecordsDelivered) -> None:
        self._polled[fact.client_id] = time
        before = self._delivered.get((fact.client_id, fact.partition))
        if before is not None and before[0] < time:
            place = fact.group_id, fact.partition
            again = before[1] == fact.first_offset
            self.redelivered[place] = max(self.redelivered.get(place, 0), self._in_a_row(place, again))
        first = before[1] if before is not None and before[0] == time else fact.first_offset
        self._delivered[fact.client_id, fact.partition] = time, first, fact.next_offset

    def _in_a_row(self, place: Place, again: bool) -> int:
        self._row[place] = self._row.get(place, 0) + 1 if again else 0
        return self._row[place]

    def _on_committed(self, time: int, fact: OffsetsCommitted) -> None:
        for name, offset in fact.offsets:
            self._committed[fact.group_id, name] = time, offset

    def _on_removed(self, time: int, fact: MemberRemoved) -> None:
        for client_id, polled in self._polled.items():
            if fact.member_id.startswith(client_id):
                self.idle_since[fact.member_id, time] = polled

    def _on_stopped(self, time: int, fact: AppStopped) -> None:
        """Records that were handed out last, are committed, and were being worked on."""
        app = self._flight.cluster.apps.get(fact.app)
        if app is None or fact.finished:
            return
        for consumer in app.consumers:
            for (client_id, name), (polled, first, end) in self._delivered.items():
                committed = self._committed.get((consumer.group_id, name), (0, 0))
                is_covered = committed[1] >= end and committed[0] >= polled
                if client_id == consumer.client_id and not consumer.polling and is_covered:
                    auto = consumer.config.enable_auto_commit
                    found = InHand(time, fact.app, consumer.group_id, name, end - first, committed[0], auto)
                    self.in_hand.append(found)
