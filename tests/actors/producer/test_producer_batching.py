"""linger.ms, batch.size and the sticky partition decide how records share batches and requests."""

from collections.abc import Generator
from itertools import groupby
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.rules.facts.journal import ProducerRecords
from sim.rules.protocol.messages import ProduceRequest
from sim.world.topics import Topic
from tests.actors.flights import Story, seconds

Steps = Generator[Event, Any, Any]


class Batches:
    """Sends `count` numbered records of 100 bytes, `every_ms` apart, and tells what batches they left in."""

    def __init__(self, count: int, every_ms: float, keys: int = 0, **config: object) -> None:
        self.count, self.every_ms, self.keys, self.config = count, every_ms, keys, config
        self.left: list[tuple[float, ProducerRecords]] = []
        self.story = Story(more_topics=[Topic("six", 6, 3)])
        self.requests: list[int] = []
        for broker in self.story.cluster.brokers.values():
            self.story.overhear(broker, ProduceRequest, self.requests)
        self.story.machine.facts.listen(ProducerRecords, self._leave)
        self.topic = "payments"

    def _leave(self, time: int, fact: ProducerRecords) -> None:
        self.left.append((seconds(time), fact))

    def fly(self, topic: str = "payments", until_s: float = 3.0) -> "Batches":
        self.topic = topic
        self.story.cluster.app("source", self._run, {}).start()
        self.story.fly(until_s)
        return self

    def _run(self, app: App) -> Steps:
        producer = app.producer(**self.config)
        yield app.busy(ms=1000)
        for number in range(self.count):
            key = b"k%d" % (number % self.keys) if self.keys else None
            yield from producer.send(self.topic, value=b"%0100d" % number, key=key)
            if self.every_ms:
                yield app.busy(ms=self.every_ms)
        yield from producer.close()

    def stays(self) -> list[int]:
        """How many batches in a row were filled for the same partition, the last ones left out."""
        filled = sorted(self.left, key=lambda left: int((left[1].columns.values or [None])[0] or 0))
        return [len(list(batches)) for _, batches in groupby(filled, lambda left: left[1].partition)][:-1]

    @property
    def counts(self) -> list[int]:
        return [fact.columns.count for _, fact in self.left]


@pytest.mark.parametrize(("linger_ms", "per_batch"), [(0, 1), (5, 5), (20, 19)])
def test_records_of_one_linger_time_share_a_batch(linger_ms: int, per_batch: int) -> None:
    """One record each 1.1 ms: with 5 ms a batch leaves with those of 0, 1.1, 2.2, 3.3 and 4.4 ms."""
    story = Batches(190, every_ms=1.1, linger_ms=linger_ms).fly()
    assert story.counts == [per_batch] * (190 // per_batch)


def test_a_full_batch_does_not_wait_for_linger() -> None:
    """64 records of 109 bytes, 84 of 110 (their number takes two bytes) and a header of 61 make 16,277 of 16,384."""
    story = Batches(600, every_ms=0.01, linger_ms=500).fly()
    assert story.counts == [148, 148, 148, 148, 8]
    assert [fact.columns.size_bytes for _, fact in story.left[:1]] == [64 * 109 + 84 * 110 + 61]
    times = [time for time, _ in story.left]
    assert times[3] < 1.007


def test_batch_size_zero_sends_every_record_by_itself() -> None:
    story = Batches(50, every_ms=0.1, batch_size=0, linger_ms=5).fly()
    assert story.counts == [1] * 50


def test_a_request_takes_the_batches_of_all_partitions_of_its_leader() -> None:
    """Six partitions on three brokers: what waits for the same leader leaves in the same request, ready or not."""
    story = Batches(600, every_ms=0.5, keys=60, linger_ms=10).fly(topic="six")
    assert sum(story.counts) == 600
    assert len({fact.partition for _, fact in story.left}) == 6
    assert len(story.requests) < 0.7 * len(story.left)


def test_records_without_a_key_stay_for_two_full_batches_at_full_speed() -> None:
    """The switch after batch.size bytes waits for a batch's end: the first ends just below it, the second beyond."""
    story = Batches(3000, every_ms=0, linger_ms=5).fly(topic="six")
    assert sum(story.counts) == 3000
    assert story.counts.count(148) >= 18
    assert len(story.stays()) >= 5
    assert all(stay % 2 == 0 for stay in story.stays())


def test_records_without_a_key_leave_a_slow_partition_after_batch_size_bytes() -> None:
    """One record per batch of 170 bytes: the 97th brings the sum above 16,384, and its batch is complete at once."""
    story = Batches(400, every_ms=2.0, linger_ms=0).fly(topic="six")
    assert sum(story.stays()) >= 291
    assert {stay % 97 for stay in story.stays()} == {0}


def test_keys_decide_the_partition_and_keep_their_order() -> None:
    story = Batches(600, every_ms=0.2, keys=24, linger_ms=5).fly(topic="six")
    homes: dict[bytes, set[int]] = {}
    for _, fact in story.left:
        for key in fact.columns.keys or ():
            homes.setdefault(key or b"", set()).add(fact.partition.partition)
    assert len(homes) == 24
    assert all(len(partitions) == 1 for partitions in homes.values())
    numbers: dict[object, int] = {}
    for _, fact in story.left:
        assert fact.columns.first_number == numbers.get(fact.partition, 0)
        numbers[fact.partition] = fact.columns.first_number + fact.columns.count
