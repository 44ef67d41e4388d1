"""Cooperative rebalances: two rounds, and only what moves is given up."""

from collections.abc import Generator
from itertools import pairwise
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.rules.controller.metadata import PartitionChange
from sim.rules.facts.journal import GroupChanged
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.coordinators.test_consumer_groups import SIX, Group, Reader
from tests.actors.flights import Source, Story, seconds

Steps = Generator[Event, Any, Any]
COOPERATIVE: dict[str, Any] = {"partition_assignment_strategy": "cooperative-sticky"}


def test_only_what_moves_is_revoked_and_it_waits_for_the_second_round() -> None:
    readers = {name: (0.0, Reader(**COOPERATIVE)) for name in ("one", "two")}
    group = Group({**readers, "three": (10.0, Reader(**COOPERATIVE))}).fly(20)
    for name in ("one", "two"):
        kinds = [(what, len(partitions)) for _, what, partitions in group.readers[name].told]
        assert kinds == [("assigned", 3), ("revoked", 1), ("assigned", 0), ("assigned", 0)]
    assert [len(partitions) for _, _, partitions in group.readers["three"].told] == [0, 2]
    revoked = max(group.readers[name].times("revoked")[0] for name in ("one", "two"))
    second_round = group.readers["three"].times("assigned")[1]
    assert 2.9 < second_round - revoked < 3.1
    assert max(fact.generation for fact in group.story.these(GroupChanged)) == 3
    owned = [set(consumer.assignment()) for consumer in consumers(group)]
    assert sorted(map(len, owned)) == [2, 2, 2]
    assert len(set().union(*owned)) == 6


def consumers(group: Group) -> list[Any]:
    return [app.consumers[0] for app in group.story.cluster.apps.values() if app.life.alive]


def test_eager_members_revoke_everything_for_the_same_change() -> None:
    readers = {name: (0.0, Reader()) for name in ("one", "two")}
    group = Group({**readers, "three": (10.0, Reader())}).fly(20)
    assert [len(partitions) for _, what, partitions in group.readers["one"].told if what == "revoked"] == [3]
    assert max(fact.generation for fact in group.story.these(GroupChanged)) == 2


def test_a_member_that_goes_costs_one_round_and_the_others_keep_what_they_have() -> None:
    readers = {name: (0.0, Reader(**COOPERATIVE)) for name in ("one", "two")}
    group = Group({**readers, "three": (0.0, Reader(stop_s=10.0, **COOPERATIVE))}).fly(20)
    for name in ("one", "two"):
        assert [(what, len(given)) for _, what, given in group.readers[name].told] == [("assigned", 2), ("assigned", 1)]
    assert [what for _, what, _ in group.readers["three"].told] == ["assigned", "revoked"]
    assert max(fact.generation for fact in group.story.these(GroupChanged)) == 2


def test_a_member_thrown_out_loses_all_and_gets_back_what_the_others_give_up() -> None:
    tired = Reader(10_000, busy_from_s=8, stop_s=27, max_poll_interval_ms=4000, **COOPERATIVE)
    group = Group({"one": (0.0, Reader(**COOPERATIVE)), "tired": (0.0, tired)}).fly(20)
    assert [what for _, what, _ in tired.told][:2] == ["assigned", "lost"]
    assert [(what, len(given)) for _, what, given in group.readers["one"].told][:2] == [
        ("assigned", 3),
        ("assigned", 3),
    ]


@pytest.mark.parametrize(("strategy", "longest_s"), [("cooperative-sticky", 0.2), ("range", 1.0)])
def test_reading_goes_on_during_a_cooperative_rebalance(strategy: str, longest_s: float) -> None:
    """A member joins two others. Eager, nobody reads until the slowest of them, which works for 2 s, is back."""
    got: list[float] = []

    def read(app: App) -> Steps:
        consumer = app.consumer("readers", ["payments", "six"], partition_assignment_strategy=strategy)
        while True:
            got.extend(seconds(app.now) for _ in (yield from consumer.poll(100)))

    slow, late = (Reader(busy, 5, partition_assignment_strategy=strategy) for busy in (2000, 0))
    story = Story(apps={"source": Source(every_ms=20, until_s=30)}, more_topics=[SIX])
    for name, behaviour, start_s in (("a", read, 0.0), ("slow", slow, 0.0), ("late", late, 12.0)):
        story.at(start_s, story.cluster.app(name, behaviour, {}).start)
    story.fly(24)
    times = sorted(time_s for time_s in got if 10 < time_s < 23)
    gap = max(b - a for a, b in pairwise(times))
    assert (gap < longest_s) == (strategy == "cooperative-sticky")
    assert gap > 0.02


