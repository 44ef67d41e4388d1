"""Appends that wait, fail or are refused, asked with single requests."""

from sim.actors.broker.produce_handler import DelayedProduce
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import (
    ErrorResponse,
    InitProducerIdRequest,
    InitProducerIdResponse,
    Message,
    MetadataRequest,
    ProduceData,
    ProduceRequest,
    ProduceResponse,
)
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from tests.actors.flights import P, Probe, Story

UNKNOWN = TopicPartition("nowhere", 0)


def batch(value: bytes = b"x", producer_id: int = -1, sequence: int = -1) -> RecordBatch:
    columns = RecordColumns.of([0], None, [value])
    return RecordBatch(columns, producer_id=producer_id, producer_epoch=0, base_sequence=sequence)


def produce(acks: int = -1, timeout_ms: int = 30_000, content: RecordBatch | None = None) -> ProduceRequest:
    return ProduceRequest(acks, timeout_ms, [(P, content or batch())])


def outcome(answers: list[Message], name: TopicPartition = P) -> ProduceData:
    (answer,) = answers
    assert isinstance(answer, ProduceResponse)
    return answer.partitions[name]


def test_purgatory_gives_up_after_the_requests_time_out_and_keeps_the_record() -> None:
    story = Story(1)
    probe = Probe(story)
    story.broker(story.followers[0]).pause()
    answers = probe.ask(story.first_leader, produce(timeout_ms=1500), wait_s=1.4)
    assert answers == []
    story.fly(story.now_s + 0.2)
    assert outcome(answers).error is ErrorCode.REQUEST_TIMED_OUT
    assert len(story.numbers_of_batches(story.first_leader)) == 1
    story.broker(story.followers[0]).resume()
    assert outcome(probe.ask(story.first_leader, produce())).base_offset == 1
    assert story.logs_agree()


def test_time_out_spares_partitions_that_were_acknowledged() -> None:
    finished: list[DelayedProduce] = []
    outcomes = {name: ProduceData(ErrorCode.NONE, 7) for name in (P, UNKNOWN)}
    delayed = DelayedProduce(outcomes, outcomes, finished.append)
    delayed.settle(UNKNOWN, None)
    assert finished == []
    delayed.expire()
    delayed.settle(P, None)
    assert finished == [delayed]
    assert delayed.outcomes == {P: ProduceData(ErrorCode.REQUEST_TIMED_OUT), UNKNOWN: ProduceData(ErrorCode.NONE, 7)}


def test_append_is_refused_elsewhere_and_told_who_leads() -> None:
    story = Story(3)
    probe = Probe(story)
    refused = outcome(probe.ask(story.followers[0], produce()))
    assert refused == ProduceData(ErrorCode.NOT_LEADER_OR_FOLLOWER, -1, story.first_leader, 0)
    nowhere = probe.ask(story.first_leader, ProduceRequest(1, 1000, [(UNKNOWN, batch())]))
    assert outcome(nowhere, UNKNOWN) == ProduceData(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)


def test_append_that_waits_while_its_leader_is_deposed_fails_with_the_new_leader() -> None:
    story = Story(4)
    probe, old = Probe(story), story.first_leader
    for follower in story.followers:
        story.broker(follower).pause()
    answers = probe.ask(old, produce(timeout_ms=60_000), wait_s=0.5)
    story.broker(old).pause()
    for follower in story.followers:
        story.broker(follower).resume()
    story.fly(14)
    story.broker(old).resume()
    story.fly(16)
    image = story.cluster.controller.image.partitions[P]
    assert outcome(answers) == ProduceData(ErrorCode.NOT_LEADER_OR_FOLLOWER, -1, image.leader, image.leader_epoch)
    assert story.numbers_of_batches(1) == []
    assert story.logs_agree()


def test_too_few_in_sync_replicas_refuse_acks_all_before_anything_is_written() -> None:
    story = Story(5, topic_config={"min.insync.replicas": 3})
    probe = Probe(story)
    story.broker(story.followers[0]).stop()
    story.fly(12)
    assert outcome(probe.ask(story.first_leader, produce())) == ProduceData(ErrorCode.NOT_ENOUGH_REPLICAS)
    assert outcome(probe.ask(story.first_leader, produce(acks=1))).base_offset == 0


def test_retried_batch_is_recognised_on_the_leader_that_took_over() -> None:
    """The first attempt is replicated but not answered; its leader dies; the retry gets the old offset."""
    story = Story(6)
    probe, old = Probe(story), story.first_leader
    (answer,) = probe.ask(old, produce(content=batch(b"0", 5, 0)), wait_s=0.1)
    assert outcome([answer]).base_offset == 0
    lost = probe.ask(old, produce(content=batch(b"1", 5, 1)), wait_s=0.0003)
    story.broker(old).stop()
    story.fly(13)
    assert lost == [ErrorResponse(ErrorCode.NETWORK_EXCEPTION)]
    new = story.cluster.controller.image.leader(P)
    assert outcome(probe.ask(new, produce(content=batch(b"1", 5, 1)))) == ProduceData(ErrorCode.NONE, 1)
    gap = outcome(probe.ask(new, produce(content=batch(b"3", 5, 3))))
    assert gap.error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert story.numbers(new) == [0, 1]


def test_failed_append_without_acknowledgement_closes_the_connection() -> None:
    story = Story(7)
    probe = Probe(story)
    probe.ask(story.followers[0], MetadataRequest())
    assert probe.network.connected(story.followers[0])
    probe.network.send_and_forget(story.followers[0], produce(acks=0))
    answers = probe.ask(story.followers[0], MetadataRequest())
    assert answers == [ErrorResponse(ErrorCode.NETWORK_EXCEPTION)]


def test_producer_ids_are_unique_and_come_in_blocks() -> None:
    """A broker without a block asks the controller and lets the producer come again."""
    story = Story(8)
    probe = Probe(story)

    def ask(broker_id: int, count: int) -> list[InitProducerIdResponse]:
        answers = probe.ask(broker_id, *[InitProducerIdRequest()] * count, wait_s=0.5)
        assert len(answers) == count
        return [answer for answer in answers if isinstance(answer, InitProducerIdResponse)]

    for broker_id in (1, 2):
        assert ask(broker_id, 1) == [InitProducerIdResponse(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS)]
    assert [answer.producer_id for answer in ask(1, 2) + ask(2, 2)] == [0, 1, 1000, 1001]
    known = [answer.producer_id for answer in ask(1, 950) + ask(1, 100)]
    assert known == [*range(2, 1000), *range(2000, 2052)]
