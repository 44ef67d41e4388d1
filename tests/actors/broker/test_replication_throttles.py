"""Replication throttles in flight: who catches up waits, at its leader or by itself; who is in sync never does."""

from collections.abc import Generator, Mapping
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.machine.clock import SECOND
from sim.rules.facts.journal import IsrChanged
from sim.rules.protocol.messages import FetchRequest
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Story

Steps = Generator[Event, Any, Any]
RATE, RECORD_BYTES, RECORDS = 200_000, 10_000, 400
FETCHED_BYTES, WINDOWS_S = 105_000, 11
HISTORY = TopicPartition("history", 0)
SIDES = ("leader", "follower")


def filling(app: App) -> Steps:
    """Four megabytes, while the third broker is down."""
    yield app.until(SECOND)
    producer = app.producer(batch_size=1)
    for _ in range(RECORDS):
        yield from producer.send(HISTORY.topic, bytes(RECORD_BYTES), partition=0)
        yield app.busy(ms=10)
    yield from producer.close()


def returned_at(rates: Mapping[str, int], replicas: str = "*") -> tuple[float, Story]:
    """When the broker that was down while records were written is in sync again, counted from its return."""
    config = {f"{side}.replication.throttled.rate": rates[side] for side in rates}
    config["replica.fetch.max.bytes"] = FETCHED_BYTES
    names = {f"{side}.replication.throttled.replicas": replicas for side in rates}
    topic = Topic(HISTORY.topic, 1, 3, {"min.insync.replicas": 2, **names}, replicas=((1, 2, 3),))
    story = Story(1, {"filling": filling}, broker_config=config, more_topics=[topic])
    story.broker(3).stop()
    story.fly(30)
    assert story.isr(HISTORY) == {1, 2}
    story.broker(3).start()
    story.fly(80)
    (time,) = [time for time in story.when(IsrChanged, 30.0, partition=HISTORY) if story.isr(HISTORY) == {1, 2, 3}]
    return time - 30, story


@pytest.mark.parametrize("side", SIDES)
def test_catching_up_takes_its_bytes_over_the_rate_but_for_a_burst(side: str) -> None:
    """Idle windows count, too, so that what eleven of them allow may go at once."""
    bytes_of_all = RECORDS * RECORD_BYTES
    free_s, _ = returned_at({})
    slow_s, story = returned_at({side: RATE})
    assert free_s < 5
    assert bytes_of_all - WINDOWS_S * RATE - 2 * FETCHED_BYTES < (slow_s - free_s) * RATE < 1.1 * bytes_of_all
    assert story.logs_agree([HISTORY])


@pytest.mark.parametrize("side", SIDES)
def test_replicas_that_are_not_named_are_free(side: str) -> None:
    returned_s, _ = returned_at({side: RATE}, "0:2,1:3" if side == "follower" else "0:3")
    assert returned_s < 5


@pytest.mark.parametrize("side", SIDES)
def test_who_is_in_sync_is_never_held_back(side: str) -> None:
    config = {f"{side}.replication.throttled.rate": 1000}
    names = {f"{side}.replication.throttled.replicas": "*"}
    story = Story(1, broker_config=config, topic_config=names)
    acknowledged: list[float] = []

    def writing(app: App) -> Steps:
        producer = app.producer(linger_ms=0)
        for number in range(100):
            delivery = yield from producer.send(P.topic, bytes(RECORD_BYTES), partition=0)
            sent_at = app.now
            yield from delivery.get()
            acknowledged.append((app.now - sent_at) / SECOND)
            yield app.until(SECOND * 2 + SECOND * number // 20)

    story.cluster.app("writing", writing, {}).start()
    story.fly(12)
    assert len(acknowledged) == 100
    assert max(acknowledged[1:]) < 0.1
    assert story.isr() == {1, 2, 3}


@pytest.mark.parametrize("side", SIDES)
def test_below_what_is_written_a_throttle_keeps_a_follower_out_and_asks_for_little(side: str) -> None:
    """Until replica.lag.time.max.ms after it was caught up last, everybody waits for it, for it may soon be in sync."""

    def writing(app: App) -> Steps:
        producer = app.producer(linger_ms=0)
        for number in range(2000):
            yield app.until(SECOND + SECOND * number // 50)
            yield from producer.send(P.topic, bytes(1000), partition=0)

    names = {f"{side}.replication.throttled.replicas": "*"}
    config = {f"{side}.replication.throttled.rate": 10_000, "replica.fetch.max.bytes": 20_000}
    story = Story(1, {"writing": writing}, names, broker_config=config)
    late = story.followers[0]
    story.broker(late).stop()
    story.fly(14)
    story.broker(late).start()
    story.fly(40)
    assert late not in story.isr()
    asked: list[int] = []
    story.overhear(story.broker(story.first_leader), FetchRequest, asked)
    story.fly(41)
    assert 50 <= len(asked) < 70, "one for each write by the follower in sync, few by the other one"
