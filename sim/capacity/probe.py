"""What comes out of a flown load: rates, latencies, requests and batches, after the warm-up."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy

from sim.capacity.load import TOPIC, Load, plan_for
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import RecordsAcknowledged, RecordsDelivered
from sim.rules.facts.quota import ProduceThrottled
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.records import uniform_batch_size_bytes
from sim.run import no_garbage_collection
from sim.world.flight import Flight

__all__ = ["Outcome", "fly_load", "prepare", "summary_ms"]

BACKLOG_BATCH = 64
PERCENTS = {"p50": 50, "p75": 75, "p90": 90, "p95": 95, "p99": 99}


class Outcome:
    """Counts and latencies of one load between `begin` and `until`; latencies are nanoseconds."""

    def __init__(self, load: Load) -> None:
        self.load = load
        self.acknowledged = self.delivered = self.batches = self.batch_bytes = 0
        self.requests: set[tuple[int, str, int]] = set()
        self.throttles_ms: list[int] = []
        self.sent: list[tuple[int, int, int]] = []
        self.progress: list[tuple[int, int, int]] = []
        self.per_partition: dict[int, int] = {}
        self._publish: list[numpy.ndarray[Any, Any]] = []
        self._end_to_end: list[numpy.ndarray[Any, Any]] = []
        self._by_timestamp: list[numpy.ndarray[Any, Any]] = []
        self.lag: dict[str, int] = {}

    @property
    def seconds(self) -> float:
        """How long was measured."""
        return (self.load.until - self.load.begin) / SECOND

    @property
    def produced_per_s(self) -> float:
        """Records acknowledged per second."""
        return self.acknowledged / self.seconds

    @property
    def consumed_per_s(self) -> float:
        """Records handed to the applications of all groups per second."""
        return self.delivered / self.seconds

    def publish_ms(self) -> Mapping[str, float]:
        """Mean and percentiles from send() to acknowledgement."""
        return summary_ms(self._publish)

    def end_to_end_ms(self) -> Mapping[str, float]:
        """Mean and percentiles from send() to poll()."""
        return summary_ms(self._end_to_end)

    def by_timestamp_ms(self) -> Mapping[str, float]:
        """The same from the record's timestamp, a whole millisecond, for a benchmark that keeps no other time."""
        return summary_ms(self._by_timestamp)

    def note_acknowledged(self, time: int, fact: RecordsAcknowledged) -> None:
        """A batch is acknowledged; batches acknowledged at one instant were one request."""
        if self.load.begin <= time < self.load.until:
            columns = fact.columns
            self.acknowledged += columns.count
            self.batches += 1
            self.batch_bytes += columns.size_bytes
            self.requests.add((time, fact.client_id, fact.broker_id))
            partition = fact.partition.partition
            self.per_partition[partition] = self.per_partition.get(partition, 0) + columns.count
            self.sent.append((columns.sent_at[0], partition, columns.count))
            self.progress.append((time, columns.count, 0))
            self._publish.append(time - numpy.asarray(columns.sent_at, dtype=numpy.int64))

    def note_throttled(self, _: int, fact: ProduceThrottled) -> None:
        """A produce request was throttled."""
        self.throttles_ms.append(fact.throttle_time_ms)

    def note_delivered(self, time: int, fact: RecordsDelivered) -> None:
        """A poll has handed records out."""
        if self.load.begin <= time < self.load.until:
            first, last = fact.batch.index_at(fact.first_offset), fact.batch.index_at(fact.next_offset)
            self.delivered += last - first
            self.progress.append((time, 0, last - first))
            sent_at = fact.batch.columns.sent_at[first:last]
            if sent_at:
                sent = numpy.asarray(sent_at, dtype=numpy.int64)
                self._end_to_end.append(time - sent)
                self._by_timestamp.append(time - sent // MILLISECOND * MILLISECOND)


def summary_ms(columns: Sequence["numpy.ndarray[Any, Any]"]) -> dict[str, float]:
    """Mean and percentiles of columns of nanoseconds, in milliseconds; empty without any."""
    if not columns:
        return {}
    joined = numpy.concatenate(columns) / 1e6
    found = numpy.percentile(joined, list(PERCENTS.values()))
    return {"avg": float(joined.mean()), **dict(zip(PERCENTS, map(float, found), strict=True))}


def fly_load(load: Load, seed: int = 0) -> Outcome:
    """Fly a load and measure it."""
    flight, outcome = Flight(plan_for(load), seed), Outcome(load)
    flight.machine.facts.listen(RecordsAcknowledged, outcome.note_acknowledged)
    flight.machine.facts.listen(RecordsDelivered, outcome.note_delivered)
    flight.machine.facts.listen(ProduceThrottled, outcome.note_throttled)
    prepared = False
    with no_garbage_collection():
        flight.clock.call_at(0, prepare, flight, load)
        for _ in flight.fly(load.until):
            prepared = True
    for app in flight.cluster.apps.values():
        if app.failure is not None:
            raise ConfigError(f"{app.name}: {app.failure}")
    outcome.lag = {"followers": _follower_lag(flight)} if prepared else {}
    return outcome


def prepare(flight: Flight, load: Load) -> None:
    """Before the first record: dirty pages and a backlog, if the load wants them."""
    for broker in flight.cluster.brokers.values():
        if load.cache_is_full:
            for disk in broker.log_directories.disks:
                disk.fill_cache(flight.now)
        if load.backlog:
            _fill_logs(flight, broker.node_id, load)


def _fill_logs(flight: Flight, broker_id: int, load: Load) -> None:
    size_bytes = uniform_batch_size_bytes(BACKLOG_BATCH, None, load.value_size)
    columns = RecordColumns(BACKLOG_BATCH, [0] * BACKLOG_BATCH, size_bytes)
    for name, partition in flight.cluster.brokers[broker_id].replicas.partitions.items():
        if name.topic == TOPIC and partition.is_leader:
            for _ in range(load.backlog // load.partitions // BACKLOG_BATCH):
                partition.append(RecordBatch(columns, 0, -1), 1, flight.now // 1_000_000)


def _follower_lag(flight: Flight) -> int:
    """Records that the slowest follower of any partition has not fetched at the end."""
    cluster = flight.cluster
    ends = {name: [b.storage[name].log_end_offset for b in cluster.brokers.values() if name in b.storage]
            for name in cluster.partitions()}  # fmt: skip
    return max((max(each) - min(each) for each in ends.values() if each), default=0)
