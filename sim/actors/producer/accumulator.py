"""A producer's waiting room: batches by partition, oldest first.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java
Fidelity: approximate — the jitter of a backoff is drawn once per retry, in Kafka at each look at the batch
"""

from collections import deque
from collections.abc import Sequence

from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.producer.batch_compression import Compressor
from sim.actors.producer.batch_splitting import split
from sim.actors.producer.buffer_pool import BufferPool
from sim.actors.producer.partition_choice import PartitionChoice
from sim.actors.producer.producer_batch import ProducerBatch
from sim.actors.producer.sequences import Sequences
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.config import ProducerConfig
from sim.rules.producer.batching import (
    batch_ready,
    drain_order,
    fits_request,
    is_backing_off,
    reenqueue_index,
    retry_backoff_ms,
)
from sim.rules.storage.records import Header
from sim.rules.topics import TopicPartition

__all__ = ["Accumulator"]

JITTER = 0.2
Queue = deque[ProducerBatch]


class Accumulator:
    """Queues of batches; the oldest of each partition leaves first.

    `incomplete` batches are neither acknowledged nor given up; `muted` partitions have their only request in flight
    (max.in.flight.requests.per.connection=1).
    """

    def __init__(
        self,
        owner: Actor,
        origin: str,
        config: ProducerConfig,
        metadata: ClientMetadata,
        sequences: Sequences | None,
        compressor: Compressor | None = None,
    ) -> None:
        self._owner = owner
        self._origin = origin
        self._config = config
        self._metadata = metadata
        self._sequences = sequences
        self._queues: dict[TopicPartition, Queue] = {}
        self._numbers: dict[TopicPartition, int] = {}
        self._by_leader: tuple[int, dict[int, list[TopicPartition]]] = (-1, {})
        self._drain_index: dict[int, int] = {}
        self.compressor = compressor
        self.choice = PartitionChoice(config, metadata, owner.random.randrange)
        self.incomplete: dict[ProducerBatch, None] = {}
        self.muted: dict[TopicPartition, None] = {}
        self.pool = BufferPool(config.buffer_memory)
        self.flushing = 0
        self.closed = False

    def try_append(
        self,
        partition: TopicPartition,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header],
        sent_at: int,
    ) -> ProducerBatch | None:
        """Add a record to the partition's newest batch; None, and the batch is closed, if it does not fit."""
        queue = self._queues.get(partition)
        if queue:
            batch = queue[-1]
            if batch.try_append(timestamp_ms, key, value, headers, sent_at):
                return batch
            self._seal(batch)
        return None

    def fill(
        self, partition: TopicPartition, value_size: int, sent_at: Sequence[int], timestamp_ms: int
    ) -> tuple[ProducerBatch, int] | None:
        """Add as many records of one size and no content as the newest batch takes; None, and it is closed, if none."""
        queue = self._queues.get(partition)
        if queue:
            batch = queue[-1]
            taken = batch.fill(value_size, sent_at, timestamp_ms)
            if taken:
                return batch, taken
            self._seal(batch)
        return None

    def begin_batch(self, partition: TopicPartition, allocated_bytes: int) -> ProducerBatch:
        """A new, empty batch behind the others of its partition, in memory taken from the pool."""
        queue = self._queues.get(partition)
        if queue is None:
            queue = self._queues[partition] = deque()
            self._by_leader = (-1, {})
        number = self._numbers.get(partition, 0)
        compression = None if self.compressor is None else self.compressor.begin(partition.topic)
        batch = ProducerBatch(partition, allocated_bytes, self._owner.now, number, compression)
        queue.append(batch)
        self.choice.count(partition, 1)
        self.incomplete[batch] = None
        return batch

    def close(self) -> None:
        """No record comes in any more, what is there may leave at once, and nobody gets memory."""
        self.closed = True
        self.pool.close()

    def is_complete(self, partition: TopicPartition) -> bool:
        """Whether no batch of the partition takes more records: then a switch of partitions leaves none half full."""
        queue = self._queues.get(partition)
        return not queue or queue[-1].full

    def reenqueue(self, batch: ProducerBatch) -> None:
        """Put a batch back for another attempt after a backoff, in the order of its sequence."""
        config = self._config
        batch.attempts += 1
        batch.last_attempt = self._owner.now
        jitter = self._owner.random.uniform(-JITTER, JITTER)
        batch.retry_backoff_ms = retry_backoff_ms(
            batch.attempts - 1, config.retry_backoff_ms, config.retry_backoff_max_ms, jitter
        )
        self._insert(batch)

    def split_and_reenqueue(self, batch: ProducerBatch) -> list[ProducerBatch]:
        """Put smaller batches in the place of one that the broker finds too large; they count as never tried."""
        compression = None
        if self.compressor is not None:
            self.compressor.too_large(batch.partition.topic)
            compression = self.compressor.begin(batch.partition.topic)
        parts = split(batch, self._origin, self._config.batch_size, compression)
        if self._sequences is not None:
            self._sequences.split(batch, parts)
        for part in reversed(parts):
            self.incomplete[part] = None
            self._insert(part)
        self.release(batch)
        self.incomplete.pop(batch, None)
        batch.replaced_by(parts)
        return parts

    def remove(self, batch: ProducerBatch) -> None:
        """Take out a batch that still waits, and close it."""
        self._seal(batch)
        self._queues[batch.partition].remove(batch)
        self.choice.count(batch.partition, -1)

    def release(self, batch: ProducerBatch) -> None:
        """No request carries a batch any more: its memory is free."""
        self.pool.give(batch.pooled_bytes)
        batch.pooled_bytes = 0

    def _insert(self, batch: ProducerBatch) -> None:
        queue = self._queues[batch.partition]
        queue.insert(reenqueue_index([queued.base_sequence for queued in queue], batch.base_sequence), batch)
        self.choice.count(batch.partition, 1)

    def ready_leaders(self) -> list[int]:
        """Leaders for whom some batch is ready; -1 stands for batches without a known leader."""
        leaders: dict[int, None] = {}
        for partition, queue in self._queues.items():
            if queue:
                leader = self._metadata.leader(partition)
                if leader < 0 or self._ready(partition, queue):
                    leaders[leader] = None
        return list(leaders)

    def is_ready(self, leader: int) -> bool:
        """Whether a request to this leader is worth while."""
        for name in self._partitions_of(leader):
            queue = self._queues.get(name)
            if queue and self._ready(name, queue):
                return True
        return False

    def is_partition_ready(self, partition: TopicPartition) -> bool:
        """Whether the first batch of this partition is worth a request."""
        queue = self._queues.get(partition)
        return self._ready(partition, queue) if queue else False

    def drain(self, leader: int) -> list[ProducerBatch]:
        """One request's worth of batches for a leader: the first of each partition, ready or not, in turn."""
        partitions = self._partitions_of(leader)
        if not partitions:
            return []
        drained: list[ProducerBatch] = []
        drained_bytes = 0
        start = self._drain_index.get(leader, 0) % len(partitions)
        for index in drain_order(len(partitions), start):
            self._drain_index[leader] = index
            partition = partitions[index]
            queue = self._queues.get(partition)
            if not queue or partition in self.muted or self._backing_off(queue[0]):
                continue
            batch = queue[0]
            if not fits_request(drained_bytes, len(drained), batch.size_bytes, self._config.max_request_size):
                break
            if self._sequences is not None and not self._sequences.may_drain(batch):
                break
            queue.popleft()
            self.choice.count(partition, -1)
            self._leave(batch)
            drained.append(batch)
            drained_bytes += batch.size_bytes
        return drained

    def _leave(self, batch: ProducerBatch) -> None:
        self._seal(batch)
        batch.in_flight = True
        if self.compressor is not None:
            self.compressor.leaves(batch.partition.topic)
        batch.last_leader_epoch = self._metadata.leader_epoch(batch.partition)
        if batch.linger is not None:
            batch.linger.cancel()
        if self._sequences is not None:
            self._sequences.leaving(batch)
        if self._config.max_in_flight_requests_per_connection == 1:
            self.muted[batch.partition] = None

    def _seal(self, batch: ProducerBatch) -> None:
        if batch.columns is None:
            batch.close(self._origin)
            if self.compressor is not None:
                self.compressor.closed(batch.records_bytes)
            self._numbers[batch.partition] = batch.first_number + batch.count

    def _partitions_of(self, leader: int) -> list[TopicPartition]:
        version, by_leader = self._by_leader
        if version != self._metadata.version:
            by_leader = {}
            for topic in dict.fromkeys(partition.topic for partition in self._queues):
                for partition in self._metadata.image.topic_partitions(topic):
                    by_leader.setdefault(self._metadata.leader(partition), []).append(partition)
            self._by_leader = (self._metadata.version, by_leader)
        return by_leader.get(leader, [])

    def _backing_off(self, batch: ProducerBatch) -> bool:
        if batch.attempts == 0:
            return False
        waited_ms = (self._owner.now - batch.last_attempt) // MILLISECOND
        changed = self._metadata.leader_epoch(batch.partition) > batch.last_leader_epoch
        return is_backing_off(batch.attempts, waited_ms, batch.retry_backoff_ms, changed)

    def _ready(self, partition: TopicPartition, queue: Queue) -> bool:
        batch = queue[0]
        if partition in self.muted:
            return False
        return batch_ready(
            full=len(queue) > 1 or batch.full,
            waited_ms=(self._owner.now - batch.last_attempt) // MILLISECOND,
            linger_ms=self._config.linger_ms,
            backing_off=self._backing_off(batch),
            exhausted=self.pool.exhausted,
            closed=self.closed,
            flushing=self.flushing > 0,
        ).sendable
