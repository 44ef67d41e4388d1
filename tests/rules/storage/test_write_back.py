"""What is on the platter, and what a log is after a loss of power."""

import pytest

from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.storage.write_back import WriteBack

NOW_MS = 1000


def columns(count: int) -> RecordColumns:
    return RecordColumns.of([NOW_MS] * count, [None] * count, [b"v"] * count)


def plain(count: int) -> RecordBatch:
    return RecordBatch(columns(count))


def idempotent(count: int, sequence: int) -> RecordBatch:
    return RecordBatch(columns(count), producer_id=7, producer_epoch=0, base_sequence=sequence)


def written(*counts: int, epoch: int = 0, log: Log | None = None) -> Log:
    log = log or Log()
    for count in counts:
        log.append_as_leader(plain(count), epoch)
    return log


def test_linux_writes_a_file_back_as_a_whole_when_it_has_been_dirty_for_thirty_seconds() -> None:
    state, durable = WriteBack(), []
    for second in range(0, 81, 5):
        state.look(100 + second, second * 1000)
        durable.append(state.durable_offset)
    assert durable == [0] * 6 + [130] * 7 + [165] * 4


def test_what_is_clean_is_not_dirty_for_longer_than_it_has_been() -> None:
    state = WriteBack()
    state.look(10, 0)
    state.flushed(10)
    state.look(10, 5_000)
    state.look(20, 35_000)
    assert state.durable_offset == 10
    state.look(20, 65_000)
    assert (state.durable_offset, state.recovery_point) == (20, 10)


def test_a_cut_takes_the_marks_back_and_a_log_that_begins_anew_is_durable_where_it_begins() -> None:
    log = written(3, 3)
    log.write_back.flushed(6)
    log.truncate_to(3)
    assert (log.write_back.durable_offset, log.unflushed_messages) == (3, 0)
    written(4, log=log)
    assert (log.write_back.durable_offset, log.unflushed_messages) == (3, 4)
    log.truncate_fully_and_start_at(100)
    assert log.write_back.durable_offset == 100


def test_a_segment_that_is_rolled_is_flushed_and_so_is_a_log_that_is_closed() -> None:
    log = Log(segment_bytes=plain(2).size_bytes * 2)
    written(2, 2, 2, log=log)
    assert (log.write_back.recovery_point, log.unflushed_messages) == (4, 2)
    log.close()
    assert log.unflushed_messages == 0


@pytest.mark.parametrize(("flush_messages", "unflushed"), [(1, 0), (3, 2), (5, 0), (6, 5)])
def test_messages_are_flushed_when_so_many_are_unflushed(flush_messages: int, unflushed: int) -> None:
    log = Log()
    for _ in range(5):
        written(1, log=log)
        log.flush_if_due(flush_messages, NOW_MS)
    assert log.unflushed_messages == unflushed


def test_a_loss_of_power_takes_whole_batches_epochs_and_producers_behind_the_durable_offset() -> None:
    log = written(3)
    log.append_as_leader(idempotent(2, 0), 0)
    log.write_back.flushed(log.log_end_offset)
    log.append_as_leader(idempotent(2, 2), 4)
    log.append_as_leader(plain(1), 4)
    removed = log.lose_power(NOW_MS)
    assert [(batch.base_offset, batch.count) for batch in removed] == [(5, 2), (7, 1)]
    assert (log.log_end_offset, log.leader_epochs.latest_epoch) == (5, 0)
    assert log.producers.entries[7].last_sequence == 1
    assert log.append_as_leader(idempotent(2, 2), 5).batch.base_offset == 5


def test_a_loss_of_power_takes_nothing_from_a_log_that_is_flushed() -> None:
    log = written(3, 2)
    log.write_back.flushed(5)
    assert log.lose_power(NOW_MS) == []
    assert log.log_end_offset == 5
