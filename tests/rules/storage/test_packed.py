"""Packed batches are the batches, and a log that packs answers as one that does not."""

from array import array
from itertools import pairwise
from unittest.mock import patch

from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.storage import parts, segments
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.storage.packed import Packed, differences, sums
from sim.rules.storage.steps import Steps

FEW = 3
PROPERTY = settings(max_examples=60, deadline=None)
INTEGERS = st.integers(-(2**70), 2**70)


def plain(count: int, number: int, origin: str = "one", sent: int = 0, size_bytes: int = 100) -> RecordColumns:
    """Columns as a producer of evenly spaced records without content writes them."""
    timestamps_ms = Steps()
    for index in range(count):
        timestamps_ms.extend((sent + index * 7) // 10, 1)
    return RecordColumns(
        count, timestamps_ms, size_bytes, None, None, None, range(sent, sent + 7 * count, 7), origin, number
    )


def told(batch: RecordBatch) -> list[object]:
    """All that a batch knows, but for what compaction has taken of it, for comparison."""
    columns = batch.columns
    header = [getattr(batch, name) for name in RecordBatch.__slots__ if name != "columns"]
    names = [name for name in RecordColumns.__slots__ if name not in ("timestamps_ms", "sent_at", "original")]
    return [*header, *(getattr(columns, name) for name in names), list(columns.timestamps_ms), list(columns.sent_at)]


def some_batches() -> list[RecordBatch]:
    """Batches of two producers and of every kind."""
    content = RecordColumns.of([5, 6], [b"a", None], [b"x", b"y"], sent_at=array("q", [50, 61]), origin="two")
    compacted = content.retaining([1], 99)
    kinds = [plain(3, 0), content, plain(2, 9, "two", 40), compacted, plain(4, 3, sent=21), RecordColumns(1, [7], 70)]
    offsets = [10, 13, 20, 22, 30, 34]
    return [
        RecordBatch(columns, offset, 4, number % 2, 1, 100 * number, number == 2, number == 5)
        for number, (columns, offset) in enumerate(zip(kinds, offsets, strict=True))
    ]


def test_batches_of_every_kind_come_back() -> None:
    batches = some_batches()
    assert [told(batch) for batch in Packed(batches).batches()] == [told(batch) for batch in batches]


def test_steady_traffic_takes_a_few_bytes_for_a_batch() -> None:
    batches = [
        RecordBatch(plain(140, number * 140, f"source-{number % 3}", number * 5_000_000), number * 140, 0, number % 3)
        for number in range(600)
    ]
    assert Packed(batches).size_bytes < 12 * len(batches)


@given(st.lists(st.tuples(st.integers(0, 3), INTEGERS)))
@PROPERTY
def test_differences_add_up_to_the_numbers(pairs: list[tuple[int, int]]) -> None:
    groups, numbers = [group for group, _ in pairs], [number for _, number in pairs]
    assert sums(groups, differences(groups, numbers)) == numbers


SHAPES = st.lists(st.tuples(st.integers(1, 4), st.integers(61, 200), st.integers(0, 60)), min_size=1, max_size=40)


@given(SHAPES, st.integers(0, 120), st.integers(0, 900), st.integers(0, 120), st.sampled_from([1, 150, 400]))
@PROPERTY
def test_a_log_that_packs_answers_as_one_that_does_not(
    shapes: list[tuple[int, int, int]], offset: int, max_bytes: int, cut: int, interval_bytes: int
) -> None:
    with patch.object(parts, "PART_COUNT", FEW), patch.object(segments, "PART_COUNT", FEW):
        packing, other = (Log(1_500, index_interval_bytes=interval_bytes, packs=packs) for packs in (True, False))
        for log in (packing, other):
            fill(log, shapes)
        assert answers(packing, offset, max_bytes) == answers(other, offset, max_bytes)
        removed = [[told(batch) for batch in log.truncate_to(min(cut, log.log_end_offset))] for log in (packing, other)]
        assert removed[0] == removed[1]
        for log in (packing, other):
            fill(log, shapes)
        assert answers(packing, offset, max_bytes) == answers(other, offset, max_bytes)


def fill(log: Log, shapes: list[tuple[int, int, int]]) -> None:
    """Append batches of these counts, sizes and timestamps."""
    for count, size_bytes, time_ms in shapes:
        log.append_as_leader(RecordBatch(plain(count, 0, sent=10 * time_ms, size_bytes=size_bytes)), 0)


def answers(log: Log, offset: int, max_bytes: int) -> list[object]:
    """What a log answers to all that it can be asked."""
    found: list[object] = [log.size_bytes, log.log_end_offset, [told(batch) for batch in log.batches(offset)]]
    for start, end in pairwise(range(0, log.log_end_offset + 1, 5)):
        read = log.read(start, max_bytes, end)
        found += [[told(batch) for batch in read.batches], read.size_bytes, log.size_bytes_between(start, end)]
    for segment in log.segments:
        found += [segment.count, segment.offset_index_bytes, segment.time_index_bytes, segment.largest_timestamp_ms]
        found += [segment.position_of(index) for index in range(segment.count + 1)]
        found += [segment.fetch_upper_bound_offset(position) for position in range(0, segment.size_bytes + 50, 50)]
    return found
