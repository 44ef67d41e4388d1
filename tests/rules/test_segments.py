"""When a segment is rolled, and what it holds."""

from typing import Any

import pytest

from sim.rules.batch import RecordBatch, RecordColumns
from sim.rules.errors import RecordBatchTooLargeError
from sim.rules.log import Log
from sim.rules.segments import Segment, should_roll
from tests.vector_files import vectors

WEEK_MS = 604_800_000
GIBIBYTE = 1_073_741_824


def batch_at(base_offset: int, timestamp_ms: int = 0, size_bytes: int = 100, count: int = 1) -> RecordBatch:
    return RecordBatch(RecordColumns(count, [timestamp_ms] * count, size_bytes), base_offset, 0)


def segment_of(*batches: RecordBatch, index_interval_bytes: int = 4_096) -> Segment:
    segment = Segment(batches[0].base_offset, index_interval_bytes)
    for batch in batches:
        segment.append(batch)
    return segment


def layout(log: Log) -> list[dict[str, int]]:
    return [{"base_offset": segment.base_offset, "bytes": segment.size_bytes} for segment in log.segments]


@pytest.mark.parametrize("vector", vectors("segment_roll_size"), ids=lambda vector: vector["id"])
def test_roll_by_size_as_kafka(vector: dict[str, Any]) -> None:
    log = Log(segment_bytes=vector["segment_bytes"])
    count = vector["records_per_batch"]
    keys = None if vector["key"] is None else [vector["key"].encode()] * count
    columns = RecordColumns.of([0] * count, keys, [bytes(vector["value_bytes"])] * count)
    assert columns.size_bytes == vector["batch_bytes"]
    for _ in range(vector["batches"]):
        if "error" in vector:
            with pytest.raises(RecordBatchTooLargeError):
                log.append_as_leader(RecordBatch(columns), 0)
        else:
            log.append_as_leader(RecordBatch(columns), 0)
    assert layout(log) == vector["segments"]
    assert log.log_end_offset == vector["log_end_offset"]


@pytest.mark.parametrize("vector", vectors("segment_roll_time"), ids=lambda vector: vector["id"])
def test_roll_by_record_time_as_kafka(vector: dict[str, Any]) -> None:
    log = Log(segment_ms=vector["segment_ms"], segment_jitter_ms=vector["segment_jitter_ms"])
    size_bytes = vector["segments"][-1]["bytes"] // sum(
        append["segment_base_offset"] == vector["segments"][-1]["base_offset"] for append in vector["appends"]
    )
    for append in vector["appends"]:
        columns = RecordColumns(1, [append["record_timestamp_ms"]], size_bytes)
        log.append_as_leader(RecordBatch(columns), 0)
        assert log.segments[-1].base_offset == append["segment_base_offset"]
    assert layout(log) == vector["segments"]


def test_the_clock_starts_with_the_largest_timestamp_of_the_first_batch() -> None:
    segment = segment_of(RecordBatch(RecordColumns(2, [10, 50], 100)), batch_at(2, 5))
    assert (segment.first_timestamp_ms, segment.largest_timestamp_ms) == (50, 50)
    assert not should_roll(segment, batch_at(3, 150), GIBIBYTE, 100)
    assert should_roll(segment, batch_at(3, 151), GIBIBYTE, 100)


def test_jitter_shortens_the_time() -> None:
    segment = segment_of(batch_at(0, 0))
    assert not should_roll(segment, batch_at(1, 70), GIBIBYTE, 100, segment_jitter_ms=30)
    assert should_roll(segment, batch_at(1, 71), GIBIBYTE, 100, segment_jitter_ms=30)


def test_an_exact_fit_stays() -> None:
    segment = segment_of(batch_at(0, size_bytes=300))
    assert not should_roll(segment, batch_at(1, size_bytes=700), 1_000, WEEK_MS)
    assert should_roll(segment, batch_at(1, size_bytes=701), 1_000, WEEK_MS)


def test_an_offset_too_far_from_the_base_rolls() -> None:
    segment = segment_of(batch_at(5))
    assert not should_roll(segment, batch_at(5 + 2**31 - 1), GIBIBYTE, WEEK_MS)
    assert should_roll(segment, batch_at(5 + 2**31), GIBIBYTE, WEEK_MS)


def test_a_full_offset_index_rolls() -> None:
    # Every batch after the first writes an entry; equal times leave the time index at one.
    segment = segment_of(*[batch_at(offset, 7) for offset in range(1 + 6)], index_interval_bytes=99)
    assert (segment.offset_index_entries, segment.time_index_entries) == (6, 1)
    assert not should_roll(segment, batch_at(7), GIBIBYTE, WEEK_MS, segment_index_bytes=8 * 7)
    assert should_roll(segment, batch_at(7), GIBIBYTE, WEEK_MS, segment_index_bytes=8 * 7 - 1)


def test_a_full_time_index_rolls_one_entry_early() -> None:
    segment = segment_of(*[batch_at(offset, offset) for offset in range(1 + 3)], index_interval_bytes=99)
    assert (segment.offset_index_entries, segment.time_index_entries) == (3, 3)
    assert not should_roll(segment, batch_at(4), GIBIBYTE, WEEK_MS, segment_index_bytes=12 * 5)
    assert should_roll(segment, batch_at(4), GIBIBYTE, WEEK_MS, segment_index_bytes=12 * 4)


def test_index_entries_come_once_an_interval() -> None:
    segment = segment_of(*[batch_at(offset, offset) for offset in range(10)], index_interval_bytes=250)
    assert segment.offset_index_entries == 3  # before the batches 3, 6 and 9
    assert segment_of(*[batch_at(offset) for offset in range(10)], index_interval_bytes=200).offset_index_entries == 3


def test_a_truncated_segment_is_as_if_the_rest_had_never_been() -> None:
    batches = [batch_at(offset, 100 - offset, 100 + offset, 2) for offset in range(0, 20, 2)]
    cut = segment_of(*batches).truncated_to(11)
    assert cut.batches == batches[:5]
    assert cut.size_bytes == sum(batch.size_bytes for batch in batches[:5])
    assert (cut.first_timestamp_ms, cut.largest_timestamp_ms) == (100, 100)
    assert cut.bytes_since_index_entry == 0
    empty = segment_of(*batches).truncated_to(1)
    assert (empty.batches, empty.size_bytes, empty.first_timestamp_ms) == ([], 0, None)


def test_an_index_without_room_rolls_at_every_batch_and_leaves_no_empty_segment() -> None:
    log = Log(segment_index_bytes=12)
    for _ in range(3):
        log.append_as_leader(batch_at(0), 0)
    assert layout(log) == [{"base_offset": offset, "bytes": 100} for offset in range(3)]
