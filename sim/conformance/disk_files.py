"""What a recording of a broker's disk shows, read from a log: files, batches, records.

A producer fills batches by the rules of the accumulator.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim.rules.producer.batching import batch_allocation_bytes, has_room_for
from sim.rules.storage.batch import NO_PRODUCER_ID, RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.storage.records import (
    RECORD_BATCH_OVERHEAD_BYTES,
    Header,
    estimate_batch_size_upper_bound,
    record_size_bytes,
)

__all__ = ["NOW_MS", "Producer", "alike", "content", "file_name", "segments_with_batches", "state", "timestamps"]

Vector = Mapping[str, Any]
Sent = tuple[bytes | None, bytes | None, Sequence[Header]]
NOW_MS = 1_780_000_000_000
LONGEST_KEY_SHOWN = 20


def file_name(base_offset: int) -> str:
    """A segment's file is named after its first offset, in twenty digits."""
    return f"{base_offset:020d}.log"


def _segments(log: Log) -> list[dict[str, object]]:
    return [{"file": file_name(segment.base_offset), "bytes": segment.size_bytes} for segment in log.segments]


def state(log: Log, high_watermark: int | None = None) -> dict[str, object]:
    """What a snapshot of the directory shows; everything is replicated unless a high watermark is given."""
    watermark = log.log_end_offset if high_watermark is None else high_watermark
    return {"logStartOffset": log.log_start_offset, "highWatermark": watermark, "segments": _segments(log)}


def content(size: int, letter: bytes) -> bytes | None:
    """So many letters; -1 stands for null."""
    return None if size < 0 else letter * size


def timestamps(text: str, count: int) -> list[int]:
    """Timestamps written as "1700000000000 + 7*i"."""
    found = re.fullmatch(r"\s*(\d+)\s*(?:\+\s*(?:(\d+)\s*\*\s*)?i\s*)?", text)
    if found is None:
        raise ValueError(f"timestamps {text!r} are not understood")
    step_ms = int(found[2] or 1) if "i" in text else 0
    return [int(found[1]) + step_ms * index for index in range(count)]


class Producer:
    """Fills batches as a producer that never lingers out: one is sent when the next record finds no room in it."""

    def __init__(self, log: Log, batch_size_bytes: int, producer_id: int = NO_PRODUCER_ID) -> None:
        self._log = log
        self._batch_size_bytes = batch_size_bytes
        self._producer_id = producer_id
        self._sequence = 0
        self._records: list[tuple[int, Sent]] = []
        self._size_bytes = self._allocated_bytes = 0

    def send(self, timestamp_ms: int, key: bytes | None, value: bytes | None, headers: Sequence[Header] = ()) -> None:
        """Append to the open batch, or to the next one."""
        sizes = None if key is None else len(key), None if value is None else len(value)
        count = len(self._records)
        delta_ms = timestamp_ms - self._records[0][0] if count else 0
        size_bytes = record_size_bytes(count, delta_ms, *sizes, headers)
        if count and not has_room_for(count, self._size_bytes, size_bytes, self._allocated_bytes):
            self.flush()
            size_bytes = record_size_bytes(0, 0, *sizes, headers)
        if not self._records:
            self._size_bytes = RECORD_BATCH_OVERHEAD_BYTES
            upper_bound_bytes = estimate_batch_size_upper_bound(*sizes, headers)
            self._allocated_bytes = batch_allocation_bytes(self._batch_size_bytes, upper_bound_bytes)
        self._records.append((timestamp_ms, (key, value, headers)))
        self._size_bytes += size_bytes

    def flush(self) -> None:
        """Send the open batch."""
        if self._records:
            keys, values, headers = zip(*(sent for _, sent in self._records), strict=True)
            columns = RecordColumns.of([time_ms for time_ms, _ in self._records], keys, values, headers)
            idempotent = self._producer_id != NO_PRODUCER_ID
            epoch, sequence = (0, self._sequence) if idempotent else (-1, -1)
            batch = RecordBatch(columns, 0, -1, self._producer_id, epoch, sequence)
            self._log.append_as_leader(batch, 0)
            self._sequence += columns.count
            self._records.clear()


def segments_with_batches(log: Log, wanted: Sequence[Vector], *, kinds: bool = False) -> list[dict[str, object]]:
    """The segments with their batches, as the recording writes them; `kinds` demands those of all batches."""
    segments = []
    for index, segment in enumerate(log.segments):
        theirs = wanted[index]["batches"] if index < len(wanted) else []
        batches = [
            _batch(batch, segment.position_of(number), theirs[number] if number < len(theirs) else {}, kinds)
            for number, batch in enumerate(segment.batches)
        ]
        segments.append({"file": file_name(segment.base_offset), "bytes": segment.size_bytes, "batches": batches})
    return segments


def _batch(batch: RecordBatch, position: int, wanted: Vector, all_kinds: bool) -> dict[str, object]:
    """A batch; its kind where that is told, and of a long one only the first record."""
    kinds = {"isTransactional": batch.is_transactional, "isControl": batch.is_control}
    records = [
        {
            "o": record.offset,
            "k": _key(record.key),
            "vlen": -1 if record.value is None else len(record.value),
            "bytes": n,
        }
        for record, n in zip(batch.records(), batch.columns.record_sizes_bytes(), strict=True)
    ]
    return {
        "baseOffset": batch.base_offset,
        "lastOffset": batch.last_offset,
        "count": batch.count,
        "position": position,
        "sizeInBytes": batch.size_bytes,
        "baseSequence": batch.base_sequence,
        "producerEpoch": batch.producer_epoch,
        **{name: kind for name, kind in kinds.items() if all_kinds or name in wanted},
        **({"records_first": records[0]} if "records_first" in wanted and records else {"records": records}),
    }


def _key(key: bytes | None) -> str | None:
    if key is None:
        return None
    return key.decode() if len(key) <= LONGEST_KEY_SHOWN else f"len{len(key)}"


def alike(setup: Vector, timestamps_ms: Sequence[int]) -> Iterator[RecordBatch]:
    """Batches of `records_per_batch` records alike, flushed one by one."""
    key, value = content(setup["key_len"], b"k"), content(setup["value_len"], b"v")
    step = setup["records_per_batch"]
    for first in range(0, setup["records"], step):
        times_ms = timestamps_ms[first : first + step]
        yield RecordBatch(RecordColumns.of(times_ms, [key] * len(times_ms), [value] * len(times_ms)))
