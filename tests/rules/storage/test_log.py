"""Appending to, reading from and cutting a log."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.errors import ErrorCode, OffsetOutOfRangeError, RecordBatchTooLargeError
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.storage.truncation import diverging_epoch, truncation_offset

SHAPES = st.lists(st.tuples(st.integers(1, 4), st.integers(61, 200)), max_size=25)
PROPERTY = settings(max_examples=100, deadline=None)


def batch_of(count: int = 1, size_bytes: int = 100, number: int = 0) -> RecordBatch:
    return RecordBatch(RecordColumns(count, [0] * count, size_bytes, first_number=number))


def log_of(shapes: list[tuple[int, int]], segment_bytes: int = 500, epoch: int = 0) -> Log:
    log = Log(segment_bytes=segment_bytes)
    for number, (count, size_bytes) in enumerate(shapes):
        log.append_as_leader(batch_of(count, size_bytes, number), epoch)
    return log


def contents(log: Log) -> list[tuple[int, int, int, int]]:
    return [(batch.base_offset, batch.count, batch.leader_epoch, batch.columns.first_number) for batch in log.batches()]


def assert_sound(log: Log) -> None:
    """A log is sorted, its counters are right and its bounds do not cross."""
    batches = list(log.batches())
    assert all(below.last_offset < above.base_offset for below, above in pairwise(batches))
    assert all(below.base_offset < above.base_offset for below, above in pairwise(log.segments))
    assert all(segment.base_offset <= batch.base_offset for segment in log.segments for batch in segment.batches)
    assert log.log_start_offset <= log.log_end_offset
    assert not batches or batches[-1].last_offset < log.log_end_offset
    assert log.size_bytes == sum(batch.size_bytes for batch in batches)
    assert all(segment.size_bytes == sum(batch.size_bytes for batch in segment.batches) for segment in log.segments)


def test_a_batch_cut_by_the_limit_counts_its_bytes_but_is_not_returned() -> None:
    log = log_of([(1, 100)] * 4)
    assert log.read(0, 250, 4) == (list(log.batches(0, 2)), 250)
    assert log.read(0, 200, 4) == (list(log.batches(0, 2)), 200)
    assert log.read(0, 199, 4, min_one_message=False) == (list(log.batches(0, 1)), 199)
    assert log.read(0, 0, 4, min_one_message=False) == ([], 0)


def test_a_read_stays_in_its_segment_and_goes_on_over_a_gap() -> None:
    log = Log(segment_bytes=250)
    for base_offset in (0, 1, 10, 11, 30):
        log.append_as_follower(batch_of().placed(base_offset, 0))
    assert [segment.base_offset for segment in log.segments] == [0, 10, 30]
    assert [batch.base_offset for batch in log.read(0, 10_000, 31).batches] == [0, 1]
    assert [batch.base_offset for batch in log.read(5, 10_000, 31).batches] == [10, 11]
    assert [batch.base_offset for batch in log.read(12, 10_000, 31).batches] == [30]
    assert log.read(12, 10_000, 20) == ([], 0)


def test_a_batch_that_reaches_the_bound_is_held_back() -> None:
    log = log_of([(3, 100)] * 3)
    assert [batch.base_offset for batch in log.read(0, 1_000, 5).batches] == [0]
    assert [batch.base_offset for batch in log.read(0, 1_000, 6).batches] == [0, 3]
    assert log.read(3, 1_000, 5) == ([], 0)
    assert log.read(8, 1_000, 0) == ([], 0)


def test_batches_that_are_too_large() -> None:
    log = Log(segment_bytes=500, max_message_bytes=600)
    with pytest.raises(RecordBatchTooLargeError) as segment_error:
        log.append_as_leader(batch_of(size_bytes=501), 0)
    with pytest.raises(RecordBatchTooLargeError) as message_error:
        log.append_as_leader(batch_of(size_bytes=601), 0)
    assert segment_error.value.code is ErrorCode.RECORD_LIST_TOO_LARGE
    assert message_error.value.code is ErrorCode.MESSAGE_TOO_LARGE
    log.append_as_leader(batch_of(size_bytes=500), 0)
    Log(max_message_bytes=100).append_as_follower(batch_of(size_bytes=101).placed(0, 0))
    assert log.log_end_offset == 1


def test_a_follower_refuses_what_it_has_and_keeps_offset_and_epoch() -> None:
    log = Log()
    log.append_as_follower(batch_of(3).placed(5, 2))
    assert (log.log_end_offset, log.leader_epochs.entries) == (8, [(2, 5)])
    with pytest.raises(ValueError, match="below the log end offset 8"):
        log.append_as_follower(batch_of().placed(7, 2))


def test_an_offset_gap_beyond_a_segment_replaces_an_empty_segment_only_at_its_own_base() -> None:
    log = Log()
    log.append_as_follower(batch_of().placed(2**31, 0))
    assert [segment.base_offset for segment in log.segments] == [0, 2**31]
    assert [batch.base_offset for batch in log.read(0, 100, 2**31 + 1).batches] == [2**31]


def test_truncation_removes_whole_batches_and_returns_them() -> None:
    log = log_of([(3, 200)] * 6)
    before = contents(log)
    removed = log.truncate_to(9)
    assert [batch.base_offset for batch in removed] == [9, 12, 15]
    assert contents(log) == before[:3]
    assert log.log_end_offset == 9
    assert [batch.base_offset for batch in log.truncate_to(4)] == [3, 6]
    assert log.log_end_offset == 4
    assert log.truncate_to(4) == []
    assert_sound(log)
    with pytest.raises(ValueError, match="negative offset"):
        log.truncate_to(-1)


def test_truncation_forgets_epochs_even_those_without_records() -> None:
    log = log_of([(1, 100)] * 3, epoch=1)
    log.append_as_leader(batch_of(), 2)
    log.leader_epochs.assign(3, 4)
    assert log.truncate_to(4) == []
    assert log.leader_epochs.entries == [(1, 0), (2, 3)]
    log.truncate_to(3)
    assert log.leader_epochs.entries == [(1, 0)]


def test_a_fresh_start_elsewhere_empties_everything() -> None:
    log = log_of([(2, 100)] * 6)
    removed = log.truncate_fully_and_start_at(40)
    assert sum(batch.count for batch in removed) == 12
    assert (log.log_start_offset, log.log_end_offset, log.size_bytes, log.leader_epochs.entries) == (40, 40, 0, [])
    assert log.append_as_leader(batch_of(), 3).batch.base_offset == 40
    with pytest.raises(OffsetOutOfRangeError):
        log.read(39, 100, 41)
    assert [batch.base_offset for batch in log.truncate_to(10)] == [40]
    assert (log.log_start_offset, log.log_end_offset) == (10, 10)
    assert log.append_as_leader(batch_of(), 3).batch.base_offset == 10
    assert_sound(log)


def test_a_cut_below_the_log_start_takes_the_log_start_along() -> None:
    log = log_of([(1, 100)] * 4)
    log.log_start_offset = 3
    log.truncate_to(2)
    assert (log.log_start_offset, log.log_end_offset) == (2, 2)


def test_batches_between_offsets() -> None:
    log = log_of([(3, 200)] * 5)
    assert [batch.base_offset for batch in log.batches(4, 9)] == [3, 6]
    assert [batch.base_offset for batch in log.batches(6, 10)] == [6, 9]
    assert list(log.batches(15)) == []


@given(SHAPES, st.integers(200, 900), st.integers(0, 1_000))
@PROPERTY
def test_reading_on_returns_what_was_appended(
    shapes: list[tuple[int, int]], segment_bytes: int, max_bytes: int
) -> None:
    log = log_of(shapes, segment_bytes)
    assert_sound(log)
    offset, found = 0, []
    while offset < log.log_end_offset:
        answer = log.read(offset, max_bytes, log.log_end_offset)
        assert answer.size_bytes <= max(max_bytes, answer.batches[0].size_bytes)
        found += answer.batches
        offset = answer.batches[-1].next_offset
    assert [(batch.count, batch.size_bytes, batch.columns.first_number) for batch in found] == [
        (count, size_bytes, number) for number, (count, size_bytes) in enumerate(shapes)
    ]


@given(SHAPES, st.data())
@PROPERTY
def test_a_read_agrees_with_a_walk_over_all_batches(shapes: list[tuple[int, int]], data: st.DataObject) -> None:
    log = log_of(shapes)
    start = data.draw(st.integers(0, log.log_end_offset))
    bound = data.draw(st.integers(0, log.log_end_offset))
    max_bytes = data.draw(st.integers(0, 600))
    expected: list[RecordBatch] = []
    for segment in log.segments:
        readable = [batch for batch in segment.batches if batch.last_offset >= start and start < bound]
        if not expected:
            expected = [batch for batch in readable if batch.last_offset < bound]
    while len(expected) > 1 and sum(batch.size_bytes for batch in expected) > max_bytes:
        expected.pop()
    assert log.read(start, max_bytes, bound).batches == expected


@given(SHAPES, st.data())
@PROPERTY
def test_bytes_between_offsets_are_a_sum_over_batches(shapes: list[tuple[int, int]], data: st.DataObject) -> None:
    log = log_of(shapes)
    start = data.draw(st.integers(0, log.log_end_offset))
    end = data.draw(st.integers(0, log.log_end_offset))
    between = [batch.size_bytes for batch in log.batches() if batch.last_offset >= start and batch.last_offset < end]
    assert log.size_bytes_between(start, end) == sum(between)


@given(SHAPES, st.data())
@PROPERTY
def test_a_truncated_log_is_the_log_before_the_rest_was_written(
    shapes: list[tuple[int, int]], data: st.DataObject
) -> None:
    log = log_of(shapes)
    before = list(log.batches())
    offset = data.draw(st.integers(0, log.log_end_offset))
    removed = log.truncate_to(offset)
    assert list(log.batches()) + removed == before
    assert log.log_end_offset == offset
    assert all(batch.last_offset >= offset for batch in removed)
    assert_sound(log)


def catch_up(follower: Log, leader: Log) -> None:
    """Fetch from the leader until nothing is missing, cutting the own log where it parts from the leader's."""
    for _ in range(200):
        offset, epoch = follower.log_end_offset, follower.leader_epochs.latest_epoch
        diverging = diverging_epoch(leader.leader_epochs, leader.log_end_offset, epoch, offset)
        if diverging is not None:
            follower.truncate_to(truncation_offset(follower.leader_epochs, offset, *diverging).offset)
            continue
        if offset == leader.log_end_offset:
            return
        for batch in leader.read(offset, 150, leader.log_end_offset).batches:
            follower.append_as_follower(batch)
    pytest.fail("the follower does not converge")


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("append"), st.integers(1, 3)),
        st.tuples(st.just("fetch"), st.integers(0, 2)),
        st.tuples(st.just("elect"), st.integers(0, 2)),
    ),
    max_size=30,
)


@given(STEPS)
@settings(max_examples=200, deadline=None)
def test_whatever_was_elected_followers_end_with_the_log_of_the_leader(steps: list[tuple[str, int]]) -> None:
    replicas = [Log(segment_bytes=450) for _ in range(3)]
    leader, epoch = replicas[0], 0
    leader.leader_epochs.assign(epoch, 0)
    for number, (step, argument) in enumerate(steps):
        if step == "append":
            leader.append_as_leader(batch_of(argument, 100, number), epoch)
        elif step == "elect":
            leader, epoch = replicas[argument], epoch + 1
            leader.leader_epochs.assign(epoch, leader.log_end_offset)
        elif replicas[argument] is not leader:
            catch_up(replicas[argument], leader)
        assert_sound(leader)
    for follower in replicas:
        if follower is not leader:
            catch_up(follower, leader)
            assert contents(follower) == contents(leader)
            assert_sound(follower)
