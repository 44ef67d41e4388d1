"""What idempotence is for: each story with the setting that fails and with the one that does not."""

from collections.abc import Generator
from itertools import pairwise
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.machine.clock import SECOND
from sim.rules.config import ProducerConfig
from sim.rules.errors import ConfigError, ErrorCode
from sim.rules.facts.journal import BatchFailed, BatchRetried
from sim.rules.protocol.messages import ProduceRequest, ProduceResponse
from sim.rules.storage.batch import RecordBatch, RecordColumns
from tests.actors.flights import P, Probe, Source, Story

Steps = Generator[Event, Any, Any]


def refused_once(**config: object) -> list[int]:
    """The third of five requests in flight is too large for the topic and comes again in parts; no answer is lost."""

    def run(app: App) -> Steps:
        producer = app.producer(batch_size=4000, linger_ms=5, **config)
        yield from (yield from producer.send(P.topic, b"0", partition=0)).get()
        yield app.until(SECOND)
        for number in range(1, 6):
            size = 1800 if number == 3 else 10
            for part in (0, 1):
                yield from producer.send(P.topic, b"%0*d" % (size, 2 * number + part), partition=0)
            yield app.busy(ms=20)
        yield from producer.close()

    story = Story(apps={"source": run}, topic_config={"max.message.bytes": 3000})
    leader = story.broker(story.first_leader)
    story.at(0.9, leader.pause)
    story.at(1.5, leader.resume)
    story.fly(4)
    assert len(story.these(BatchRetried)) >= 1
    assert story.these(BatchFailed) == []
    return story.numbers(story.first_leader)


def test_five_in_flight_reorder_what_is_refused_once_unless_idempotence_is_on() -> None:
    expected = [0, *range(2, 12)]
    without = refused_once(enable_idempotence=False)
    assert sorted(without) == expected, "nothing is lost or twice"
    assert any(earlier > later for earlier, later in pairwise(without)), "but the order is not that of send()"
    assert refused_once(enable_idempotence=False, max_in_flight_requests_per_connection=1) == expected
    assert refused_once() == expected


def lost_acknowledgement(**config: Any) -> tuple[Story, Source]:
    """One record each 100 ms; the leader writes one, and its acknowledgement, held up by a follower, is too late."""
    source = Source(every_ms=100, until_s=6, request_timeout_ms=1000, delivery_timeout_ms=20_000, linger_ms=0, **config)
    story = Story(apps={"source": source})
    follower = story.broker(story.followers[0])
    story.at(2.05, follower.pause)
    story.at(4.55, follower.resume)
    story.fly(9)
    assert story.when(BatchRetried, error=ErrorCode.REQUEST_TIMED_OUT)
    assert source.acknowledged == set(range(len(source.deliveries)))
    return story, source


def test_a_lost_acknowledgement_duplicates_records_unless_idempotence_is_on() -> None:
    story, source = lost_acknowledgement(enable_idempotence=False)
    written = story.numbers(story.first_leader)
    assert len(written) > len(set(written)) == len(source.deliveries)
    story, source = lost_acknowledgement()
    assert story.numbers(story.first_leader) == list(range(len(source.deliveries)))


def test_a_broker_knows_the_last_five_batches_of_a_producer_and_no_older_one() -> None:
    """Repeated ones of these are answered with their old offsets and not written again; a sixth is out of order."""
    story = Story()
    probe = Probe(story)

    def send(sequence: int) -> tuple[ErrorCode, int]:
        columns = RecordColumns.of([0, 0], None, [b"%d" % sequence, b"%d" % (sequence + 1)])
        batch = RecordBatch(columns, producer_id=7, producer_epoch=0, base_sequence=sequence)
        (answer,) = probe.ask(story.first_leader, ProduceRequest(-1, 30_000, [(P, batch)]))
        assert isinstance(answer, ProduceResponse)
        return answer.partitions[P].error, answer.partitions[P].base_offset

    assert [send(sequence) for sequence in range(0, 12, 2)] == [(ErrorCode.NONE, offset) for offset in range(0, 12, 2)]
    assert [send(sequence) for sequence in range(2, 12, 2)] == [(ErrorCode.NONE, offset) for offset in range(2, 12, 2)]
    assert send(0)[0] is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER
    assert send(14)[0] is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, "a gap"
    assert send(12) == (ErrorCode.NONE, 12)
    assert story.numbers(story.first_leader) == list(range(14))


def test_therefore_an_idempotent_producer_may_have_five_requests_in_flight_and_not_six() -> None:
    assert ProducerConfig.of(max_in_flight_requests_per_connection=5).enable_idempotence
    with pytest.raises(ConfigError, match="must be set to at most 5"):
        ProducerConfig.of(max_in_flight_requests_per_connection=6)
