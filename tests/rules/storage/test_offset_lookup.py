"""Offsets by time, on hand-made logs and on random ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.storage.offset_lookup import (
    EARLIEST_TIMESTAMP,
    LATEST_TIMESTAMP,
    MAX_TIMESTAMP,
    FoundOffset,
    offset_for_timestamp,
    reset_timestamp_ms,
)


def written(*batches: list[int], segment_bytes: int = 1 << 30) -> Log:
    log = Log(segment_bytes)
    for times in batches:
        log.append_as_leader(RecordBatch(RecordColumns.of(times, None, [b"x"] * len(times))), 3)
    return log


def test_the_first_record_that_is_late_enough_is_found() -> None:
    log = written([10, 20], [30, 40])
    for time_ms, offset, found_ms in ((0, 0, 10), (10, 0, 10), (11, 1, 20), (25, 2, 30), (40, 3, 40)):
        assert offset_for_timestamp(log, time_ms) == FoundOffset(offset, found_ms, 3)
    assert offset_for_timestamp(log, 41) is None
    assert offset_for_timestamp(written(), 0) is None


def test_times_out_of_order_are_found_by_offset_not_by_time() -> None:
    log = written([50, 10], [20, 60], [30])
    assert offset_for_timestamp(log, 15) == FoundOffset(0, 50, 3)
    assert offset_for_timestamp(log, 51) == FoundOffset(3, 60, 3)
    assert offset_for_timestamp(log, MAX_TIMESTAMP) == FoundOffset(3, 60, 3)


def test_what_lies_before_the_log_start_does_not_count() -> None:
    log = written([10, 20, 30])
    log.log_start_offset = 2
    assert offset_for_timestamp(log, 10) == FoundOffset(2, 30, 3)


@given(st.lists(st.lists(st.integers(0, 100), min_size=1, max_size=4), max_size=12), st.integers(0, 110))
def test_no_earlier_record_would_do(batches: list[list[int]], time_ms: int) -> None:
    log = written(*batches, segment_bytes=200)
    times = [found_ms for batch in batches for found_ms in batch]
    late = [offset for offset, found_ms in enumerate(times) if found_ms >= time_ms]
    found = offset_for_timestamp(log, time_ms)
    assert (None if found is None else found.offset) == (late[0] if late else None)


def test_policies_stand_for_timestamps() -> None:
    assert reset_timestamp_ms("earliest", 5) == EARLIEST_TIMESTAMP
    assert reset_timestamp_ms("latest", 5) == LATEST_TIMESTAMP
    assert reset_timestamp_ms("by_duration:P1DT2H3M4.5S", 100_000_000) == 100_000_000 - 93_784_500
    assert reset_timestamp_ms("by_duration:PT1H", 1000) == 0


@pytest.mark.parametrize(
    "policy", ["none", "by_duration:", "by_duration:P", "by_duration:PT", "by_duration:P1DT", "1h"]
)
def test_other_policies_are_refused(policy: str) -> None:
    with pytest.raises(ValueError, match="is not one of earliest"):
        reset_timestamp_ms(policy, 0)
