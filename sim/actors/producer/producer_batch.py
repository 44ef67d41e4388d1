"""A batch on its way: filled by send(), closed when it leaves, done when it is acknowledged or given up.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/ProducerBatch.java
Fidelity: exact
"""

from array import array
from collections.abc import Callable, Sequence

from sim.actors.producer.batch_compression import BatchCompression
from sim.machine.deadlines import Deadline
from sim.rules.errors import ErrorCode
from sim.rules.producer.batching import NO_SEQUENCE, has_room_for, is_full
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.records import (
    RECORD_BATCH_OVERHEAD_BYTES,
    Header,
    record_size_bytes,
    uniform_batch_size_bytes,
    uniform_count_within,
)
from sim.rules.storage.steps import Steps
from sim.rules.topics import TopicPartition

__all__ = ["ProducerBatch"]

WHOLE_BATCH = -1


class ProducerBatch:
    """Records for one partition, as columns that grow until the batch is closed; `hollow` ones have sizes alone.

    `appended_bytes` is what the last record added; `attempts` counts failed ones; `sequence_reset` tells that the
    batch was numbered anew while an older copy of it is in flight. `allocated_bytes` may be written, `pooled_bytes` go
    back to the pool; `parts` have taken the place of a batch that was too large, with the fate of its records.
    """

    __slots__ = (
        "_stamps_ms",
        "_steps_ms",
        "_times",
        "allocated_bytes",
        "appended_bytes",
        "attempts",
        "base_offset",
        "base_sequence",
        "columns",
        "compression",
        "count",
        "created",
        "deadline",
        "done",
        "error",
        "first_number",
        "headers",
        "hollow",
        "in_flight",
        "is_part",
        "is_transactional",
        "keys",
        "last_attempt",
        "last_leader_epoch",
        "linger",
        "on_done",
        "partition",
        "parts",
        "pooled_bytes",
        "producer_epoch",
        "producer_id",
        "records_bytes",
        "retry_backoff_ms",
        "sent_at",
        "sequence_reset",
        "size_bytes",
        "timestamps_ms",
        "value_size",
        "values",
    )

    def __init__(
        self,
        partition: TopicPartition,
        allocated_bytes: int,
        created: int,
        first_number: int,
        compression: BatchCompression | None = None,
        is_part: bool = False,
    ) -> None:
        self.partition = partition
        self.allocated_bytes = allocated_bytes
        self.pooled_bytes = 0 if is_part else allocated_bytes
        self.is_part = is_part
        self.compression = compression
        self.records_bytes = 0
        self.parts: list[ProducerBatch] = []
        self.value_size = 0
        self.created = created
        self.first_number = first_number
        self.count = 0
        self._stamps_ms: list[int] = []
        self._steps_ms = Steps()
        self.timestamps_ms: Sequence[int] = self._stamps_ms
        self.keys: list[bytes | None] = []
        self.values: list[bytes | None] = []
        self.headers: list[Sequence[Header]] | None = None
        self._times = array("q")
        self.sent_at: Sequence[int] = self._times
        self.size_bytes = RECORD_BATCH_OVERHEAD_BYTES
        self.appended_bytes = 0
        self.columns: RecordColumns | None = None
        self.attempts = 0
        self.last_attempt = created
        self.last_leader_epoch = -1
        self.retry_backoff_ms = 0
        self.base_sequence = NO_SEQUENCE
        self.producer_id = self.producer_epoch = -1
        self.hollow = self.sequence_reset = self.in_flight = self.done = self.is_transactional = False
        self.base_offset = -1
        self.error: ErrorCode | None = None
        self.deadline: Deadline | None = None
        self.linger: Deadline | None = None
        self.on_done: list[tuple[int, Callable[[], object]]] = []

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
        self._grow(self.records_bytes + size_bytes)
        self.count = index + 1
        self._stamps_ms.append(timestamp_ms)
        self.keys.append(key)
        self.values.append(value)
        self._times.append(sent_at)
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
        if self.compression is None:
            most = uniform_count_within(self.allocated_bytes, None, value_size)
        else:
            most = self.compression.uniform_count(self.allocated_bytes, value_size)
        taken = min(len(sent_at), most - self.count)
        if taken <= 0:
            return 0
        self._grow(uniform_batch_size_bytes(self.count + taken, None, value_size) - RECORD_BATCH_OVERHEAD_BYTES)
        self.hollow, self.value_size = True, value_size
        self.count += taken
        self._steps_ms.extend(timestamp_ms, taken)
        self.timestamps_ms = self._steps_ms
        self.sent_at = joined(self.sent_at, sent_at[:taken])
        return taken

    def _grow(self, records_bytes: int) -> None:
        """Take records until they have so many bytes; `size_bytes` is exact without compression, else expected."""
        before_bytes = self.size_bytes if self.records_bytes else 0
        self.records_bytes = records_bytes
        compression = self.compression
        self.size_bytes = (
            RECORD_BATCH_OVERHEAD_BYTES + records_bytes
            if compression is None
            else compression.expected_size_bytes(records_bytes)
        )
        self.appended_bytes = self.size_bytes - before_bytes

    def close(self, origin: str) -> RecordColumns:
        """No record joins any more; the columns are the same for every attempt."""
        if self.columns is None:
            if self.compression is not None:
                self.size_bytes = self.compression.size_bytes(self.records_bytes)
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
        producer = (self.producer_id, self.producer_epoch, self.base_sequence, self.is_transactional)
        return RecordBatch(self.closed(), 0, -1, *producer)

    def closed(self) -> RecordColumns:
        """The columns of a closed batch. Raises ValueError when it is still open."""
        if self.columns is None:
            raise ValueError(f"the batch for {self.partition} is still open")
        return self.columns

    def when_done(self, callback: Callable[[], object], index: int = WHOLE_BATCH) -> None:
        """Call back when the fate of a record is known; for the whole batch also when parts take its place."""
        self.on_done.append((index, callback))

    def finish(self, base_offset: int, error: ErrorCode | None) -> None:
        """Acknowledged, or given up; whoever waits is told, once."""
        self.base_offset, self.error = base_offset, error
        for _, callback in self._end():
            callback()

    def replaced_by(self, parts: list["ProducerBatch"]) -> None:
        """The broker finds the batch too large: smaller ones with the same records in the same order go on."""
        self.parts = parts
        for index, callback in self._end():
            if index == WHOLE_BATCH:
                callback()
            else:
                part, index_in_part = self.part_of(index)
                part.when_done(callback, index_in_part)

    def part_of(self, index: int) -> tuple["ProducerBatch", int]:
        """Where a record of a batch that was split is now. Raises ValueError for one that is in no part."""
        for part in self.parts:
            if index < part.count:
                return part, index
            index -= part.count
        raise ValueError(f"no part of the batch for {self.partition} has this record")

    def _end(self) -> list[tuple[int, Callable[[], object]]]:
        self.done = True
        for deadline in (self.deadline, self.linger):
            if deadline is not None:
                deadline.cancel()
        waiting, self.on_done = self.on_done, []
        return waiting


def joined(one: Sequence[int], more: Sequence[int]) -> Sequence[int]:
    """Times and then more times; evenly spaced ones stay a range, which a batch keeps in next to no memory."""
    if isinstance(more, range):
        if not one:
            return more
        if isinstance(one, range) and more:
            step = one.step if len(one) > 1 else more[0] - one[0]
            if step and more[0] == one[-1] + step and (len(more) == 1 or more.step == step):
                return range(one[0], more[-1] + (1 if step > 0 else -1), step)
    times = one if isinstance(one, array) else array("q", one)
    times.extend(more)
    return times
