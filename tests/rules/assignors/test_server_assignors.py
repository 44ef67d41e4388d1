"""Which member reads which partition: the assignors of the group coordinator."""

from collections import Counter
from collections.abc import Callable, Mapping
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.assignors import Assignment
from sim.rules.assignors.server import GroupSpec, MemberSpec, PartitionAssignorError, server_range_assign
from sim.rules.assignors.simple import simple_assign
from sim.rules.assignors.uniform import uniform_assign
from sim.rules.topics import TopicPartition

Assign = Callable[[GroupSpec, Mapping[str, int]], Assignment]

COUNTS = st.fixed_dictionaries({topic: st.integers(0, 7) for topic in "rst"})
TOPICS = st.dictionaries(
    st.sampled_from("ABCDE"), st.lists(st.sampled_from("rst"), unique=True), min_size=1, max_size=5
)


def group(topics: Mapping[str, list[str]], former: Assignment | None = None) -> GroupSpec:
    return GroupSpec({m: MemberSpec(listed, (former or {}).get(m, ())) for m, listed in topics.items()})


def named(assignment: Assignment) -> dict[str, str]:
    return {member: " ".join(map(str, partitions)) for member, partitions in assignment.items()}


def deliveries(found: Assignment, topics: Mapping[str, list[str]]) -> Counter[TopicPartition]:
    """How many members each partition goes to; nobody has one twice, or one that it does not subscribe to."""
    assert all(p.topic in topics[member] for member, assigned in found.items() for p in assigned)
    assert all(len(set(assigned)) == len(assigned) for assigned in found.values())
    return Counter(partition for assigned in found.values() for partition in assigned)


def wanted(counts: Mapping[str, int], topics: Mapping[str, list[str]]) -> set[TopicPartition]:
    subscribed = {topic for listed in topics.values() for topic in listed}
    return {TopicPartition(topic, number) for topic in subscribed for number in range(counts[topic])}


def spread(found: Assignment) -> int:
    loads = [len(assigned) for assigned in found.values()]
    return max(loads) - min(loads)


@pytest.mark.parametrize("assign", [uniform_assign, server_range_assign])
@given(counts=COUNTS, topics=TOPICS, later=TOPICS)
def test_each_partition_goes_to_one_subscriber(
    assign: Assign, counts: dict[str, int], topics: dict[str, list[str]], later: dict[str, list[str]]
) -> None:
    first = assign(group(topics), counts)
    second = assign(group(later, first), counts)
    for found, now in ((first, topics), (second, later)):
        assert deliveries(found, now) == Counter(wanted(counts, now))


@given(COUNTS, TOPICS)
def test_share_group_partitions_go_to_one_subscriber_or_more_and_none_is_left_out(
    counts: dict[str, int], topics: dict[str, list[str]]
) -> None:
    assert set(deliveries(simple_assign(group(topics), counts), topics)) == wanted(counts, topics)


@pytest.mark.parametrize("assign", [uniform_assign, simple_assign])
@given(counts=COUNTS, before=st.integers(1, 5), after=st.integers(1, 5))
def test_equal_subscriptions_give_equal_loads_also_after_members_came_or_went(
    assign: Assign, counts: dict[str, int], before: int, after: int
) -> None:
    members = {f"m{number}": sorted(counts) for number in range(5)}
    first = assign(group(dict(list(members.items())[:before])), counts)
    assert spread(first) <= 1
    if assign is uniform_assign or sum(counts.values()) >= max(before, after):
        assert spread(assign(group(dict(list(members.items())[:after]), first), counts)) <= 1


@pytest.mark.parametrize("assign", [uniform_assign, simple_assign])
@given(counts=COUNTS, topics=TOPICS)
def test_nothing_moves_when_nothing_has_changed(
    assign: Assign, counts: dict[str, int], topics: dict[str, list[str]]
) -> None:
    first = assign(group(topics), counts)
    assert assign(group(topics, first), counts) == first


