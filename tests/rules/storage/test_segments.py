"""When a segment is rolled, and what it holds."""

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.storage.segments import Segment, should_roll

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
    assert (len(segment.newest.index_offsets), len(segment.newest.time_index)) == (6, 1)
    assert not should_roll(segment, batch_at(7), GIBIBYTE, WEEK_MS, segment_index_bytes=8 * 7)
    assert should_roll(segment, batch_at(7), GIBIBYTE, WEEK_MS, segment_index_bytes=8 * 7 - 1)


def test_a_full_time_index_rolls_one_entry_early() -> None:
    segment = segment_of(*[batch_at(offset, offset) for offset in range(1 + 3)], index_interval_bytes=99)
    assert (len(segment.newest.index_offsets), len(segment.newest.time_index)) == (3, 3)
    assert not should_roll(segment, batch_at(4), GIBIBYTE, WEEK_MS, segment_index_bytes=12 * 5)
    assert should_roll(segment, batch_at(4), GIBIBYTE, WEEK_MS, segment_index_bytes=12 * 4)


def test_index_entries_come_once_an_interval() -> None:
    segment = segment_of(*[batch_at(offset, offset) for offset in range(10)], index_interval_bytes=250)
    assert len(segment.newest.index_offsets) == 3  # before the batches 3, 6 and 9
    segment = segment_of(*[batch_at(offset) for offset in range(10)], index_interval_bytes=200)
    assert segment.newest.index_offsets == [3, 6, 9]


def test_a_truncated_segment_is_as_if_the_rest_had_never_been() -> None:
    batches = [batch_at(offset, 100 - offset, 100 + offset, 2) for offset in range(0, 20, 2)]
    cut = segment_of(*batches)
    assert cut.truncate_to(11) == batches[5:]
    assert cut.batches == batches[:5]
    assert cut.size_bytes == sum(batch.size_bytes for batch in batches[:5])
    assert (cut.first_timestamp_ms, cut.largest_timestamp_ms) == (100, 100)
    assert cut.bytes_since_index_entry == 0
    assert cut.truncate_to(1) == batches[:5]
    assert (cut.batches, cut.size_bytes, cut.first_timestamp_ms, cut.largest_timestamp_ms) == ([], 0, None, -1)


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(61, 300), st.integers(1, 3)), max_size=30),
    st.integers(0, 95),
    st.integers(61, 700),
)
@settings(max_examples=100, deadline=None)
def test_truncation_keeps_sizes_times_and_the_offset_index(
    shapes: list[tuple[int, int, int]], offset: int, interval_bytes: int
) -> None:
    batches, next_offset = [], 0
    for timestamp_ms, size_bytes, count in shapes:
        batches.append(batch_at(next_offset, timestamp_ms, size_bytes, count))
        next_offset += count
    cut, kept = Segment(0, interval_bytes), Segment(0, interval_bytes)
    for batch in batches:
        cut.append(batch)
    for batch in batches[: cut.index_of(offset)]:
        kept.append(batch)
    cut.truncate_to(offset)
    for name in ("batches", "size_bytes", "first_timestamp_ms", "largest_timestamp_ms"):
        assert getattr(cut, name) == getattr(kept, name), name
    for name in ("positions", "index_offsets"):
        assert getattr(cut.newest, name) == getattr(kept.newest, name), name


def test_the_time_index_may_outlive_the_batch_that_wrote_it() -> None:
    # The second batch writes the entry of the first, which has the largest time.
    segment = segment_of(batch_at(0, 50), batch_at(1, 10), batch_at(2, 10), index_interval_bytes=99)
    assert segment.newest.time_index == [(50, 0)]
    segment.truncate_to(1)
    assert segment.newest.time_index == [(50, 0)]
    assert segment.largest_timestamp_ms == 50
    segment.truncate_to(0)
    assert segment.newest.time_index == []


def test_an_inactive_segment_has_its_largest_time_in_the_index() -> None:
    segment = segment_of(batch_at(0, 50), batch_at(1, 70))
    assert (segment.time_index_bytes, segment.offset_index_bytes) == (0, 0)
    segment.become_inactive()
    assert segment.newest.time_index == [(70, 1)]


def test_an_index_without_room_rolls_at_every_batch_and_leaves_no_empty_segment() -> None:
    log = Log(segment_index_bytes=12)
    for _ in range(3):
        log.append_as_leader(batch_at(0), 0)
    assert layout(log) == [{"base_offset": offset, "bytes": 100} for offset in range(3)]
