"""Sequence numbers and epochs of an idempotent producer, batch by batch."""

import pytest

from sim.actors.producer.producer_batch import ProducerBatch
from sim.actors.producer.sequences import Sequences
from sim.rules.errors import ErrorCode
from sim.rules.topics import TopicPartition

ONE, OTHER = TopicPartition("payments", 0), TopicPartition("payments", 1)


def batch_of(count: int, partition: TopicPartition = ONE) -> ProducerBatch:
    batch = ProducerBatch(partition, 16_384, 0, 0)
    for _ in range(count):
        batch.try_append(0, None, b"x", (), 0)
    batch.close("test")
    return batch


def started() -> Sequences:
    sequences = Sequences()
    sequences.producer_id = 7
    return sequences


def sent(sequences: Sequences, *counts: int, partition: TopicPartition = ONE) -> list[ProducerBatch]:
    """Batches that are in flight for the first time."""
    batches = [batch_of(count, partition) for count in counts]
    for batch in batches:
        assert sequences.may_drain(batch)
        sequences.leaving(batch)
    return batches


def numbers(batches: list[ProducerBatch]) -> list[tuple[int, int]]:
    return [(batch.producer_epoch, batch.base_sequence) for batch in batches]


def test_nothing_leaves_before_the_producer_has_its_id() -> None:
    sequences = Sequences()
    assert not sequences.may_drain(batch_of(1))
    sequences.producer_id = 7
    assert sequences.may_drain(batch_of(1))


def test_each_partition_counts_its_records() -> None:
    sequences = started()
    assert numbers(sent(sequences, 3, 1, 5)) == [(0, 0), (0, 3), (0, 4)]
    assert numbers(sent(sequences, 2, 2, partition=OTHER)) == [(0, 0), (0, 2)]


def test_a_retry_waits_for_the_earlier_ones_in_flight() -> None:
    sequences = started()
    first, second = sent(sequences, 3, 3)
    first.attempts = second.attempts = 1
    assert sequences.may_drain(first)
    assert not sequences.may_drain(second)
    sequences.acknowledged(first)
    assert sequences.may_drain(second)


def test_a_refused_batch_gives_the_rest_new_numbers_in_a_new_epoch() -> None:
    """What is in flight or queued for a retry is numbered from 0, in its order; other partitions go on."""
    sequences = started()
    acknowledged, refused, third, fourth = sent(sequences, 2, 3, 4, 5)
    (elsewhere,) = sent(sequences, 1, partition=OTHER)
    sequences.acknowledged(acknowledged)
    sequences.refused(refused, ErrorCode.MESSAGE_TOO_LARGE, retries_left=True)
    sequences.settle()
    assert numbers([third, fourth]) == [(1, 0), (1, 4)]
    assert third.sequence_reset
    assert numbers([elsewhere]) == [(0, 0)]
    sequences.leaving(third)
    assert not third.sequence_reset
    assert numbers(sent(sequences, 1)) == [(1, 9)]


def test_two_partitions_that_need_a_new_epoch_share_it() -> None:
    sequences = started()
    (one,), (other,) = sent(sequences, 1), sent(sequences, 1, partition=OTHER)
    for batch in (one, other):
        sequences.refused(batch, ErrorCode.INVALID_PRODUCER_EPOCH, retries_left=True)
    sequences.settle()
    assert sequences.epoch == 1
    sequences.settle()
    assert sequences.epoch == 1


def test_a_partition_of_the_old_epoch_sends_new_batches_only_when_none_is_in_flight() -> None:
    sequences = started()
    (one,), (other,) = sent(sequences, 1), sent(sequences, 4, partition=OTHER)
    sequences.refused(one, ErrorCode.MESSAGE_TOO_LARGE, retries_left=True)
    sequences.settle()
    assert not sequences.may_drain(batch_of(1, OTHER))
    sequences.acknowledged(other)
    assert numbers(sent(sequences, 1, partition=OTHER)) == [(1, 0)]


@pytest.mark.parametrize(("attempts", "epoch"), [(0, 0), (1, 1)])
def test_a_batch_given_up_after_a_retry_leaves_a_doubt(attempts: int, epoch: int) -> None:
    """New ones wait until those in flight are answered; a gap that is left then begins a new epoch."""
    sequences = started()
    lost, last = sent(sequences, 2, 2)
    lost.attempts = attempts
    sequences.expired(lost)
    sequences.settle()
    assert sequences.may_drain(batch_of(1)) is (attempts == 0)
    last.attempts = attempts
    sequences.expired(last)
    sequences.settle()
    assert sequences.epoch == epoch
    assert sequences.may_drain(batch_of(1))


def test_a_doubt_that_the_last_acknowledgement_settles_needs_no_new_epoch() -> None:
    sequences = started()
    lost, last = sent(sequences, 2, 2)
    lost.attempts = 1
    sequences.expired(lost)
    sequences.acknowledged(last)
    sequences.settle()
    assert sequences.epoch == 0
    assert numbers(sent(sequences, 1)) == [(0, 4)]


def test_out_of_order_is_retried_and_means_lost_records_only_for_the_next_in_turn() -> None:
    sequences = started()
    first, second = sent(sequences, 1, 1)
    assert sequences.may_retry(second, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    sequences.settle()
    assert sequences.epoch == 0, "the first one is still on its way"
    sequences.acknowledged(first)
    assert sequences.may_retry(second, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    sequences.settle()
    assert numbers([second]) == [(1, 0)]
    assert sequences.may_retry(second, ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER)
    sequences.settle()
    assert sequences.epoch == 1, "the copy in flight has an old number"


def test_other_errors_are_retried_if_kafka_calls_them_retriable() -> None:
    sequences = started()
    (batch,) = sent(sequences, 1)
    assert sequences.may_retry(batch, ErrorCode.NOT_ENOUGH_REPLICAS)
    assert not sequences.may_retry(batch, ErrorCode.INVALID_PRODUCER_EPOCH)
    assert sequences.may_retry(batch, ErrorCode.UNKNOWN_PRODUCER_ID)
    sequences.settle()
    assert sequences.epoch == 1
