"""Columns and batches."""

from sim.rules.batch import Record, RecordBatch, RecordColumns, increment_sequence
from sim.rules.records import record_size_bytes


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
