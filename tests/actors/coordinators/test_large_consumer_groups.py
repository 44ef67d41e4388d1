"""Large groups of the consumer protocol are cheap enough to be flown."""

from collections.abc import Generator
from time import perf_counter
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.rules.facts.journal import GroupChanged, PartitionsAssigned
from sim.world.topics import Topic
from tests.actors.flights import Story

MEMBERS, PARTITIONS = 80, 3200


def member(app: App) -> Generator[Event, Any, Any]:
    """Polls at leisure."""
    consumer = app.consumer("large", ["large"], group_protocol="consumer")
    while True:
        yield from consumer.poll(5000)


def flown(members: int, partitions: int, until_s: float, **broker_config: object) -> Story:
    config = {"offsets.topic.replication.factor": 1, **broker_config}
    story = Story(1, None, {"min.insync.replicas": 1}, 1, config, more_topics=[Topic("large", partitions, 1)])
    for number in range(members):
        story.at(1 + number * 0.01, story.cluster.app(f"m{number:03}", member, {}).start)
    story.machine.clock.run(until=round(until_s * 1e9))
    return story


def test_eighty_members_share_three_thousand_partitions_within_seconds_of_wall_time() -> None:
    """Each join computes the target anew, as in Kafka."""
    began = perf_counter()
    story = flown(MEMBERS, PARTITIONS, 20)
    took = perf_counter() - began
    owned = {fact.client_id: fact.partitions for fact in story.these(PartitionsAssigned)}
    assert sorted(name for partitions in owned.values() for name in partitions) == [
        name for name in story.cluster.partitions() if name.topic == "large"
    ]
    assert {len(partitions) for partitions in owned.values()} == {PARTITIONS // MEMBERS}
    assert story.these(GroupChanged)[-1].state == "Stable"
    assert took < 15


def test_a_steady_heartbeat_costs_three_events_and_a_timer() -> None:
    """50 members for 100 s: 1,000 heartbeats, or 500 with twice the interval; the timer rings every 5 s in both."""

    def events(interval_ms: int) -> int:
        story = flown(50, 50, 30, **{"group.consumer.heartbeat.interval.ms": interval_ms})
        before = story.machine.clock.events_booked()
        story.machine.clock.run(until=130 * 10**9)
        return story.machine.clock.events_booked() - before

    assert (events(5000) - events(10_000)) / 500 == pytest.approx(3, abs=0.1)
