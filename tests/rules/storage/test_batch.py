"""Columns and batches."""

from sim.rules.storage.batch import Record, RecordBatch, RecordColumns, increment_sequence
from sim.rules.storage.records import record_size_bytes


def test_columns_know_their_size_and_times() -> None:
    columns = RecordColumns.of([500, 900, 400], [b"k", None, b"kk"], [b"v", b"vv", None], origin="gateway")
    records = record_size_bytes(0, 0, 1, 1) + record_size_bytes(1, 400, None, 2) + record_size_bytes(2, -100, 2, None)
    assert columns.size_bytes == 61 + records
    assert (columns.count, columns.base_timestamp_ms, columns.max_timestamp_ms) == (3, 500, 900)


def test_a_batch_has_the_offsets_of_its_place() -> None:
    columns = RecordColumns.of([7, 7, 9], None, [b"a", b"b", b"c"])
    written = RecordBatch(columns, producer_id=4, producer_epoch=1, base_sequence=10, is_transactional=True)
    placed = written.placed(100, 6)
    assert (placed.base_offset, placed.last_offset, placed.next_offset, placed.leader_epoch) == (100, 102, 103, 6)
    assert (placed.producer_id, placed.producer_epoch, placed.base_sequence, placed.last_sequence) == (4, 1, 10, 12)
    assert placed.is_transactional
    assert not placed.is_control
    assert placed.columns is columns
    assert (written.base_offset, written.leader_epoch) == (0, -1)
    assert (placed.base_timestamp_ms, placed.max_timestamp_ms, placed.size_bytes) == (7, 9, columns.size_bytes)


def test_sequences_wrap_after_the_largest() -> None:
    assert increment_sequence(2_147_483_646, 1) == 2_147_483_647
    assert increment_sequence(2_147_483_647, 1) == 0
    assert increment_sequence(2_147_483_646, 3) == 1
    columns = RecordColumns(4, [0] * 4, 100)
    assert RecordBatch(columns, producer_id=1, producer_epoch=0, base_sequence=2_147_483_646).last_sequence == 1
    assert RecordBatch(columns).last_sequence == -1


def test_records_of_real_columns() -> None:
    columns = RecordColumns.of([1, 2], [b"x", None], [b"1", b"2"], [[("h", None)], []], sent_at=[10, 20])
    batch = RecordBatch(columns, base_offset=50)
    first, second = Record(50, 1, b"x", b"1", [("h", None)], 10), Record(51, 2, None, b"2", [], 20)
    assert list(batch.records()) == [first, second]
    assert list(batch.records(51)) == [second]
    assert list(batch.records(52)) == []


def test_records_of_a_capacity_run_have_no_content() -> None:
    batch = RecordBatch(RecordColumns(2, [5, 6], 90), base_offset=3)
    assert list(batch.records()) == [Record(3, 5, None, None, (), None), Record(4, 6, None, None, (), None)]


def test_what_compaction_leaves_keeps_offsets_numbers_and_header() -> None:
    columns = RecordColumns.of(
        [10, 20, 30, 40], [b"a", b"b", b"c", b"d"], [b"1", b"2", None, b"4"], None, [1, 2, 3, 4], "gateway", 70
    )
    batch = RecordBatch(columns, 100, 6, 4, 1, 20)
    left = batch.retaining([1, 3], None)
    assert (left.base_offset, left.last_offset, left.next_offset, left.count) == (100, 103, 104, 2)
    assert (left.base_sequence, left.last_sequence, left.leader_epoch) == (20, 23, 6)
    assert left.size_bytes == 61 + record_size_bytes(1, 0, 1, 1) + record_size_bytes(3, 20, 1, 1)
    assert list(left.records()) == [Record(101, 20, b"b", b"2", (), 2), Record(103, 40, b"d", b"4", (), 4)]
    assert [record.offset for record in left.records(102)] == [103]
    assert [left.index_at(offset) for offset in (99, 100, 101, 102, 103, 104)] == [0, 0, 0, 1, 1, 2]
    again = left.retaining([1], 1_000)
    assert (again.base_timestamp_ms, again.max_timestamp_ms) == (1_000, 40)
    assert again.size_bytes == 61 + record_size_bytes(3, -960, 1, 1)
    assert again.columns.written is left.columns.written is columns
    assert (again.columns.origin, again.columns.first_number) == ("gateway", 70)
    empty = again.retaining([], 1_000)
    assert (empty.count, empty.size_bytes, empty.last_offset, empty.max_timestamp_ms) == (0, 61, 103, 40)
    assert empty.columns.delete_horizon_ms is None
    assert list(empty.records()) == []


def test_what_compaction_leaves_is_compressed_as_the_whole_was() -> None:
    columns = RecordColumns.of([0] * 4, [b"k"] * 4, [bytes(100)] * 4)
    records_bytes = columns.size_bytes - 61
    columns.size_bytes = 61 + records_bytes // 4
    assert RecordBatch(columns).retaining([0, 1], None).size_bytes == 61 + records_bytes // 8


def test_parts_of_a_batch_count_records_not_offsets() -> None:
    columns = RecordColumns.of([0] * 5, [b"k"] * 5, [b"v"] * 5)
    whole = RecordBatch(columns, 10)
    assert [whole.part(10, 2), whole.part(12, 2), whole.part(12, 3), whole.part(15, 1)] == [
        (2, 12), (2, 14), (3, 15), (0, 15)
    ]  # fmt: skip
    holes = whole.retaining([1, 4], None)
    assert [holes.part(10, 1), holes.part(11, 1), holes.part(12, 1), holes.part(10, 9)] == [
        (1, 14), (1, 14), (1, 15), (2, 15)
    ]  # fmt: skip
    assert whole.retaining([], None).part(10, 5) == (0, 15)
