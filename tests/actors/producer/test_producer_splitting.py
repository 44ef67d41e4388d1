"""A batch that is larger than the topic's max.message.bytes is sent again in parts, in order and without loss."""

from collections.abc import Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.producer.batch_splitting import split
from sim.actors.producer.delivery import Delivery, DeliveryError
from sim.actors.producer.producer_batch import ProducerBatch
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchFailed, BatchRetried, ProducerRecords, RecordsAcknowledged
from sim.rules.storage.batch import RecordColumns
from sim.rules.topics import TopicPartition
from tests.actors.flights import P, Story

Steps = Generator[Event, Any, Any]
SMALL_TOPIC = {"max.message.bytes": 4000}


def batch_of(sizes: list[int], is_part: bool = False) -> ProducerBatch:
    batch = ProducerBatch(TopicPartition("t", 0), 100_000, 5, 40, is_part=is_part)
    for number, size in enumerate(sizes):
        batch.try_append(1000 + number, b"%d" % number, bytes(size), (), 7 * number)
    batch.close("me")
    return batch


def test_parts_hold_the_records_in_order_up_to_batch_size() -> None:
    batch = batch_of([100] * 50)
    parts = split(batch, "me", 1000)
    assert [part.count for part in parts] == [8] * 6 + [2]
    assert max(part.size_bytes for part in parts) <= 1000
    assert [key for part in parts for key in part.keys] == batch.keys
    assert [time for part in parts for time in part.timestamps_ms] == batch.timestamps_ms
    assert [part.closed().first_number for part in parts] == [40, 48, 56, 64, 72, 80, 88]
    assert all((part.created, part.pooled_bytes, part.attempts) == (5, 0, 0) for part in parts)
    batch.replaced_by(parts)
    assert batch.done
    assert [batch.part_of(index) for index in (0, 7, 8, 49)] == [
        (parts[0], 0),
        (parts[0], 7),
        (parts[1], 0),
        (parts[6], 1),
    ]
    with pytest.raises(ValueError, match="no part"):
        batch.part_of(50)


def test_a_part_that_is_still_too_large_is_halved_but_never_below_its_largest_record() -> None:
    halves = split(batch_of([100] * 8, is_part=True), "me", 1000)
    assert [part.count for part in halves] == [3, 3, 2]
    alone = split(batch_of([10, 10, 900], is_part=True), "me", 16_384)
    assert [part.count for part in alone] == [2, 1]


def test_records_without_content_split_in_the_same_way() -> None:
    hollow = ProducerBatch(TopicPartition("t", 0), 100_000, 5, 40)
    assert hollow.fill(100, list(range(50)), 1000) == 50
    hollow.close("me")
    parts = split(hollow, "me", 1000)
    assert [part.count for part in parts] == [8] * 6 + [2]
    assert [sent for part in parts for sent in part.sent_at] == list(range(50))


class Sent:
    """A story in which `count` numbered records of 100 bytes are sent at once, with what became of them."""

    def __init__(self, count: int, **config: object) -> None:
        self.called: list[int] = []
        self.offsets: list[int] = []
        self.flushed = False

        def run(app: App) -> Steps:
            producer = app.producer(**config)
            yield app.busy(ms=1000)
            deliveries: list[Delivery] = []
            for number in range(count):
                note = lambda _, number=number: self.called.append(number)  # noqa: E731
                value = b"%0100d" % number
                deliveries.append((yield from producer.send(P.topic, value, partition=0, on_delivery=note)))
            last = yield from deliveries[-1].get()
            yield from producer.flush()
            self.flushed = all(delivery.done for delivery in deliveries) and not producer.incomplete
            self.offsets = [delivery.metadata().offset for delivery in deliveries]
            assert last.offset == self.offsets[-1]
            assert producer.free_bytes == producer.config.buffer_memory
            yield app.busy(ms=1000)

        self.story = Story(apps={"source": run}, topic_config=SMALL_TOPIC)
        self.story.fly(4)

    @property
    def written(self) -> list[int]:
        return self.story.numbers(self.story.first_leader)


def test_all_records_arrive_once_and_in_order_with_idempotence() -> None:
    """16,384 bytes are more than 4000: parts of batch.size are still too large, their halves and quarters are not."""
    sent = Sent(400)
    assert sent.written == list(range(400))
    assert sent.offsets == sent.called == list(range(400))
    assert sent.flushed
    assert max(batch.size_bytes for batch in sent.story.broker(1).storage[P].batches()) <= 4000
    assert sent.story.when(BatchRetried, error=ErrorCode.MESSAGE_TOO_LARGE)
    assert sent.story.these(BatchFailed) == []


def test_without_idempotence_later_batches_overtake_the_parts_and_nothing_is_lost_or_twice() -> None:
    sent = Sent(400, enable_idempotence=False)
    assert sent.written != list(range(400))
    assert sorted(sent.written) == sorted(sent.called) == sorted(sent.offsets) == list(range(400))
    assert [sent.written[offset] for offset in sent.offsets] == list(range(400)), "each delivery knows its own offset"


def test_small_batches_are_not_split() -> None:
    sent = Sent(400, batch_size=4000)
    assert sent.written == list(range(400))
    assert sent.story.these(BatchRetried) == []


def test_each_record_is_announced_and_acknowledged_once() -> None:
    announced: list[int] = []
    acknowledged: list[int] = []

    def run(app: App) -> Steps:
        producer = app.producer()
        yield from producer.send_many(P.topic, 100, [0])
        yield app.busy(ms=1000)
        yield from producer.send_many(P.topic, 100, list(range(1, 300)))
        yield from producer.close()

    story = Story(apps={"source": run}, topic_config=SMALL_TOPIC)

    def note(numbers: list[int], columns: RecordColumns) -> None:
        numbers += range(columns.first_number, columns.first_number + columns.count)

    story.machine.facts.listen(ProducerRecords, lambda _, fact: note(announced, fact.columns))
    story.machine.facts.listen(RecordsAcknowledged, lambda _, fact: note(acknowledged, fact.columns))
    story.fly(4)
    assert announced == acknowledged == list(range(300))


def test_a_single_record_that_is_too_large_for_the_topic_fails_and_the_next_ones_go_on() -> None:
    seen: list[str] = []

    def run(app: App) -> Steps:
        producer = app.producer(linger_ms=0)
        yield app.busy(ms=1000)
        for size in (10, 5000, 10):
            delivery = yield from producer.send(P.topic, bytes(size), partition=0)
            try:
                yield from delivery.get()
                seen.append("written")
            except DeliveryError as error:
                seen.append(error.code.name)

    Story(apps={"source": run}, topic_config=SMALL_TOPIC).fly(4)
    assert seen == ["written", "MESSAGE_TOO_LARGE", "written"]


def test_parts_expire_when_the_batch_would_have() -> None:
    """The leader hangs as soon as it has refused the batch: the parts' time counts from the first send()."""

    def run(app: App) -> Steps:
        producer = app.producer(delivery_timeout_ms=5000, request_timeout_ms=4000)
        yield app.busy(ms=1000)
        yield from producer.send_many(P.topic, 100, [app.now] * 140)
        yield app.busy(ms=9000)
        assert not producer.incomplete

    story = Story(apps={"source": run}, topic_config=SMALL_TOPIC)
    leader = story.broker(story.first_leader)
    story.machine.facts.listen(BatchRetried, lambda *_: leader.pause())
    story.fly(9)
    assert set(story.when(BatchFailed)) == {6.0}
    assert sum(fact.columns.count for fact in story.these(BatchFailed)) == 140
