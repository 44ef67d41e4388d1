"""Which member reads which partition."""

from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.assignors import Assignment, range_assign, round_robin_assign
from tests.vector_files import vectors

ASSIGNORS = {"range": range_assign, "roundrobin": round_robin_assign}
COUNTS = st.dictionaries(st.sampled_from("rst"), st.integers(0, 7), max_size=3)
SUBSCRIPTIONS = st.dictionaries(
    st.sampled_from("abcde"), st.lists(st.sampled_from("rst"), unique=True), min_size=1, max_size=5
)


@pytest.mark.parametrize(
    "vector",
    [vector for vector in vectors("client_assignor") if vector["assignor"] in ASSIGNORS],
    ids=lambda vector: vector["id"],
)
def test_assigns_as_kafka(vector: dict[str, Any]) -> None:
    assign = ASSIGNORS[vector["assignor"]]
    for step in vector["steps"]:
        found = assign(step["topics"], step["subscriptions"], vector.get("group_instance_ids"))
        named = {member: [str(partition) for partition in partitions] for member, partitions in found.items()}
        assert named == step["assignment"]


def test_range_orders_static_members_by_instance_id_before_the_others() -> None:
    found = range_assign({"t": 3}, {"a": ["t"], "b": ["t"], "c": ["t"]}, {"c": "i1", "b": "i2"})
    assert [found[member][0].partition for member in "cba"] == [0, 1, 2]


def covers_once(found: Assignment, counts: dict[str, int], subscriptions: dict[str, list[str]]) -> bool:
    wanted = {topic for topics in subscriptions.values() for topic in topics}
    times = Counter(partition for partitions in found.values() for partition in partitions)
    return len(times) == sum(counts.get(topic, 0) for topic in wanted) and set(times.values()) <= {1}


@given(COUNTS, SUBSCRIPTIONS)
def test_range_covers_each_partition_once_and_balances_each_topic(
    counts: dict[str, int], subscriptions: dict[str, list[str]]
) -> None:
    found = range_assign(counts, subscriptions)
    assert covers_once(found, counts, subscriptions)
    for topic in counts:
        shares = [
            sum(partition.topic == topic for partition in found[member])
            for member, topics in subscriptions.items()
            if topic in topics
        ]
        assert not shares or max(shares) - min(shares) <= 1


@given(COUNTS, st.integers(1, 5))
def test_range_aligns_topics_of_equal_partition_count(counts: dict[str, int], members: int) -> None:
    topics = sorted(counts)
    found = range_assign(dict.fromkeys(topics, 5), {f"m{number}": topics for number in range(members)})
    for partitions in found.values():
        by_topic = [[p.partition for p in partitions if p.topic == topic] for topic in topics]
        assert all(numbers == by_topic[0] for numbers in by_topic)


@given(COUNTS, SUBSCRIPTIONS)
def test_round_robin_covers_each_partition_once_for_its_subscribers(
    counts: dict[str, int], subscriptions: dict[str, list[str]]
) -> None:
    found = round_robin_assign(counts, subscriptions)
    assert covers_once(found, counts, subscriptions)
    assert all(p.topic in subscriptions[member] for member, partitions in found.items() for p in partitions)


@given(COUNTS, st.integers(1, 5))
def test_round_robin_balances_equal_subscriptions(counts: dict[str, int], members: int) -> None:
    found = round_robin_assign(counts, {f"m{number}": sorted(counts) for number in range(members)})
    shares = [len(partitions) for partitions in found.values()]
    assert max(shares) - min(shares) <= 1
