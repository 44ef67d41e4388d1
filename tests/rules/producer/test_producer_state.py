"""Which batches of idempotent producers are taken, answered again or refused."""

import pytest

from sim.rules.errors import (
    InvalidProducerEpochError,
    InvalidTxnStateError,
    OutOfOrderSequenceError,
    TransactionCoordinatorFencedError,
)
from sim.rules.producer.producer_state import ProducerStates
from sim.rules.producer.producer_state_entry import AppendOrigin
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.storage.log import Log
from sim.rules.transactions.transactions import EndTransactionMarker, end_transaction_batch


def batch_of(sequence: int, count: int = 1, epoch: int = 0, producer_id: int = 1, timestamp_ms: int = 0) -> RecordBatch:
    columns = RecordColumns(count, [timestamp_ms] * count, 70 * count)
    return RecordBatch(columns, producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence)


def test_the_last_five_batches_are_remembered_and_not_the_sixth() -> None:
    log = Log()
    for sequence in range(6):
        log.append_as_leader(batch_of(sequence), 0)
    for sequence in range(1, 6):
        assert log.append_as_leader(batch_of(sequence), 0).batch.base_offset == sequence
    with pytest.raises(OutOfOrderSequenceError):
        log.append_as_leader(batch_of(0), 0)
    assert log.log_end_offset == 6


def test_a_retry_must_have_the_same_range() -> None:
    log = Log()
    log.append_as_leader(batch_of(0, 3), 0)
    for sequence, count in ((0, 2), (1, 2), (0, 4)):
        with pytest.raises(OutOfOrderSequenceError):
            log.append_as_leader(batch_of(sequence, count), 0)


def test_a_new_epoch_begins_with_zero_and_forgets_the_old_batches() -> None:
    log = Log()
    log.append_as_leader(batch_of(0), 0)
    with pytest.raises(OutOfOrderSequenceError):
        log.append_as_leader(batch_of(1, epoch=1), 0)
    assert not log.append_as_leader(batch_of(0, epoch=1), 0).duplicate
    with pytest.raises(InvalidProducerEpochError):
        log.append_as_leader(batch_of(0, epoch=0), 0)


def test_producers_do_not_mix_and_others_are_not_checked() -> None:
    log = Log()
    log.append_as_leader(batch_of(0, producer_id=1), 0)
    assert not log.append_as_leader(batch_of(0, producer_id=2), 0).duplicate
    for _ in range(2):
        assert not log.append_as_leader(RecordBatch(RecordColumns(1, [0], 70)), 0).duplicate
    assert sorted(log.producers.entries) == [1, 2]


def test_a_follower_remembers_what_it_replicates_without_checking() -> None:
    leader, follower = Log(), Log()
    for sequence in range(4):
        leader.append_as_leader(batch_of(sequence), 0)
    for batch in leader.batches():
        follower.append_as_follower(batch)
    assert follower.append_as_leader(batch_of(2), 1).duplicate
    follower.append_as_follower(batch_of(9).placed(4, 1))
    assert follower.append_as_leader(batch_of(10), 1).batch.base_offset == 5


def test_a_truncated_batch_can_be_written_again() -> None:
    log = Log()
    for sequence in range(8):
        log.append_as_leader(batch_of(sequence), 0)
    log.truncate_to(3)
    assert log.append_as_leader(batch_of(2), 1).duplicate
    with pytest.raises(OutOfOrderSequenceError):
        log.append_as_leader(batch_of(4), 1)
    assert not log.append_as_leader(batch_of(3), 1).duplicate
    log.truncate_fully_and_start_at(0)
    assert log.producers.entries == {}


def test_idle_producers_expire_and_may_then_begin_anywhere() -> None:
    states = ProducerStates()
    states.update(batch_of(0, producer_id=1, timestamp_ms=1_000))
    states.update(batch_of(0, producer_id=2, timestamp_ms=1_001))
    states.expire(now_ms=2_000, expiration_ms=1_000)
    assert sorted(states.entries) == [2]
    assert states.check(batch_of(77, producer_id=1)) is None
    with pytest.raises(OutOfOrderSequenceError):
        states.check(batch_of(77, producer_id=2))


def transactional(sequence: int, epoch: int = 0, producer_id: int = 1) -> RecordBatch:
    batch = batch_of(sequence, epoch=epoch, producer_id=producer_id)
    batch.is_transactional = True
    return batch


