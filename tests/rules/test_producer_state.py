"""Which batches of idempotent producers are taken, answered again or refused."""

from typing import Any

import pytest

from sim.rules.batch import RecordBatch, RecordColumns
from sim.rules.errors import InvalidProducerEpochError, KafkaError, OutOfOrderSequenceError
from sim.rules.log import Log
from sim.rules.producer_state import ProducerStates
from tests.vector_files import vectors

ERRORS: dict[str, type[KafkaError]] = {
    "OutOfOrderSequenceException": OutOfOrderSequenceError,
    "InvalidProducerEpochException": InvalidProducerEpochError,
}


def batch_of(sequence: int, count: int = 1, epoch: int = 0, producer_id: int = 1, timestamp_ms: int = 0) -> RecordBatch:
    columns = RecordColumns(count, [timestamp_ms] * count, 70 * count)
    return RecordBatch(columns, producer_id=producer_id, producer_epoch=epoch, base_sequence=sequence)


@pytest.mark.parametrize("vector", vectors("idempotent_sequences"), ids=lambda vector: vector["id"])
def test_sequences_as_kafka(vector: dict[str, Any]) -> None:
    log = Log()
    for step in vector["appends"]:
        producer_id, epoch, sequence, count = (int(part) for part in step["batch"].split(":"))
        batch = batch_of(sequence, count, epoch, producer_id)
        if step["result"] == "error":
            with pytest.raises(ERRORS[step["error"]]):
                log.append_as_leader(batch, 0)
        else:
            result = log.append_as_leader(batch, 0)
            assert result.duplicate == (step["result"] == "duplicate_ack")
            assert result.batch.base_offset == step["base_offset"]
        assert log.log_end_offset == step["log_end_offset"]


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