@given(COUNTS, st.integers(1, 4), st.integers(1, 4))
def test_uniform_moves_no_more_than_balance_asks_for(counts: dict[str, int], before: int, after: int) -> None:
    members = {f"m{number}": sorted(counts) for number in range(max(before, after))}
    first = uniform_assign(group(dict(list(members.items())[:before])), counts)
    now = dict(list(members.items())[:after])
    second = uniform_assign(group(now, first), counts)
    lost = {m: len(set(first[m]) - set(second[m])) for m in now if m in first}
    most = -(-sum(counts.values()) // after)
    assert all(count <= max(0, len(first[m]) - most + 1) for m, count in lost.items())


@pytest.mark.parametrize("assign", [uniform_assign, server_range_assign, simple_assign])
@pytest.mark.parametrize("topics", [{"A": ["x"]}, {"A": ["r"], "B": ["r", "x"]}], ids=["equal", "unequal"])
def test_a_topic_that_does_not_exist_is_refused(assign: Assign, topics: dict[str, list[str]]) -> None:
    with pytest.raises(PartitionAssignorError, match="topic x"):
        assign(group(topics), {"r": 3})
    assert assign(GroupSpec({}), {"r": 3}) == {}


def test_range_puts_static_members_first() -> None:
    members = {"A": MemberSpec(["r"]), "B": MemberSpec(["r"], instance_id="i2"), "C": MemberSpec(["r"], (), "i1")}
    assert named(server_range_assign(GroupSpec(members), {"r": 4})) == {"A": "r-3", "B": "r-2", "C": "r-0 r-1"}


def test_uniform_evens_out_overlapping_subscriptions() -> None:
    topics = {"A": ["r"], "B": ["r", "s"], "C": ["s"]}
    former = {"A": [], "B": [TopicPartition("r", n) for n in range(4)], "C": [TopicPartition("s", 0)]}
    found = uniform_assign(group(topics, former), {"r": 4, "s": 1})
    assert named(found) == {"A": "r-2 r-3", "B": "r-0 r-1", "C": "s-0"}


def test_uniform_keeps_partitions_in_the_order_of_a_hash_set_of_sixteen_buckets_or_more() -> None:
    former = {"A": [TopicPartition("r", number) for number in (2, 5)]}
    found = uniform_assign(group({member: ["r"] for member in "ABCDEF"}, former), {"r": 6})
    assert found["A"] == [TopicPartition("r", 2)]


def test_share_group_members_share_partitions_when_there_are_more_of_them() -> None:
    found = simple_assign(group({member: ["r"] for member in "ABCD"}), {"r": 2})
    assert sorted(Counter(p for assigned in found.values() for p in assigned).values()) == [2, 2]
    assert spread(found) == 0


def test_a_share_group_forgets_what_one_member_gave_up_but_not_a_topic_that_all_gave_up() -> None:
    topics = {"A": ["r"], "B": ["s"]}
    former = {"A": [TopicPartition("s", 0), TopicPartition("t", 0)], "B": []}
    assert named(simple_assign(group(topics, former), {"r": 1, "s": 1, "t": 1})) == {"A": "r-0 t-0", "B": "s-0"}


@pytest.mark.parametrize("assign", [uniform_assign, server_range_assign, simple_assign])
def test_a_thousand_partitions_for_a_hundred_members_in_less_than_two_seconds(assign: Assign) -> None:
    counts = {f"t{number:02}": 20 for number in range(50)}
    listed = sorted(counts)
    topics = {f"member-{n:03}": [*listed[n % 7 :: 7], *listed[n % 2 :: 2]] for n in range(100)}
    started = perf_counter()
    first = assign(group(topics), counts)
    del topics["member-042"]
    second = assign(group(topics, first), counts)
    assert perf_counter() - started < 2
    assert set(deliveries(second, topics)) == wanted(counts, topics)
