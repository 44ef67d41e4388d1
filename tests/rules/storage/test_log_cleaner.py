"""Which log is cleaned next, and how far."""

from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.storage.log_cleaner import LogToClean, cleanable_range, filthiest, log_to_clean

NO_LAG_MS = 2**63 - 1


def log_of(*timestamps_ms: int) -> Log:
    """One record of 100 bytes a segment."""
    log = Log(segment_bytes=100)
    for timestamp_ms in timestamps_ms:
        log.append_as_leader(RecordBatch(RecordColumns(1, [timestamp_ms], 100)), 0)
    return log


def dirty(log: Log, checkpoint: int | None, stable: int, now_ms: int = 0, lag_ms: int = NO_LAG_MS) -> LogToClean:
    return log_to_clean(log, cleanable_range(log, checkpoint, stable, now_ms, 0), now_ms, lag_ms)


def test_the_active_segment_and_what_is_not_stable_is_left_alone() -> None:
    log = log_of(*[0] * 5)
    assert cleanable_range(log, None, 5, 0, 0).first_uncleanable_offset == 4
    assert cleanable_range(log, 1, 3, 0, 0).first_uncleanable_offset == 3
    assert cleanable_range(log, 4, 3, 0, 0).first_uncleanable_offset == 4


def test_segments_younger_than_the_least_lag_are_left_alone() -> None:
    log = log_of(0, 10, 20, 5, 30)
    assert cleanable_range(log, None, 5, 25, 10).first_uncleanable_offset == 2
    assert cleanable_range(log, None, 5, 30, 10).first_uncleanable_offset == 4
    assert cleanable_range(log, 3, 5, 25, 10).first_uncleanable_offset == 4


def test_a_checkpoint_outside_of_the_log_is_reset() -> None:
    log = log_of(*[0] * 5)
    log.log_start_offset = 2
    for checkpoint, first, reset in ((1, 2, True), (6, 2, True), (2, 2, False), (5, 5, False), (None, 2, False)):
        found = cleanable_range(log, checkpoint, 5, 0, 0)
        assert (found.first_dirty_offset, found.reset) == (first, reset)


def test_sizes_of_the_clean_and_the_dirty_part() -> None:
    log = log_of(*[0] * 5)
    found = dirty(log, 1, 5)
    assert (found.clean_bytes, found.cleanable_bytes, found.cleanable_ratio) == (100, 300, 0.75)
    assert not found.overdue
    nothing = dirty(log, 4, 5)
    assert (nothing.clean_bytes, nothing.cleanable_bytes) == (400, 0)


def test_records_that_wait_too_long_make_a_log_overdue() -> None:
    log = log_of(1_000, 5_000, 9_000)
    assert not dirty(log, 0, 3, now_ms=2_000, lag_ms=1_000).overdue
    assert dirty(log, 0, 3, now_ms=2_001, lag_ms=1_000).overdue
    assert not dirty(log, 1, 3, now_ms=2_001, lag_ms=1_000).overdue


def test_the_dirtiest_log_above_its_threshold_comes_first() -> None:
    half, most, nothing = LogToClean(0, 1, 50, 50, False), LogToClean(0, 1, 10, 90, False), LogToClean(0, 1, 0, 0, True)
    assert filthiest([(half, 0.4), (most, 0.5), (nothing, 0.0)]) == 1
    assert filthiest([(half, 0.5), (nothing, 0.0)]) is None
    assert filthiest([(half, 0.4), (half, 0.4)]) == 0
    assert filthiest([(LogToClean(0, 1, 90, 10, True), 0.5), (LogToClean(0, 1, 90, 0, True), 0.5)]) == 0
    assert filthiest([]) is None
