"""Compaction of one log."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.cleaner import Cleaning, build_offset_map, clean, group_segments, offset_map_capacity
from sim.rules.storage.log import Log
from sim.rules.storage.segments import Segment
from sim.rules.transactions.transactions import EndTransactionMarker, end_transaction_batch

Content = Sequence[tuple[str | None, str | None]]
DAY_MS = 86_400_000


def batch_of(content: Content, now_ms: int = 0, **header: object) -> RecordBatch:
    keys = [None if key is None else key.encode() for key, _ in content]
    values = [None if value is None else value.encode() for _, value in content]
    columns = RecordColumns.of([now_ms] * len(content), keys, values)
    return RecordBatch(columns, **header)  # type: ignore[arg-type]


def log_of(*batches: RecordBatch, segment_bytes: int = 1_000) -> Log:
    log = Log(segment_bytes=segment_bytes)
    for batch in batches:
        log.append_as_leader(batch, 0)
    log.roll(log.log_end_offset)
    return log


def compact(log: Log, now_ms: int = 0, dirty: int = 0, capacity: int = 1_000) -> Cleaning:
    return clean(log, dirty, log.segments[-1].base_offset, now_ms, DAY_MS, capacity)


def compact_again(log: Log, now_ms: int) -> None:
    """A later round, with one record that is dirty."""
    dirty = log.log_end_offset
    log.append_as_leader(batch_of([("filler", str(now_ms))]), 0)
    log.roll(log.log_end_offset)
    compact(log, now_ms, dirty)


def found(log: Log) -> list[tuple[int, str | None, str | None]]:
    return [
        (
            record.offset,
            record.key.decode() if record.key is not None else None,
            record.value.decode() if record.value is not None else None,
        )
        for batch in log.batches()
        for record in batch.records()
    ]


def test_the_newest_record_of_each_key_stays_under_its_offset() -> None:
    log = log_of(batch_of([("a", "1"), ("b", "1"), ("a", "2")]), batch_of([("c", "1"), ("b", "2")]))
    size_bytes = log.size_bytes
    cleaning = compact(log)
    assert found(log) == [(2, "a", "2"), (3, "c", "1"), (4, "b", "2")]
    assert (cleaning.end_offset, cleaning.bytes_read, cleaning.bytes_written) == (5, 2 * size_bytes, log.size_bytes)
    assert cleaning.removed == ()
    first = next(log.batches())
    assert (first.base_offset, first.last_offset, first.count, first.size_bytes) == (0, 2, 1, 61 + 9)
    assert [batch.base_offset for batch in log.read(1, 10_000, 5).batches] == [0, 3]


def test_records_without_a_key_go() -> None:
    log = log_of(batch_of([(None, "1"), ("a", "2")]), batch_of([(None, "3")]), batch_of([("b", "4")]))
    whole = list(log.batches())[1].columns
    assert compact(log).removed == (whole,)
    assert found(log) == [(1, "a", "2"), (3, "b", "4")]


def test_a_tombstone_stays_for_its_time_from_the_round_that_first_saw_it() -> None:
    log = log_of(batch_of([("a", "1"), ("b", "1"), ("b", None)]), batch_of([("c", "1")]))
    before = next(log.batches()).size_bytes
    compact(log, now_ms=1_000)
    batch = next(log.batches())
    assert found(log) == [(0, "a", "1"), (2, "b", None), (3, "c", "1")]
    assert batch.columns.delete_horizon_ms == batch.base_timestamp_ms == 1_000 + DAY_MS
    assert batch.max_timestamp_ms == 0
    assert batch.size_bytes == before - 9 + 2 * 3  # a delta of a day takes three bytes more
    compact_again(log, now_ms=999 + DAY_MS)
    assert next(log.batches()) is batch
    compact_again(log, now_ms=1_000 + DAY_MS)
    assert [(offset, key) for offset, key, _ in found(log)] == [(0, "a"), (3, "c"), (5, "filler")]
    assert next(log.batches()).columns.delete_horizon_ms == 1_000 + DAY_MS


def test_the_last_batch_of_an_active_producer_and_of_the_round_stays_without_its_records() -> None:
    first, second = (batch_of([("a", "1")] * 2, producer_id=pid, producer_epoch=0, base_sequence=0) for pid in (1, 2))
    again = batch_of([("a", "2")] * 2, producer_id=2, producer_epoch=0, base_sequence=2)
    log = log_of(first, second, again, batch_of([(None, "x")]))
    cleaning = compact(log)
    kept = [(batch.base_offset, batch.last_offset, batch.count, batch.size_bytes) for batch in log.batches()]
    assert kept == [(0, 1, 0, 61), (4, 5, 1, 61 + 9), (6, 6, 0, 61)]
    assert len(cleaning.removed) == 3
    empty = next(log.batches())
    assert (empty.last_sequence, empty.max_timestamp_ms, list(empty.records())) == (1, 0, [])
    log.producers.expire(DAY_MS, 1)
    compact_again(log, 1)
    assert [batch.base_offset for batch in log.batches()] == [4, 7]


def test_a_full_map_ends_the_round_where_the_next_one_begins() -> None:
    log = log_of(*[batch_of([(key, "1")]) for key in "abcabd"])
    cleaning = compact(log, capacity=2)
    assert cleaning.end_offset == 2
    cleaning = compact(log, dirty=cleaning.end_offset, capacity=2)
    assert cleaning.end_offset == 4
    assert found(log) == [(1, "b", "1"), (2, "c", "1"), (3, "a", "1"), (4, "b", "1"), (5, "d", "1")]
    compact(log, dirty=4, capacity=2)
    assert [key for _, key, _ in found(log)] == ["c", "a", "b", "d"]


def test_the_capacity_of_the_map_is_a_share_of_the_buffer() -> None:
    assert offset_map_capacity(134_217_728, 1, 0.9) == 5_033_164
    assert offset_map_capacity(240, 2, 0.5) == 2


def test_segments_come_together_as_long_as_one_would_hold_them() -> None:
    segments = [Segment(base_offset) for base_offset in (0, 1, 2, 3)]
    for segment, size in zip(segments, (100, 100, 101, 50), strict=True):
        segment.append(RecordBatch(RecordColumns(1, [0], size), segment.base_offset))
    bases = [[segment.base_offset for segment in group] for group in group_segments(segments, 200, 1_000, 4)]
    assert bases == [[0, 1], [2, 3]]
    segments[1].newest.index_offsets = segments[0].newest.index_offsets = [0] * 10
    bases = [[segment.base_offset for segment in group] for group in group_segments(segments, 400, 159, 4)]
    assert bases == [[0], [1, 2, 3]]


def test_offsets_of_one_segment_stay_within_32_bits() -> None:
    segments = [Segment(0), Segment(10), Segment(2**31 + 5)]
    for segment in segments[:2]:
        segment.append(RecordBatch(RecordColumns(1, [0], 100), segment.base_offset))
    assert [len(group) for group in group_segments(segments, 1_000, 1_000, 2**31 + 9)] == [1, 2]
    assert [len(group) for group in group_segments(segments[:2], 1_000, 1_000, 2**31)] == [2]


def transactional(content: Content, sequence: int, producer_id: int = 1) -> RecordBatch:
    return batch_of(content, producer_id=producer_id, producer_epoch=0, base_sequence=sequence, is_transactional=True)


def end(committed: bool, producer_id: int = 1) -> RecordBatch:
    return end_transaction_batch(producer_id, 0, EndTransactionMarker(committed, 0), 0)


def test_aborted_data_goes_and_does_not_count_as_newer() -> None:
    log = log_of(
        batch_of([("a", "old")]),
        transactional([("a", "new")], 0),
        end(False),
        transactional([("b", "1")], 1),
        end(True),
        batch_of([("c", "1")]),
    )
    compact(log)
    offsets = [record.offset for batch in log.batches() for record in batch.records()]
    assert offsets == [0, 2, 3, 4, 5]
    assert [aborted.last_offset for aborted in log.aborted.entries] == [2]


def test_markers_go_a_while_after_the_last_batch_of_their_transaction() -> None:
    log = log_of(
        transactional([("a", "1")], 0), end(False), transactional([("a", "2")], 1), end(True), batch_of([("a", "3")])
    )
    log.producers.expire(DAY_MS, 1)
    compact(log)
    assert [batch.base_offset for batch in log.batches()] == [1, 3, 4]  # the data has gone, the markers stay
    assert len(log.aborted.entries) == 1
    compact_again(log, now_ms=10)
    assert log.aborted.entries == []
    assert [batch.columns.delete_horizon_ms for batch in log.batches()] == [10 + DAY_MS, 10 + DAY_MS, None, None]
    compact_again(log, now_ms=10 + DAY_MS)
    assert [batch.base_offset for batch in log.batches()] == [4, 6]


def test_a_marker_that_carries_the_epoch_of_its_producer_stays_empty() -> None:
    log = log_of(transactional([("a", "1")], 0), end(True), batch_of([("a", "2")]))
    compact(log)
    log.producers.entries[1].batches.clear()
    compact_again(log, now_ms=5)  # the batch that was left empty for its sequence number goes
    compact_again(log, now_ms=10)
    compact_again(log, now_ms=10 + DAY_MS)
    kept = [(batch.base_offset, batch.count, batch.is_control) for batch in log.batches()]
    assert kept == [(1, 0, True), (2, 1, False), (5, 1, False)]


KEYED = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["1", "22", None])), min_size=1, max_size=4),
    min_size=1,
    max_size=20,
)


@given(KEYED, st.integers(110, 400), st.integers(2, 1_000), st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_is_cleaned_the_last_value_of_each_key_is_left_where_it_was(
    contents: list[list[tuple[str, str | None]]], segment_bytes: int, capacity: int, data: st.DataObject
) -> None:
    log = log_of(*map(batch_of, contents), segment_bytes=segment_bytes)
    before = {offset: (key, value) for offset, key, value in found(log)}
    last = {key: offset for offset, (key, _) in before.items()}
    dirty = now_ms = 0
    for _ in range(data.draw(st.integers(1, 4))):
        now_ms += data.draw(st.integers(0, 2 * DAY_MS))
        if dirty < log.log_end_offset:
            dirty = compact(log, now_ms, dirty, capacity).end_offset
        left = {offset: (key, value) for offset, key, value in found(log)}
        assert all(before[offset] == content for offset, content in left.items())
        for key, offset in last.items():
            assert offset in left or before[offset] == (key, None)
        offset, read = log.log_start_offset, []
        while batches := log.read(offset, 100, log.log_end_offset).batches:
            read += [record.offset for batch in batches for record in batch.records(offset)]
            offset = batches[-1].next_offset
        assert read == sorted(left)
    offsets = build_offset_map(log, 0, log.log_end_offset, 1_000).offsets
    assert {key.decode(): offset for key, offset in offsets.items()}.items() <= last.items()
    assert log.size_bytes == sum(batch.size_bytes for batch in log.batches())