def end(log: Log, epoch: int, commit: bool = True, version: int = 2, coordinator_epoch: int = 0) -> int:
    marker = end_transaction_batch(1, epoch, EndTransactionMarker(commit, coordinator_epoch), 5_000)
    return log.append_as_leader(marker, 0, AppendOrigin.COORDINATOR, version).batch.base_offset


def test_a_marker_begins_the_next_epoch_which_begins_with_sequence_0() -> None:
    log = Log()
    log.append_as_leader(transactional(0), 0)
    end(log, epoch=1)
    with pytest.raises(InvalidProducerEpochError):
        log.append_as_leader(transactional(1), 0)
    with pytest.raises(OutOfOrderSequenceError):
        log.append_as_leader(transactional(1, epoch=1), 0)
    assert log.append_as_leader(transactional(0, epoch=1), 0).batch.base_offset == 2
    entry = log.producers.entries[1]
    assert (entry.producer_epoch, entry.last_data_offset, entry.current_txn_first_offset) == (1, 2, 2)


def test_a_marker_of_the_same_epoch_goes_on_with_the_sequence_in_the_old_protocol() -> None:
    log = Log()
    log.append_as_leader(transactional(0), 0)
    end(log, epoch=0, version=0)
    assert log.append_as_leader(transactional(0), 0).duplicate
    assert log.append_as_leader(transactional(1), 0).batch.base_offset == 2


def test_late_markers_are_refused_and_a_retried_one_is_written_again() -> None:
    log = Log()
    log.append_as_leader(transactional(0, epoch=3), 0)
    with pytest.raises(InvalidProducerEpochError):
        end(log, epoch=2, version=0)
    with pytest.raises(InvalidProducerEpochError):
        end(log, epoch=3)
    assert [end(log, epoch=4), end(log, epoch=4)] == [1, 2]
    log.append_as_leader(transactional(0, epoch=4), 0)
    with pytest.raises(InvalidProducerEpochError):
        end(log, epoch=4)


def test_a_former_coordinator_is_fenced() -> None:
    log = Log()
    end(log, epoch=1, coordinator_epoch=7)
    with pytest.raises(TransactionCoordinatorFencedError):
        end(log, epoch=2, coordinator_epoch=6)
    assert end(log, epoch=2, coordinator_epoch=7) == 1


def test_a_plain_batch_does_not_belong_into_an_open_transaction() -> None:
    log = Log()
    log.append_as_leader(transactional(0), 0)
    with pytest.raises(InvalidTxnStateError):
        log.append_as_leader(batch_of(1), 0)
    end(log, epoch=1)
    assert log.append_as_leader(batch_of(0, epoch=1), 0).batch.base_offset == 2


def test_a_coordinator_writes_without_sequence_numbers() -> None:
    log = Log()
    for _ in range(2):
        assert not log.append_as_leader(batch_of(-1), 0, AppendOrigin.COORDINATOR).duplicate
    with pytest.raises(InvalidProducerEpochError):
        log.append_as_leader(batch_of(-1, epoch=-1), 0, AppendOrigin.COORDINATOR)


def test_only_a_verified_batch_begins_a_transaction() -> None:
    log = Log()
    states = log.producers
    states.verification_enabled = True
    with pytest.raises(InvalidTxnStateError):
        log.append_as_leader(transactional(0), 0)
    asked = states.start_verification(1, 0, 0, supports_epoch_bump=True, now_ms=0)
    assert asked is states.start_verification(1, 0, 0, supports_epoch_bump=True, now_ms=1) is not None
    end(log, epoch=1)
    with pytest.raises(InvalidProducerEpochError):
        log.append_as_leader(transactional(0), 0, verification=asked)
    with pytest.raises(InvalidTxnStateError):
        log.append_as_leader(transactional(0, epoch=1), 0, verification=asked)
    asked = states.start_verification(1, 1, 0, supports_epoch_bump=True, now_ms=2)
    log.append_as_leader(transactional(0, epoch=1), 0, verification=asked)
    assert states.verifications == {}
    assert states.start_verification(1, 1, 1, supports_epoch_bump=True, now_ms=3) is None
    log.append_as_leader(transactional(1, epoch=1), 0)
    with pytest.raises(InvalidProducerEpochError):
        states.start_verification(1, 0, 1, supports_epoch_bump=True, now_ms=4)


def test_a_marker_of_the_transaction_before_does_not_end_a_verification() -> None:
    log = Log()
    log.append_as_leader(transactional(0), 0)
    asked = log.producers.start_verification(1, 1, 0, supports_epoch_bump=True, now_ms=0)
    end(log, epoch=1)
    assert log.producers.verifications == {1: asked}


