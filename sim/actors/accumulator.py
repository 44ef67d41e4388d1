"""A producer's waiting room: batches by partition, bounded by buffer.memory.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java, BufferPool.java
"""

from collections import deque
from collections.abc import Sequence

from sim.actors.client_metadata import ClientMetadata
from sim.actors.producer_batch import ProducerBatch
from sim.actors.sequences import Sequences
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.batching import (
    batch_allocation_bytes,
    batch_ready,
    drain_order,
    fits_request,
    is_backing_off,
    is_full,
    reenqueue_index,
    retry_backoff_ms,
)
from sim.rules.config import ProducerConfig
from sim.rules.records import Header, estimate_batch_size_upper_bound
from sim.rules.topics import TopicPartition

__all__ = ["Accumulator"]

Queue = deque[ProducerBatch]


class Accumulator:
    """Queues of batches; the oldest of each partition leaves first."""

    def __init__(
        self,
        owner: Actor,
        origin: str,
        config: ProducerConfig,
        metadata: ClientMetadata,
        sequences: Sequences | None,
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
        self.muted: dict[TopicPartition, None] = {}
        self.free_bytes = config.buffer_memory
        self.waiting_for_memory = 0
        self.flushing = 0
        self.closed = False

    def append(
        self,
        partition: TopicPartition,
        timestamp_ms: int,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[Header],
        sent_at: int,
    ) -> tuple[ProducerBatch, bool] | None:
        """Add a record; returns its batch and whether that is a new one, None when memory must be waited for."""
        queue = self._queue(partition)
        if queue and queue[-1].try_append(timestamp_ms, key, value, headers, sent_at):
            return queue[-1], False
        bound = estimate_batch_size_upper_bound(
            None if key is None else len(key), None if value is None else len(value), headers
        )
        batch = self._new_batch(partition, queue, bound)
        if batch is None:
            return None
        batch.try_append(timestamp_ms, key, value, headers, sent_at)
        return batch, True

    def append_many(
        self, partition: TopicPartition, value_size: int, sent_at: Sequence[int], timestamp_ms: int
    ) -> tuple[ProducerBatch, bool, int] | None:
        """Add as many records of one size and no content as one batch takes; also returns how many that were."""
        queue = self._queue(partition)
        taken = queue[-1].fill(value_size, sent_at, timestamp_ms) if queue else 0
        if taken:
            return queue[-1], False, taken
        batch = self._new_batch(partition, queue, estimate_batch_size_upper_bound(None, value_size, ()))
        return None if batch is None else (batch, True, batch.fill(value_size, sent_at, timestamp_ms))

    def _queue(self, partition: TopicPartition) -> Queue:
        queue = self._queues.get(partition)
        if queue is None:
            queue = self._queues[partition] = deque()
            self._by_leader = (-1, {})
        return queue

    def _new_batch(self, partition: TopicPartition, queue: Queue, record_bound_bytes: int) -> ProducerBatch | None:
        """An empty batch at the end of the queue, None while there is no memory for it."""
        allocated_bytes = batch_allocation_bytes(self._config.batch_size, record_bound_bytes)
        if allocated_bytes > self.free_bytes or self.waiting_for_memory:
            return None
        self.free_bytes -= allocated_bytes
        if queue:
            self.seal(queue[-1])
        batch = ProducerBatch(partition, allocated_bytes, self._owner.now, self._numbers.get(partition, 0))
        queue.append(batch)
        return batch

    def is_full(self, batch: ProducerBatch) -> bool:
        """Whether a batch has reached its limit."""
        return is_full(batch.count, batch.size_bytes, batch.allocated_bytes)

    def release(self, batch: ProducerBatch) -> None:
        """A batch is done: its memory is free again."""
        self.free_bytes += batch.allocated_bytes

    def queue_sizes(self, partitions: list[TopicPartition]) -> list[int] | None:
        """Batches waiting per partition, None unless each of them has a queue."""
        if not all(partition in self._queues for partition in partitions):
            return None
        return [len(self._queues[partition]) for partition in partitions]

    def reenqueue(self, batch: ProducerBatch) -> None:
        """Put a batch back for another attempt after a backoff, in the order of its sequence."""
        config = self._config
        batch.retry_backoff_ms = retry_backoff_ms(
            batch.attempts - 1,
            config.retry_backoff_ms,
            config.retry_backoff_max_ms,
            self._owner.random.uniform(-0.2, 0.2),
        )
        queue = self._queues[batch.partition]
        queue.insert(reenqueue_index([queued.base_sequence for queued in queue], batch.base_sequence), batch)

    def remove(self, batch: ProducerBatch) -> bool:
        """Take a batch out that still waits; False if it is in flight."""
        queue = self._queues.get(batch.partition)
        if queue and batch in queue:
            queue.remove(batch)
            return True
        return False

    def ready_leaders(self) -> list[int]:
        """Leaders for whom some batch is ready; -1 stands for batches without a known leader."""
        leaders: dict[int, None] = {}
        for partition, queue in self._queues.items():
            if queue and self._ready(partition, queue):
                leaders[self._metadata.leader(partition)] = None
        return list(leaders)

    def is_ready(self, leader: int) -> bool:
        """Whether a request to this leader is worth while."""
        return any(
            self._queues[partition] and self._ready(partition, self._queues[partition])
            for partition in self._partitions_of(leader)
        )

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
            queue = self._queues[partition]
            if not queue or partition in self.muted or self._backing_off(queue[0]):
                continue
            batch = queue[0]
            if not fits_request(drained_bytes, len(drained), batch.size_bytes, self._config.max_request_size):
                break
            if self._sequences is not None and not self._sequences.may_drain(batch):
                break
            queue.popleft()
            self.seal(batch)
            if self._sequences is not None:
                self._sequences.leaving(batch)
            drained.append(batch)
            drained_bytes += batch.size_bytes
        return drained

    def seal(self, batch: ProducerBatch) -> None:
        """Close a batch, if it is open; the records of the partition are numbered on from it."""
        if batch.columns is None:
            batch.close(self._origin)
            self._numbers[batch.partition] = batch.first_number + batch.count

    def _partitions_of(self, leader: int) -> list[TopicPartition]:
        version, by_leader = self._by_leader
        if version != self._metadata.version:
            by_leader = {}
            for partition in self._queues:
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
            full=len(queue) > 1 or self.is_full(batch),
            waited_ms=(self._owner.now - batch.last_attempt) // MILLISECOND,
            linger_ms=self._config.linger_ms,
            backing_off=self._backing_off(batch),
            exhausted=self.waiting_for_memory > 0,
            closed=self.closed,
            flushing=self.flushing > 0,
        ).sendable