@pytest.mark.parametrize("strategy", ["cooperative-sticky", "range"])
def test_a_paused_partition_stays_paused_only_while_it_is_kept(strategy: str) -> None:
    """The reader pauses all of its six; a second member takes three. Eager it had given up the others, too."""
    paused: list[int] = []

    def read(app: App) -> Steps:
        consumer = app.consumer("readers", ["six"], partition_assignment_strategy=strategy)
        while not consumer.assignment():
            yield from consumer.poll(100)
        consumer.pause(consumer.assignment())
        while app.now < 20e9:
            yield from consumer.poll(100)
        assert len(consumer.assignment()) == 3
        paused.append(len(consumer.paused()))

    story = Story(apps={"one": read}, more_topics=[SIX])
    two = Reader(partition_assignment_strategy=strategy)
    story.at(8.0, story.cluster.app("two", two, {}).start)
    story.fly(21)
    assert paused == [3 if strategy == "cooperative-sticky" else 0]


def test_a_group_votes_for_what_all_its_members_have() -> None:
    """One knows range and sticky, the other sticky and round robin: sticky it is; a third without it is refused."""
    strategies = {"one": ["range", "sticky"], "two": ["sticky", "roundrobin"], "three": ["range"]}
    readers = {
        name: (0.0 if name != "three" else 9.0, Reader(partition_assignment_strategy=names))
        for name, names in strategies.items()
    }
    group = Group(readers).fly(15)
    assert group.owned()["three"] == ()
    assert group.story.cluster.apps["three"].failure is not None
    assert "INCONSISTENT_GROUP_PROTOCOL" in str(group.story.cluster.apps["three"].failure)
    assert sorted(map(len, group.owned().values())) == [0, 3, 3]
    brokers = group.story.cluster.brokers.values()
    groups = [shard.classic for broker in brokers for shard in broker.groups._shards.values()]
    assert {known._groups["readers"].protocol_name for known in groups if "readers" in known._groups} == {"sticky"}


@pytest.mark.parametrize("leader_first", [True, False])
def test_the_leader_rejoins_when_a_topic_grows(leader_first: bool) -> None:
    """Whoever leads sees the seventh partition with its next metadata, 2 s old at most; followers would not ask."""
    fresh: dict[str, Any] = {"metadata_max_age_ms": 2000}
    old: dict[str, Any] = {"metadata_max_age_ms": 300_000}
    one, two = Reader(**(fresh if leader_first else old)), Reader(**(old if leader_first else fresh))
    group = Group({"one": (0.0, one), "two": (0.5, two)}).fly(10)
    controller = group.story.cluster.controller
    like = controller.image.partitions[TopicPartition("six", 5)]
    controller.metadata.append([PartitionChange(TopicPartition("six", 6), like)])
    group.fly(17)
    owned = sorted(partition for reader in group.readers.values() for partition in reader.owned)
    assert owned == list(range(7 if leader_first else 6))


def test_a_pattern_takes_what_matches_and_follows_new_topics() -> None:
    owned: list[list[str]] = []

    def run(app: App) -> Steps:
        for pattern, topics in (("s.*", ()), (None, ["^s", "payments"]), ("seven", ()), ("nothing", ())):
            consumer = app.consumer("readers")
            consumer.subscribe(topics, pattern=pattern)
            until = app.now + 5e9
            while app.now < until:
                yield from consumer.poll(100)
            owned.append(sorted({name.topic for name in consumer.assignment()}))
            assert consumer.subscription() == owned[-1]
            yield from consumer.close()

    story = Story(apps={"one": run}, more_topics=[SIX, Topic("seven", 1, 3)])
    story.fly(22)
    assert owned == [["seven", "six"], ["payments", "seven", "six"], ["seven"], []]
