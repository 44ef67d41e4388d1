"""Record batches as columns: what a producer wrote, and where a log has put it."""

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import NamedTuple, TypeVar

from sim.rules.storage.records import RECORD_BATCH_OVERHEAD_BYTES, Header, record_size_bytes
from sim.rules.storage.steps import Steps

__all__ = ["NO_PRODUCER_ID", "Record", "RecordBatch", "RecordColumns", "increment_sequence"]

NO_PRODUCER_ID = -1
_LARGEST_SEQUENCE = 2_147_483_647
_Value = TypeVar("_Value")


class Record(NamedTuple):
    """One record as a consumer sees it; `sent_at` is the simulated time of send() in nanoseconds."""

    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[Header]
    sent_at: int | None


def increment_sequence(sequence: int, increment: int) -> int:
    """The sequence number `increment` records later; after 2147483647 comes 0.

    Source: clients/src/main/java/org/apache/kafka/common/record/DefaultRecordBatch.java incrementSequence
    Fidelity: exact
    """
    return (sequence + increment) & _LARGEST_SEQUENCE


class RecordColumns:
    """What a producer wrote into one batch; every replica and every retry shares it, and nobody changes it.

    Without keys and values only counts and sizes exist (a capacity run). `size_bytes` is the wire size of the whole
    batch. `origin` names the producer, `first_number` is the running number of the first record among all that this
    producer sent to this partition, `sent_at` holds simulated nanoseconds: these three are for observation only.
    What compaction has left of a batch has `offset_deltas` (None stands for 0, 1, 2 and so on), perhaps a
    `delete_horizon_ms`, and `original`, the columns as the producer wrote them.
    """

    __slots__ = (
        "base_timestamp_ms",
        "count",
        "delete_horizon_ms",
        "first_number",
        "headers",
        "keys",
        "last_offset_delta",
        "max_timestamp_ms",
        "offset_deltas",
        "origin",
        "original",
        "sent_at",
        "size_bytes",
        "timestamps_ms",
        "values",
    )

    def __init__(
        self,
        count: int,
        timestamps_ms: Sequence[int],
        size_bytes: int,
        keys: Sequence[bytes | None] | None = None,
        values: Sequence[bytes | None] | None = None,
        headers: Sequence[Sequence[Header]] | None = None,
        sent_at: Sequence[int] = (),
        origin: str = "",
        first_number: int = 0,
    ) -> None:
        self.count = count
        self.timestamps_ms = timestamps_ms
        self.size_bytes = size_bytes
        self.keys = keys
        self.values = values
        self.headers = headers
        self.sent_at = sent_at
        self.origin = origin
        self.first_number = first_number
        self.base_timestamp_ms = timestamps_ms[0]
        self.max_timestamp_ms = timestamps_ms.highest() if isinstance(timestamps_ms, Steps) else max(timestamps_ms)
        self.last_offset_delta = count - 1
        self.offset_deltas: Sequence[int] | None = None
        self.delete_horizon_ms: int | None = None
        self.original: RecordColumns | None = None

    @property
    def written(self) -> "RecordColumns":
        """The columns as the producer wrote them, whatever compaction has removed since."""
        return self.original or self

    @classmethod
    def of(
        cls,
        timestamps_ms: Sequence[int],
        keys: Sequence[bytes | None] | None,
        values: Sequence[bytes | None] | None,
        headers: Sequence[Sequence[Header]] | None = None,
        sent_at: Sequence[int] = (),
        origin: str = "",
        first_number: int = 0,
    ) -> "RecordColumns":
        """Columns of real records; the size follows from keys, values, headers and timestamps.

        Source: clients/src/main/java/org/apache/kafka/common/record/DefaultRecordBatch.java
        Fidelity: exact
        """
        columns = cls(len(timestamps_ms), timestamps_ms, 0, keys, values, headers, sent_at, origin, first_number)
        columns.size_bytes = RECORD_BATCH_OVERHEAD_BYTES + sum(columns.record_sizes_bytes())
        return columns

    def record_sizes_bytes(self) -> Iterator[int]:
        """Size of each record as it is encoded in this batch; a null key and value where only sizes exist."""
        for index, timestamp_ms in enumerate(self.timestamps_ms):
            key = self.keys[index] if self.keys is not None else None
            value = self.values[index] if self.values is not None else None
            yield record_size_bytes(
                index if self.offset_deltas is None else self.offset_deltas[index],
                timestamp_ms - self.base_timestamp_ms,
                None if key is None else len(key),
                None if value is None else len(value),
                self.headers[index] if self.headers is not None else (),
            )

    def retaining(self, indexes: Sequence[int], delete_horizon_ms: int | None) -> "RecordColumns":
        """These records under their old offsets, written anew; without any of them the bare header of the batch.

        A delete horizon takes the place of the base timestamp, so that the timestamp deltas grow.

        Source: clients/src/main/java/org/apache/kafka/common/record/MemoryRecords.java buildRetainedRecordsInto
        Fidelity: exact
        Left out: how well the rest of a compressed batch compresses; it keeps the ratio that the whole had.
        """
        timestamps_ms = [self.timestamps_ms[index] for index in indexes]
        kept = RecordColumns(len(indexes), timestamps_ms or [self.max_timestamp_ms], RECORD_BATCH_OVERHEAD_BYTES)
        kept.timestamps_ms = timestamps_ms
        kept.keys, kept.values = _pick(self.keys, indexes), _pick(self.values, indexes)
        kept.headers, kept.sent_at = _pick(self.headers, indexes), _pick(self.sent_at or None, indexes) or ()
        kept.origin, kept.first_number, kept.original = self.origin, self.first_number, self.written
        kept.offset_deltas = [self.delta_at(index) for index in indexes]
        kept.last_offset_delta = self.last_offset_delta
        if indexes and delete_horizon_ms is not None:
            kept.delete_horizon_ms = kept.base_timestamp_ms = delete_horizon_ms
        kept.size_bytes += kept._compressed_like(self)
        return kept

    def _compressed_like(self, before: "RecordColumns") -> int:
        """Bytes of the records, by the ratio to which those of the batch before compaction are compressed."""
        records_bytes, before_bytes = sum(self.record_sizes_bytes()), sum(before.record_sizes_bytes())
        compressed_bytes = before.size_bytes - RECORD_BATCH_OVERHEAD_BYTES
        if compressed_bytes == before_bytes or not before_bytes:
            return records_bytes
        return round(records_bytes * compressed_bytes / before_bytes)

    def delta_at(self, index: int) -> int:
        """How far the offset of the record with this index lies from the base offset."""
        return index if self.offset_deltas is None else self.offset_deltas[index]


