"""Record batches as columns: what a producer wrote, and where a log has put it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sim.rules.records import RECORD_BATCH_OVERHEAD_BYTES, Header, record_size_bytes

__all__ = ["NO_PRODUCER_ID", "Record", "RecordBatch", "RecordColumns", "increment_sequence"]

NO_PRODUCER_ID = -1
_LARGEST_SEQUENCE = 2_147_483_647


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
    """

    __slots__ = (
        "base_timestamp_ms",
        "count",
        "first_number",
        "headers",
        "keys",
        "max_timestamp_ms",
        "origin",
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
        self.max_timestamp_ms = max(timestamps_ms)

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
        size_bytes = RECORD_BATCH_OVERHEAD_BYTES
        base_timestamp_ms = timestamps_ms[0]
        for delta, timestamp_ms in enumerate(timestamps_ms):
            key = keys[delta] if keys is not None else None
            value = values[delta] if values is not None else None
            size_bytes += record_size_bytes(
                delta,
                timestamp_ms - base_timestamp_ms,
                None if key is None else len(key),
                None if value is None else len(value),
                headers[delta] if headers is not None else (),
            )
        count = len(timestamps_ms)
        return cls(count, timestamps_ms, size_bytes, keys, values, headers, sent_at, origin, first_number)


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
        self.last_offset = base_offset + columns.count - 1

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
        return increment_sequence(self.base_sequence, self.count - 1)

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

    def records(self, from_offset: int = 0) -> Iterator[Record]:
        """The records at and after an offset; keys and values are None where only sizes exist."""
        columns = self.columns
        for index in range(max(0, from_offset - self.base_offset), self.count):
            yield Record(
                self.base_offset + index,
                columns.timestamps_ms[index],
                columns.keys[index] if columns.keys is not None else None,
                columns.values[index] if columns.values is not None else None,
                columns.headers[index] if columns.headers is not None else (),
                columns.sent_at[index] if columns.sent_at else None,
            )
