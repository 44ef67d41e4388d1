"""Records without a key: rather to short queues, and not to brokers that take nothing for a while."""

from collections import Counter
from collections.abc import Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import Story, seconds

Steps = Generator[Event, Any, Any]
SIX = [TopicPartition("six", number) for number in range(6)]


def shares(hung_s: tuple[float, float] = (0, 0), **config: object) -> tuple[Story, list[tuple[float, int]]]:
    """20,000 records in ten seconds to six partitions of one replica; one broker hangs. Times and partitions chosen."""
    chosen: list[tuple[float, int]] = []

    def run(app: App) -> Steps:
        producer = app.producer(batch_size=2000, **config)
        yield app.busy(ms=1000)
        for number in range(20_000):
            yield app.until(1_000_000_000 + number * 500_000)
            delivery = yield from producer.send("six", bytes(100))
            chosen.append((seconds(app.now), delivery.batch.partition.partition))

    story = Story(apps={"source": run}, more_topics=[Topic("six", 6, 1)])
    broker = story.broker(story.cluster.controller.image.leader(SIX[0]))
    if hung_s[1]:
        story.at(hung_s[0], broker.pause)
        story.at(hung_s[1], broker.resume)
    story.fly(12)
    return story, chosen


def hung_share(story: Story, chosen: list[tuple[float, int]], from_s: float, to_s: float) -> float:
    """The share of the partitions that the first partition's leader leads."""
    image = story.cluster.controller.image
    slow = {name.partition for name in SIX if image.leader(name) == image.leader(SIX[0])}
    counts = Counter(number in slow for time, number in chosen if from_s <= time < to_s)
    return counts[True] / counts.total()


@pytest.mark.parametrize("adaptive", [True, False])
def test_equal_brokers_get_equal_shares(adaptive: bool) -> None:
    story, chosen = shares(partitioner_adaptive_partitioning_enable=adaptive)
    assert hung_share(story, chosen, 1, 11) == pytest.approx(1 / 3, abs=0.06)
    assert len(Counter(number for _, number in chosen)) == 6


def test_a_slow_broker_gets_less_only_when_the_choice_is_adaptive() -> None:
    """With equal chances it even gets more: its batches are all full, and a partition is left at a batch's end."""
    uniform = hung_share(*shares((3, 8), partitioner_adaptive_partitioning_enable=False), 3.5, 8)
    adaptive = hung_share(*shares((3, 8)), 3.5, 8)
    assert uniform > 1 / 3
    assert adaptive < 0.12


def test_with_an_availability_timeout_a_broker_that_takes_nothing_gets_nothing_until_it_is_back() -> None:
    settings = {"partitioner_availability_timeout_ms": 500}
    story, chosen = shares((3, 8), **settings)
    assert hung_share(story, chosen, 4.5, 8) == 0.0
    assert hung_share(story, chosen, 9, 11) > 0.15
    late = hung_share(*shares((3, 8)), 4.5, 8)
    assert late > 0.0, "short queues alone do not shut it out"
