"""A batch on its way: filled by send(), closed when it leaves, done when it is acknowledged or given up.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/ProducerBatch.java
Fidelity: exact
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any, NamedTuple

from simpy import Event

from sim.actors.client_errors import ClientError
from sim.machine.clock import Clock
from sim.machine.deadlines import Deadline
from sim.rules.batch import RecordBatch, RecordColumns
from sim.rules.batching import NO_SEQUENCE, has_room_for, is_full
from sim.rules.errors import ErrorCode
from sim.rules.records import (
    RECORD_BATCH_OVERHEAD_BYTES,
    Header,
    record_size_bytes,
    uniform_batch_size_bytes,
    uniform_count_within,
)
from sim.rules.topics import TopicPartition

__all__ = ["Delivery", "DeliveryError", "ProducerBatch", "RecordMetadata"]


class DeliveryError(ClientError):
    """A record was not acknowledged; `code` is Kafka's name of the reason."""

    def __init__(self, code: ErrorCode, partition: TopicPartition) -> None:
        super().__init__(code, partition)
        self.code = code
        self.partition = partition

    def __str__(self) -> str:
        return f"{self.code.name} for {self.partition}"


class RecordMetadata(NamedTuple):
    """Where a record was written; the offset is -1 with acks=0."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


class ProducerBatch:
    """Records for one partition, as columns that grow until the batch is closed; `hollow` ones have sizes alone.

    `appended_bytes` is what the last record added; `attempts` counts failed ones; `sequence_reset` tells that the
    batch was numbered anew while an older copy of it is in flight.
    """

    __slots__ = (
        "allocated_bytes",
        "appended_bytes",
        "attempts",
        "base_offset",
        "base_sequence",
        "columns",
        "count",
        "created",
        "deadline",
        "done",
        "error",
        "first_number",
        "headers",
        "hollow",
        "in_flight",
        "keys",
        "last_attempt",
        "last_leader_epoch",
        "linger",
        "on_done",
        "partition",
        "producer_epoch",
        "producer_id",
        "retry_backoff_ms",
        "sent_at",
        "sequence_reset",
        "size_bytes",
        "timestamps_ms",
        "values",
    )

    def __init__(self, partition: TopicPartition, allocated_bytes: int, created: int, first_number: int) -> None:
        self.partition = partition
        self.allocated_bytes = allocated_bytes
        self.created = created
        self.first_number = first_number
        self.count = 0
        self.timestamps_ms: list[int] = []
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self.headers: list[Sequence[Header]] | None = None
        self.sent_at: list[int] = []
        self.size_bytes = RECORD_BATCH_OVERHEAD_BYTES
        self.appended_bytes = 0
        self.columns: RecordColumns | None = None
        self.attempts = 0
        self.last_attempt = created
        self.last_leader_epoch = -1
        self.retry_backoff_ms = 0
        self.base_sequence = NO_SEQUENCE
        self.producer_id = self.producer_epoch = -1
        self.hollow = self.sequence_reset = self.in_flight = self.done = False
        self.base_offset = -1
        self.error: ErrorCode | None = None
        self.deadline: Deadline | None = None
        self.linger: Deadline | None = None
        self.on_done: list[Callable[[], object]] = []

    @property
    def full(self) -> bool:
        """Whether no record joins any more: closed, or at its limit."""
        return self.columns is not None or is_full(self.count, self.size_bytes, self.allocated_bytes)

    def try_append(
        self, timestamp_ms: int, key: bytes | None, value: bytes | None, headers: Sequence[Header], sent_at: int
    ) -> bool:
        """Add a record if it fits and the batch is still open."""
        if self.columns is not None or self.hollow:
            return False
        index = self.count
        size_bytes = record_size_bytes(
            index,
            timestamp_ms - self.timestamps_ms[0] if index else 0,
            None if key is None else len(key),
            None if value is None else len(value),
            headers,
        )
        if not has_room_for(index, self.size_bytes, size_bytes, self.allocated_bytes):
            return False
        self.size_bytes += size_bytes
        self.appended_bytes = size_bytes if index else self.size_bytes
        self.count = index + 1
        self.timestamps_ms.append(timestamp_ms)
        self.keys.append(key)
        self.values.append(value)
        self.sent_at.append(sent_at)
        if headers and self.headers is None:
            self.headers = [()] * index
        if self.headers is not None:
            self.headers.append(headers)
        return True

    def fill(self, value_size: int, sent_at: Sequence[int], timestamp_ms: int) -> int:
        """Add as many records of one size and no content as fit, the first of `sent_at`; returns how many.

        A batch holds either such records or real ones.
        """
        if self.columns is not None or self.keys:
            return 0
        taken = min(len(sent_at), uniform_count_within(self.allocated_bytes, None, value_size) - self.count)
        if taken <= 0:
            return 0
        before_bytes = self.size_bytes if self.count else 0
        self.hollow = True
        self.count += taken
        self.timestamps_ms += [timestamp_ms] * taken
        self.sent_at += sent_at[:taken]
        self.size_bytes = uniform_batch_size_bytes(self.count, None, value_size)
        self.appended_bytes = self.size_bytes - before_bytes
        return taken

    def close(self, origin: str) -> RecordColumns:
        """No record joins any more; the columns are the same for every attempt."""
        if self.columns is None:
            self.columns = RecordColumns(
                self.count,
                self.timestamps_ms,
                self.size_bytes,
                None if self.hollow else self.keys,
                None if self.hollow else self.values,
                self.headers,
                self.sent_at,
                origin,
                self.first_number,
            )
        return self.columns

    def wire(self) -> RecordBatch:
        """The closed batch as a produce request carries it."""
        return RecordBatch(self.closed(), 0, -1, self.producer_id, self.producer_epoch, self.base_sequence)

    def closed(self) -> RecordColumns:
        """The columns of a closed batch. Raises ValueError when it is still open."""
        if self.columns is None:
            raise ValueError(f"the batch for {self.partition} is still open")
        return self.columns

    def finish(self, base_offset: int, error: ErrorCode | None) -> None:
        """Acknowledged, or given up; whoever waits is told, once."""
        self.base_offset, self.error, self.done = base_offset, error, True
        for deadline in (self.deadline, self.linger):
            if deadline is not None:
                deadline.cancel()
        for callback in self.on_done:
            callback()
        self.on_done.clear()


class Delivery:
    """The future of one record that was sent."""

    __slots__ = ("_clock", "batch", "index")

    def __init__(self, clock: Clock, batch: ProducerBatch, index: int) -> None:
        self._clock = clock
        self.batch = batch
        self.index = index

    @property
    def done(self) -> bool:
        """Whether the record's fate is known to the producer."""
        return self.batch.done

    def get(self) -> Generator[Event, Any, RecordMetadata]:
        """Wait for the acknowledgement (`yield from`). Raises DeliveryError when the record was given up."""
        if not self.batch.done:
            acknowledged = self._clock.event()
            self.batch.on_done.append(acknowledged.succeed)
            yield acknowledged
        return self.metadata()

    def metadata(self) -> RecordMetadata:
        """The result of a delivery that is done. Raises DeliveryError when the record was given up."""
        batch = self.batch
        if batch.error is not None:
            raise DeliveryError(batch.error, batch.partition)
        offset = batch.base_offset + self.index if batch.base_offset >= 0 else -1
        columns = batch.columns
        timestamp_ms = columns.timestamps_ms[self.index] if columns is not None else -1
        return RecordMetadata(*batch.partition, offset, timestamp_ms)
