"""Large classic groups are cheap enough to be flown, whatever their assignor."""

from collections.abc import Callable, Generator
from time import perf_counter
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.rules.facts.journal import GroupChanged
from sim.world.topics import Topic
from tests.actors.flights import Story

Behaviour = Callable[[App], Generator[Event, Any, Any]]


def member(**config: Any) -> Behaviour:
    """Polls at leisure."""

    def run(app: App) -> Generator[Event, Any, Any]:
        consumer = app.consumer("large", ["large"], **config)
        while True:
            yield from consumer.poll(5000)

    return run


def flown(behaviour: Behaviour, members: int, partitions: int) -> Story:
    """Members that join together and one that comes ten seconds later."""
    config = {"offsets.topic.replication.factor": 1}
    story = Story(1, None, {"min.insync.replicas": 1}, 1, config, more_topics=[Topic("large", partitions, 1)])
    for number in range(members):
        story.cluster.app(f"m{number:03}", behaviour, {}).start()
    story.at(10, story.cluster.app("late", behaviour, {}).start)
    story.machine.clock.run(until=20 * 10**9)
    return story


@pytest.mark.parametrize("strategy", ["range", "roundrobin", "sticky", "cooperative-sticky"])
def test_two_rebalances_of_a_hundred_members_and_two_thousand_partitions_take_seconds(strategy: str) -> None:
    began = perf_counter()
    story = flown(member(partition_assignment_strategy=strategy), 99, 2000)
    took = perf_counter() - began
    owned = [app.consumers[0].assignment() for app in story.cluster.apps.values()]
    assert {len(partitions) for partitions in owned} == {20}
    assert len({name for partitions in owned for name in partitions}) == 2000
    assert max(fact.generation for fact in story.these(GroupChanged)) == (3 if "coop" in strategy else 2)
    assert took < 15


def test_a_steady_heartbeat_costs_four_events() -> None:
    """50 members for 60 s, with a heartbeat each 3 s or each 6 s: 1,000 or 500 of them."""

    def events(interval_ms: int) -> int:
        story = flown(member(heartbeat_interval_ms=interval_ms), 50, 51)
        before = story.machine.clock.events_booked()
        story.machine.clock.run(until=80 * 10**9)
        return story.machine.clock.events_booked() - before

    assert (events(3000) - events(6000)) / 510 == pytest.approx(4, abs=0.5)