class RecordBatch:
    """Columns with the header that a producer and a leader add: offsets, leader epoch and producer state."""

    __slots__ = (
        "base_offset",
        "base_sequence",
        "columns",
        "count",
        "is_control",
        "is_transactional",
        "last_offset",
        "leader_epoch",
        "producer_epoch",
        "producer_id",
        "size_bytes",
    )

    def __init__(
        self,
        columns: RecordColumns,
        base_offset: int = 0,
        leader_epoch: int = -1,
        producer_id: int = NO_PRODUCER_ID,
        producer_epoch: int = -1,
        base_sequence: int = -1,
        is_transactional: bool = False,
        is_control: bool = False,
    ) -> None:
        self.columns = columns
        self.base_offset = base_offset
        self.leader_epoch = leader_epoch
        self.producer_id = producer_id
        self.producer_epoch = producer_epoch
        self.base_sequence = base_sequence
        self.is_transactional = is_transactional
        self.is_control = is_control
        self.count = columns.count
        self.size_bytes = columns.size_bytes
        self.last_offset = base_offset + columns.last_offset_delta

    def __repr__(self) -> str:
        return (
            f"RecordBatch({self.base_offset}..{self.last_offset}, epoch {self.leader_epoch}, {self.size_bytes} bytes)"
        )

    @property
    def next_offset(self) -> int:
        """The offset after the last record."""
        return self.last_offset + 1

    @property
    def last_sequence(self) -> int:
        """Sequence number of the last record, -1 when the producer is not idempotent."""
        if self.base_sequence < 0:
            return -1
        return increment_sequence(self.base_sequence, self.columns.last_offset_delta)

    @property
    def base_timestamp_ms(self) -> int:
        """Timestamp of the first record."""
        return self.columns.base_timestamp_ms

    @property
    def max_timestamp_ms(self) -> int:
        """Largest timestamp of the records."""
        return self.columns.max_timestamp_ms

    def placed(self, base_offset: int, leader_epoch: int) -> "RecordBatch":
        """The copy that a log keeps: the same columns, with the offsets and the epoch of a leader."""
        return RecordBatch(
            self.columns,
            base_offset,
            leader_epoch,
            self.producer_id,
            self.producer_epoch,
            self.base_sequence,
            self.is_transactional,
            self.is_control,
        )

    def retaining(self, indexes: Sequence[int], delete_horizon_ms: int | None) -> "RecordBatch":
        """The batch that a log keeps after compaction, with everything of its header but the number of records."""
        return RecordBatch(
            self.columns.retaining(indexes, delete_horizon_ms),
            self.base_offset,
            self.leader_epoch,
            self.producer_id,
            self.producer_epoch,
            self.base_sequence,
            self.is_transactional,
            self.is_control,
        )

    def index_at(self, offset: int) -> int:
        """Index of the first record at or after an offset; the number of records when there is none."""
        delta, deltas = offset - self.base_offset, self.columns.offset_deltas
        return min(max(0, delta), self.count) if deltas is None else bisect_left(deltas, delta)

    def part(self, from_offset: int, limit: int) -> tuple[int, int]:
        """How many records lie at and after an offset, counted up to a limit, and the offset at which to go on."""
        index, deltas = self.index_at(from_offset), self.columns.offset_deltas
        count = min(self.count - index, limit)
        if index + count == self.count:
            return count, self.last_offset + 1
        return count, self.base_offset + (index + count if deltas is None else deltas[index + count])

    def records(self, from_offset: int = 0) -> Iterator[Record]:
        """The records at and after an offset; keys and values are None where only sizes exist."""
        columns = self.columns
        for index in range(self.index_at(from_offset), self.count):
            yield Record(
                self.base_offset + columns.delta_at(index),
                columns.timestamps_ms[index],
                columns.keys[index] if columns.keys is not None else None,
                columns.values[index] if columns.values is not None else None,
                columns.headers[index] if columns.headers is not None else (),
                columns.sent_at[index] if columns.sent_at else None,
            )


def _pick(column: Sequence[_Value] | None, indexes: Sequence[int]) -> list[_Value] | None:
    return None if column is None else [column[index] for index in indexes]
