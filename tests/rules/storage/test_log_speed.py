"""How fast ten million records go into a log, come out of it, and are cut off."""

from time import process_time

import pytest

from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log

BATCHES, RECORDS = 100_000, 100


def test_ten_million_records_are_appended_and_read_back_in_under_three_seconds() -> None:
    started = process_time()
    log = Log()
    for number in range(BATCHES):
        columns = RecordColumns(RECORDS, [number] * RECORDS, 10_000)
        log.append_as_leader(RecordBatch(columns), 0)
    offset = records = 0
    while offset < log.log_end_offset:
        batches = log.read(offset, 1_048_576, log.log_end_offset).batches
        records += sum(batch.count for batch in batches)
        offset = batches[-1].next_offset
    assert records == BATCHES * RECORDS
    assert process_time() - started < 3


@pytest.mark.parametrize("step_ms", [0, 1])
def test_cutting_a_long_log_does_not_depend_on_what_stays(step_ms: int) -> None:
    log = Log(segment_bytes=2_000_000_000)
    for number in range(BATCHES):
        log.append_as_leader(RecordBatch(RecordColumns(1, [number * step_ms], 100)), 0)
    started = process_time()
    for offset in range(BATCHES - 1, BATCHES - 1_001, -1):
        assert len(log.truncate_to(offset)) == 1
    assert process_time() - started < 0.5