def test_a_sequence_above_one_that_waits_for_verification_is_refused() -> None:
    states = ProducerStates()
    states.start_verification(1, 0, 3, supports_epoch_bump=False, now_ms=0)
    states.start_verification(1, 0, 2, supports_epoch_bump=False, now_ms=0)
    with pytest.raises(OutOfOrderSequenceError):
        states.check(batch_of(3))
    assert states.check(batch_of(2)) is None
    states.start_verification(2, 0, 5, supports_epoch_bump=True, now_ms=0)
    with pytest.raises(OutOfOrderSequenceError):
        states.check(batch_of(5, producer_id=2))
    states.expire(now_ms=10, expiration_ms=10)
    assert states.verifications == {}


def test_a_producer_with_an_open_transaction_does_not_expire() -> None:
    log = Log()
    log.append_as_leader(transactional(0), 0)
    log.producers.expire(now_ms=10_000, expiration_ms=1_000)
    assert sorted(log.producers.entries) == [1]
    end(log, epoch=1)
    log.producers.expire(now_ms=6_000, expiration_ms=1_000)
    assert log.producers.entries == {}


def test_a_snapshot_remembers_one_batch_and_the_open_transaction() -> None:
    log = Log(segment_bytes=280)
    for sequence in range(6):
        log.append_as_leader(transactional(sequence), 0)
    assert sorted(log.producers.snapshots) == [4]
    log.truncate_to(4)
    entry = log.producers.entries[1]
    assert [batch.last_sequence for batch in entry.batches] == [3]
    assert (entry.current_txn_first_offset, log.last_stable_offset(4)) == (0, 0)
    with pytest.raises(OutOfOrderSequenceError):
        log.append_as_leader(transactional(2), 1)
    assert log.append_as_leader(transactional(3), 1).duplicate
    log.truncate_to(2)
    assert [batch.last_sequence for batch in log.producers.entries[1].batches] == [0, 1]
    assert sorted(log.producers.snapshots) == [2]


def test_who_has_expired_does_not_come_back_with_a_snapshot() -> None:
    log = Log(segment_bytes=280)
    for sequence in range(6):
        log.append_as_leader(batch_of(sequence, timestamp_ms=100), 0)
    log.truncate_to(4, now_ms=200, expiration_ms=100)
    assert log.producers.entries == {}


def test_truncating_a_log_of_plain_batches_replays_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    log, replayed = Log(segment_bytes=280), []
    monkeypatch.setattr(ProducerStates, "replay", lambda _, batch: replayed.append(batch))
    for _ in range(20):
        log.append_as_leader(RecordBatch(RecordColumns(1, [0], 70)), 0)
    log.truncate_to(9)
    assert (replayed, log.log_end_offset) == ([], 9)


def test_snapshots_go_with_the_log() -> None:
    log = Log(segment_bytes=140)
    for sequence in range(6):
        log.append_as_leader(batch_of(sequence), 0)
    states = log.producers
    assert sorted(states.snapshots) == [2, 4]
    states.delete_snapshot(2)
    states.on_log_start_offset_incremented(3)
    assert (sorted(states.snapshots), states.last_snapshot_offset) == ([4], 4)
    log.truncate_fully_and_start_at(9)
    assert (states.snapshots, states.last_snapshot_offset) == ({}, 9)


def test_a_new_process_knows_of_each_producer_what_is_on_disk() -> None:
    log = Log()
    for sequence in range(4):
        log.append_as_leader(transactional(sequence), 0)
    asked = log.producers.start_verification(9, 0, 0, supports_epoch_bump=True, now_ms=0)
    assert asked is not None
    log.reopen()
    assert (len(log.producers.entries[1].batches), log.producers.verifications) == (4, {})
    log.append_as_leader(transactional(4), 0)
    log.close()
    log.reopen()
    assert [batch.last_sequence for batch in log.producers.entries[1].batches] == [4]
    assert (log.producers.last_snapshot_offset, log.first_unstable_offset) == (5, 0)
    end(log, epoch=1)
    log.on_high_watermark_updated(6)
    log.reopen(now_ms=5_000)
    assert log.last_stable_offset(6) == 0, "unstable until the high watermark is known again"
    log.on_high_watermark_updated(6)
    assert log.last_stable_offset(6) == 6
    log.close()
    log.reopen(now_ms=6_000, expiration_ms=1_000)
    assert log.producers.entries == {}
