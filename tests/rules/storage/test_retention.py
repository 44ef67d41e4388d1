"""Old segments, the log start offset, and requests to delete records."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.errors import ErrorCode, OffsetOutOfRangeError, PolicyViolationError
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.storage.retention import (
    HIGH_WATERMARK,
    RetentionPolicy,
    delete_old_segments,
    delete_records,
    increment_log_start_offset,
    low_watermark,
)
from sim.rules.transactions.transactions import EndTransactionMarker, end_transaction_batch

FOREVER = RetentionPolicy(retention_ms=-1)


def batch_of(timestamp_ms: int = 0, size_bytes: int = 100, count: int = 1, **header: object) -> RecordBatch:
    return RecordBatch(RecordColumns(count, [timestamp_ms] * count, size_bytes), **header)  # type: ignore[arg-type]


def log_of(*timestamps_ms: int, segment_bytes: int = 200) -> Log:
    log = Log(segment_bytes=segment_bytes)
    for timestamp_ms in timestamps_ms:
        log.append_as_leader(batch_of(timestamp_ms), 0)
    return log


def bases(log: Log) -> list[int]:
    return [segment.base_offset for segment in log.segments]


def test_a_record_of_the_future_pins_its_segment_and_all_behind_it() -> None:
    log = log_of(0, 0, 0, 90_000, 0, 0)
    removed = delete_old_segments(log, 6, 61_000, RetentionPolicy(retention_ms=60_000))
    assert [segment.base_offset for segment in removed] == [0]
    assert (bases(log), log.log_start_offset, log.size_bytes) == ([2, 4], 2, 400)


def test_time_is_over_one_millisecond_later() -> None:
    log = log_of(5)
    assert delete_old_segments(log, 1, 105, RetentionPolicy(retention_ms=100)) == []
    assert len(delete_old_segments(log, 1, 106, RetentionPolicy(retention_ms=100))) == 1
    assert (bases(log), log.log_start_offset, log.log_end_offset) == ([1], 1, 1)


def test_size_deletes_while_enough_is_left() -> None:
    log = log_of(*[0] * 8)
    assert len(delete_old_segments(log, 8, 0, RetentionPolicy(retention_ms=-1, retention_bytes=401))) == 1
    assert len(delete_old_segments(log, 8, 0, RetentionPolicy(retention_ms=-1, retention_bytes=400))) == 1
    assert delete_old_segments(log, 8, 0, RetentionPolicy(retention_ms=-1, retention_bytes=400)) == []
    assert bases(log) == [4, 6]


def test_compaction_alone_removes_only_what_lies_below_the_log_start() -> None:
    log = log_of(*[0] * 6)
    compact = RetentionPolicy(delete=False, compact=True, retention_ms=0, retention_bytes=0)
    assert delete_old_segments(log, 6, 1_000, compact) == []
    increment_log_start_offset(log, 3, 6)
    assert [segment.base_offset for segment in delete_old_segments(log, 6, 1_000, compact)] == [0]
    assert (bases(log), log.log_start_offset) == ([2, 4], 3)


def test_the_last_segment_stays_when_only_the_log_start_has_passed_it() -> None:
    log = log_of(0, 0, 0)
    increment_log_start_offset(log, 3, 3)
    assert len(delete_old_segments(log, 3, 0, FOREVER)) == 1
    assert (bases(log), log.size_bytes, log.log_start_offset) == ([2], 100, 3)
    assert log.read(3, 1_000, 3).batches == []
    with pytest.raises(OffsetOutOfRangeError):
        log.read(2, 1_000, 3)


def test_a_raised_log_start_takes_epochs_and_producers_along() -> None:
    log = Log(segment_bytes=200)
    for epoch in range(4):
        log.append_as_leader(batch_of(producer_id=7, producer_epoch=0, base_sequence=epoch), epoch)
    log.roll(4)
    assert log.producers.snapshots.keys() == {2, 4}
    assert increment_log_start_offset(log, 3, 4)
    assert not increment_log_start_offset(log, 3, 4)
    assert log.leader_epochs.entries == [(3, 3)]
    delete_old_segments(log, 4, 0, FOREVER)
    assert log.producers.entries[7].last_sequence == 3
    delete_old_segments(log, 4, 10, RetentionPolicy(retention_ms=0))
    assert log.producers.snapshots.keys() == {4}


def test_aborted_transactions_go_with_their_segments() -> None:
    log = Log(segment_bytes=200)
    for number in range(2):
        log.append_as_leader(batch_of(producer_id=1, producer_epoch=0, base_sequence=number, is_transactional=True), 0)
        log.append_as_leader(end_transaction_batch(1, 0, EndTransactionMarker(False, 0), 0), 0)
    assert [aborted.last_offset for aborted in log.aborted.entries] == [1, 3]
    delete_old_segments(log, 4, 0, RetentionPolicy(retention_ms=-1, retention_bytes=150))
    assert bases(log) == [2]
    assert [aborted.last_offset for aborted in log.aborted.entries] == [3]


def test_delete_records() -> None:
    log = log_of(*[0] * 6)
    assert delete_records(log, 2, 5, FOREVER) == 2
    assert delete_records(log, HIGH_WATERMARK, 5, FOREVER) == 5
    assert delete_records(log, 1, 5, FOREVER) == 1
    assert log.log_start_offset == 5
    with pytest.raises(OffsetOutOfRangeError, match="high watermark 5"):
        delete_records(log, 6, 5, FOREVER)
    with pytest.raises(OffsetOutOfRangeError, match="not valid"):
        delete_records(log, -2, 5, FOREVER)
    with pytest.raises(PolicyViolationError) as refused:
        delete_records(log, 5, 5, RetentionPolicy(delete=False, compact=True))
    assert refused.value.code is ErrorCode.POLICY_VIOLATION
    delete_records(log, 5, 5, RetentionPolicy(delete=True, compact=True))


def test_the_low_watermark_is_that_of_the_last_live_replica() -> None:
    assert low_watermark(7, []) == 7
    assert low_watermark(7, [7, 4]) == 4
    assert low_watermark(7, [-1]) == -1


def test_the_policies_of_a_topic() -> None:
    assert RetentionPolicy.of(("compact", "delete"), 1, 2) == RetentionPolicy(True, True, 1, 2)
    assert RetentionPolicy.of(("compact",), 1, 2) == RetentionPolicy(False, True, 1, 2)


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(0, 100)),
        st.tuples(st.just("watermark"), st.integers(0, 5)),
        st.tuples(st.just("check"), st.integers(0, 200)),
        st.tuples(st.just("delete"), st.integers(-1, 40)),
    ),
    max_size=40,
)


@given(STEPS, st.integers(-1, 600), st.integers(-1, 120))
@settings(max_examples=150, deadline=None)
def test_nothing_above_the_high_watermark_is_ever_deleted(
    steps: list[tuple[str, int]], retention_bytes: int, retention_ms: int
) -> None:
    log, high_watermark = Log(segment_bytes=250), 0
    policy = RetentionPolicy(retention_ms=retention_ms, retention_bytes=retention_bytes)
    for step, argument in steps:
        if step == "append":
            log.append_as_leader(batch_of(argument, count=1 + argument % 3), 0)
        elif step == "watermark":
            high_watermark = min(log.log_end_offset, high_watermark + argument)
        elif step == "check":
            delete_old_segments(log, high_watermark, argument, policy)
        elif argument <= high_watermark:
            delete_records(log, argument, high_watermark, policy)
        assert log.log_start_offset <= high_watermark <= log.log_end_offset
        assert log.segments[0].base_offset <= log.log_start_offset
        assert log.size_bytes == sum(batch.size_bytes for batch in log.batches())
        left = [batch.base_offset for batch in log.batches() if batch.last_offset >= high_watermark]
        assert not left or left[0] <= high_watermark
        assert log.log_end_offset == high_watermark or left
