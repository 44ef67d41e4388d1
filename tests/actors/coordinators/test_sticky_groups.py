"""Groups that vote for the sticky assignor: members keep what they had, although they give everything up first."""

from collections.abc import Callable, Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.rules.facts.journal import PartitionsAssigned
from sim.world.topics import Topic
from tests.actors.flights import Story

SIX = Topic("six", 6, 3)


def reader(assignor: str, leave_s: float) -> Callable[[App], Generator[Event, Any, Any]]:
    def run(app: App) -> Generator[Event, Any, Any]:
        consumer = app.consumer("readers", partition_assignment_strategy=assignor)
        consumer.subscribe(["six"])
        while app.now < leave_s * 1e9:
            yield from consumer.poll(100)
        yield from consumer.close()

    return run


def assignments(assignor: str) -> dict[str, list[set[int]]]:
    """What each of three members is given, one after the other; the second one leaves."""
    story = Story(more_topics=[SIX])
    for name, leave_s in (("one", 1e9), ("two", 12), ("three", 1e9)):
        story.at(1, story.cluster.app(name, reader(assignor, leave_s), {}).start)
    story.fly(25)
    given: dict[str, list[set[int]]] = {}
    for fact in story.these(PartitionsAssigned):
        if fact.partitions:
            given.setdefault(fact.client_id, []).append({name.partition for name in fact.partitions})
    return given


@pytest.mark.parametrize("assignor", ["sticky", "range"])
def test_only_the_sticky_assignor_leaves_members_what_they_had_when_another_one_goes(assignor: str) -> None:
    given = assignments(assignor)
    stayed = [listed for listed in given.values() if len(listed) > 1]
    assert [[len(partitions) for partitions in listed] for listed in stayed] == [[2, 3], [2, 3]]
    assert all(before < after for before, after in stayed) is (assignor == "sticky")
