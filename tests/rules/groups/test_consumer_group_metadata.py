"""When a group's topics count as changed, and when its members count as alike."""

import pytest

from sim.rules.controller.election import PartitionRegistration
from sim.rules.controller.metadata import BrokerRegistration, MetadataImage, PartitionChange
from sim.rules.groups.consumer_group_members import ConsumerGroupMember
from sim.rules.groups.consumer_group_metadata import (
    SubscriptionType,
    group_metadata_hash,
    subscribed_topics,
    subscription_type,
    topic_metadata_hash,
)
from sim.rules.groups.consumer_group_records import ResolvedRegex
from sim.rules.topics import TopicPartition


def image(count: int, rack: str = "a", leader: int = 1, replicas: tuple[int, ...] = (1, 2)) -> MetadataImage:
    brokers = [BrokerRegistration(1, 0, 1, rack, fenced=False), BrokerRegistration(2, 0, 1, "b", fenced=False)]
    registration = PartitionRegistration(replicas, replicas, leader)
    return MetadataImage().applied(
        1, [*brokers, *(PartitionChange(TopicPartition("t", number), registration) for number in range(count))]
    )


def test_a_hash_changes_with_partitions_and_racks_but_not_with_leaders() -> None:
    base = topic_metadata_hash("t", image(3))
    assert base == topic_metadata_hash("t", image(3, leader=2))
    assert base == topic_metadata_hash("t", image(3, replicas=(2, 1)))
    assert base != topic_metadata_hash("t", image(4))
    assert base != topic_metadata_hash("t", image(3, rack="c"))
    assert topic_metadata_hash("other", image(3)) == ""


def test_topics_that_do_not_exist_do_not_count() -> None:
    assert group_metadata_hash({"t": "1", "u": ""}) == group_metadata_hash({"t": "1"})
    assert group_metadata_hash({"t": "1", "u": "2"}) == group_metadata_hash({"u": "2", "t": "1"})
    assert group_metadata_hash({"u": ""}) == ""


def member(*topics: str, regex: str = "") -> ConsumerGroupMember:
    return ConsumerGroupMember("m", subscribed_topic_names=frozenset(topics), subscribed_topic_regex=regex)


@pytest.mark.parametrize(
    ("members", "alike"),
    [
        ([], True),
        ([member("t"), member("t")], True),
        ([member("t", "u"), member("t")], False),
        ([member(regex="t.*"), member(regex="t.*")], True),
        ([member(regex="t.*"), member(regex="u.*")], False),
        ([member(regex="t.*"), member("t")], False),
        ([member("u", regex="t.*"), member("u", regex="t.*")], False),
    ],
)
def test_members_are_alike_with_the_same_names_or_the_same_expression(
    members: list[ConsumerGroupMember], alike: bool
) -> None:
    assert subscription_type(members) is (SubscriptionType.HOMOGENEOUS if alike else SubscriptionType.HETEROGENEOUS)


def test_only_expressions_that_somebody_subscribes_to_count() -> None:
    resolved = {regex: ResolvedRegex(frozenset({topic}), 1, 0) for regex, topic in (("x", "tx"), ("y", "ty"))}
    assert subscribed_topics([member("t"), member(regex="x")], resolved) == {"t", "tx"}
