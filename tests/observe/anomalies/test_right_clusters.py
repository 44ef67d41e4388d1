"""Clusters that work as they should: crashes, rebalances and transactions show nothing that is not allowed."""

from collections.abc import Callable

import pytest

from sim.rules.topics import TopicPartition
from sim.world.flight import Flight
from tests.observe.anomalies.flights import P, Q, fly, leader_crashes, member, reader, source
from tests.observe.anomalies.transactions import exactly_once

PARTITIONS = 3


def app(name: str, action: str) -> Callable[[Flight], object]:
    """Start or stop an application."""
    return lambda flight: getattr(flight.cluster.apps[name], action)()


def brokers_restart(flight: Flight) -> None:
    """All that are down come back."""
    for broker in flight.cluster.brokers.values():
        if not broker.life.alive:
            broker.start()


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("protocol", ["classic", "consumer"])
def test_a_group_through_crashes_of_everybody(seed: int, protocol: str) -> None:
    apps = {f"member-{number}": member(group_protocol=protocol) for number in range(3)}
    apps |= {"one": source(12, 15, PARTITIONS), "other": source(12, 20, PARTITIONS)}
    apps |= {f"reader-{number}": reader(TopicPartition(P.topic, number)) for number in range(PARTITIONS)}
    story = {
        4.0: app("member-1", "stop"),
        5.0: leader_crashes,
        7.0: app("one", "stop"),
        8.0: app("one", "start"),
        9.0: brokers_restart,
        13.0: app("member-1", "start"),
    }
    found = fly(apps, 60, story, seed, partitions=PARTITIONS)
    assert found.unexpected == []
    assert {case.name for case in found.cases} <= {"poll-skip", "nonmonotonic-poll"}
    assert found.sent > 1000
    assert found.polled >= 2 * (found.sent - 20)


@pytest.mark.parametrize("seed", [1, 12])
def test_exactly_once_through_aborts_and_crashes(seed: int) -> None:
    apps = {"pipe": exactly_once, "source": source(12, 5, PARTITIONS)}
    apps["orders"] = member(Q.topic, isolation_level="read_committed")
    apps["all"] = member(Q.topic, isolation_level="read_uncommitted", group_id="all")
    story = {5.0: leader_crashes, 7.0: app("pipe", "stop"), 8.0: app("pipe", "start"), 9.0: brokers_restart}
    found = fly(apps, 40, story, seed, partitions=PARTITIONS)
    assert found.unexpected == []
    assert "G1a" in found.names(), "the one that reads uncommitted gets what was aborted"
    assert found.sent > 4000
