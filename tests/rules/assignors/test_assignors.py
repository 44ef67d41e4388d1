"""Which member reads which partition: the client's assignors."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.rules.assignors import (
    CLIENT_ASSIGNORS,
    Assignment,
    MemberData,
    Subscription,
    cooperative_sticky_assign,
    range_assign,
    round_robin_assign,
    sticky_assign,
)
from sim.rules.topics import TopicPartition

STICKY = ["sticky", "cooperative-sticky"]
COUNTS = st.dictionaries(st.sampled_from("rst"), st.integers(0, 7), max_size=3)
TOPICS = st.dictionaries(
    st.sampled_from("abcde"), st.lists(st.sampled_from("rst"), unique=True, min_size=1), min_size=1, max_size=5
)


def subscribed(topics: Mapping[str, Sequence[str]]) -> dict[str, Subscription]:
    return {member: Subscription(tuple(listed)) for member, listed in topics.items()}


def rejoined(topics: Mapping[str, Sequence[str]], former: Assignment, generation: int = 1) -> dict[str, Subscription]:
    """Members that come back with what they had; those without a former assignment are new."""
    found = subscribed(topics)
    for member in found.keys() & former.keys():
        owned = tuple(former[member])
        found[member] = replace(
            found[member],
            owned_partitions=owned,
            generation_id=generation,
            user_data=MemberData(owned, generation),
        )
    return found


def named(assignment: Assignment) -> dict[str, str]:
    return {member: " ".join(map(str, partitions)) for member, partitions in assignment.items()}


def partitions(*names: str) -> tuple[TopicPartition, ...]:
    return tuple(TopicPartition(name[0], int(name[1:])) for name in names)


def covers_once(found: Assignment, counts: Mapping[str, int], topics: Mapping[str, Sequence[str]]) -> bool:
    wanted = {topic for listed in topics.values() for topic in listed}
    times = Counter(partition for assigned in found.values() for partition in assigned)
    to_subscribers = all(p.topic in topics[member] for member, assigned in found.items() for p in assigned)
    return to_subscribers and len(times) == sum(counts.get(t, 0) for t in wanted) and set(times.values()) <= {1}


def spread(found: Assignment) -> int:
    loads = [len(assigned) for assigned in found.values()]
    return max(loads) - min(loads)


@pytest.mark.parametrize("name", CLIENT_ASSIGNORS)
@given(counts=COUNTS, topics=TOPICS)
def test_covers_each_partition_once_and_only_for_subscribers(
    name: str, counts: dict[str, int], topics: dict[str, list[str]]
) -> None:
    assert covers_once(CLIENT_ASSIGNORS[name](counts, subscribed(topics)), counts, topics)


@pytest.mark.parametrize("name", ["roundrobin", *STICKY])
@given(counts=COUNTS, members=st.integers(1, 5))
def test_balances_equal_subscriptions(name: str, counts: dict[str, int], members: int) -> None:
    topics = {f"m{number}": sorted(counts) for number in range(members)}
    assert spread(CLIENT_ASSIGNORS[name](counts, subscribed(topics))) <= 1


def test_range_orders_static_members_by_instance_id_before_the_others() -> None:
    members = {"a": Subscription(("t",)), "b": Subscription(("t",), group_instance_id="i2")}
    members["c"] = Subscription(("t",), group_instance_id="i1")
    found = range_assign({"t": 3}, members)
    assert [found[member][0].partition for member in "cba"] == [0, 1, 2]


@given(COUNTS, TOPICS)
def test_range_balances_each_topic(counts: dict[str, int], topics: dict[str, list[str]]) -> None:
    found = range_assign(counts, subscribed(topics))
    for topic in counts:
        loads = [sum(p.topic == topic for p in found[member]) for member, listed in topics.items() if topic in listed]
        assert not loads or max(loads) - min(loads) <= 1


RACKS = st.sampled_from(["", "r1", "r2", "r3"])


@given(st.lists(RACKS, min_size=1, max_size=5), st.lists(st.sets(RACKS, max_size=3), min_size=1, max_size=9))
def test_range_with_racks_still_covers_balances_and_aligns(racks: list[str], replicas: list[set[str]]) -> None:
    members = {f"m{number}": Subscription(("r", "s"), rack=rack) for number, rack in enumerate(racks)}
    counts = {"r": len(replicas), "s": len(replicas)}
    found = range_assign(counts, members, {"r": replicas, "s": replicas})
    assert covers_once(found, counts, {member: ["r", "s"] for member in members})
    assert all([p.partition for p in f if p.topic == "r"] == [p.partition for p in f if p.topic == "s"]
               for f in found.values())  # fmt: skip
    assert spread(found) <= 2


def test_range_gives_what_is_in_the_own_rack_first() -> None:
    members = {"a": Subscription(("t",), rack="r1"), "b": Subscription(("t",), rack="r2")}
    replicas = {"t": [["r2"], ["r1"], ["r2"], ["r1"]]}
    assert named(range_assign({"t": 4}, members, replicas)) == {"a": "t-1 t-3", "b": "t-0 t-2"}
    everywhere = {"t": [["r1", "r2"]] * 4}
    assert named(range_assign({"t": 4}, members, everywhere)) == {"a": "t-0 t-1", "b": "t-2 t-3"}


def test_round_robin_skips_members_that_do_not_subscribe() -> None:
    found = round_robin_assign({"r": 1, "s": 2}, subscribed({"a": ["r"], "b": ["r", "s"]}))
    assert named(found) == {"a": "r-0", "b": "s-0 s-1"}


@given(COUNTS, st.integers(1, 4), st.integers(1, 4))
def test_sticky_moves_no_more_than_balance_asks_for(counts: dict[str, int], before: int, after: int) -> None:
    topics = {f"m{number}": sorted(counts) for number in range(max(before, after))}
    first = sticky_assign(counts, subscribed(dict(list(topics.items())[:before])))
    now = dict(list(topics.items())[:after])
    second = sticky_assign(counts, rejoined(now, first))
    assert covers_once(second, counts, now)
    assert spread(second) <= 1
    quota, above = divmod(sum(counts.values()), after)
    kept = sum(len(set(first[m]) & set(second[m])) for m in now if m in first)
    loads = sorted((len(first[m]) for m in now if m in first), reverse=True)
    assert kept == sum(min(load, quota + (position < above)) for position, load in enumerate(loads))


@pytest.mark.parametrize("name", STICKY)
@given(counts=COUNTS, topics=TOPICS)
def test_sticky_leaves_everything_when_nothing_has_changed(
    name: str, counts: dict[str, int], topics: dict[str, list[str]]
) -> None:
    assign = CLIENT_ASSIGNORS[name]
    first = assign(counts, subscribed(topics))
    again = assign(counts, rejoined(topics, first))
    assert {m: sorted(found) for m, found in again.items()} == {m: sorted(found) for m, found in first.items()}


@given(COUNTS, TOPICS)
def test_sticky_gives_nobody_two_less_than_a_member_whose_partition_it_could_take(
    counts: dict[str, int], topics: dict[str, list[str]]
) -> None:
    found = sticky_assign(counts, subscribed(topics))
    for member, listed in topics.items():
        others = [other for other, assigned in found.items() if any(p.topic in listed for p in assigned)]
        assert all(len(found[other]) <= len(found[member]) + 1 for other in others)


@given(COUNTS, TOPICS, TOPICS)
def test_cooperative_withholds_what_moves_and_hands_it_out_in_the_next_round(
    counts: dict[str, int], before: dict[str, list[str]], after: dict[str, list[str]]
) -> None:
    first = cooperative_sticky_assign(counts, subscribed(before))
    members = rejoined(after, first)
    second = cooperative_sticky_assign(counts, members)
    for member, found in second.items():
        held_by_others = {p for other in after if other != member for p in members[other].owned_partitions}
        assert held_by_others.isdisjoint(found)
    rounds = [second]
    while len(rounds) < 5 and not covers_once(rounds[-1], counts, after):
        rounds.append(cooperative_sticky_assign(counts, rejoined(after, rounds[-1], len(rounds) + 1)))
    assert covers_once(rounds[-1], counts, after)


def test_the_newer_claim_wins_and_equal_claims_cancel_each_other() -> None:
    t0, t1, t2 = partitions("t0", "t1", "t2")
    new = Subscription(("t",), (t0, t1), 5, user_data=MemberData((t0, t1), 5))
    old = Subscription(("t",), (t0, t2), 4, user_data=MemberData((t0, t2), 4))
    for assign in (sticky_assign, cooperative_sticky_assign):
        assert named(assign({"t": 4}, {"a": old, "b": new})) == {"a": "t-2 t-3", "b": "t-0 t-1"}
    twin = replace(old, generation_id=5, user_data=MemberData((t0, t2), 5))
    assert named(sticky_assign({"t": 4}, {"a": twin, "b": new})) == {"a": "t-2 t-0", "b": "t-1 t-3"}
    assert named(cooperative_sticky_assign({"t": 4}, {"a": twin, "b": new})) == {"a": "t-2", "b": "t-1 t-3"}


def test_sticky_reads_user_data_and_cooperative_what_the_member_still_owns() -> None:
    (t1,) = partitions("t1")
    members = {"a": Subscription(("t",), (), 3, user_data=MemberData((t1,), 3)), "b": Subscription(("t",), (t1,), 3)}
    assert named(sticky_assign({"t": 2}, members)) == {"a": "t-1", "b": "t-0"}
    assert named(cooperative_sticky_assign({"t": 2}, members)) == {"a": "t-0", "b": "t-1"}


def test_an_owner_of_an_older_generation_gets_its_partition_back_where_that_balances() -> None:
    owned, former = partitions("r0", "r1", "r2", "r3"), partitions("q0", "r0")
    members = {
        "a": Subscription(("r",), owned, 2, user_data=MemberData(owned, 2)),
        "b": Subscription(("q", "r"), former, 1, user_data=MemberData(former, 1)),
        "c": Subscription(("r",)),
    }
    assert named(sticky_assign({"q": 1, "r": 4}, members)) == {"a": "r-2 r-3", "b": "q-0 r-0", "c": "r-1"}
    members["b"] = replace(members["b"], user_data=MemberData(former[:1], 1))
    assert named(sticky_assign({"q": 1, "r": 4}, members)) == {"a": "r-2 r-3", "b": "q-0 r-1", "c": "r-0"}


def test_sticky_prefers_the_own_rack_within_balance() -> None:
    members = {m: Subscription(("t",), rack=rack) for m, rack in (("a", "r1"), ("b", "r2"))}
    replicas = {"t": [["r2"], ["r1"], ["r2"], ["r1"], ["r2"]]}
    assert named(sticky_assign({"t": 5}, members, replicas)) == {"a": "t-1 t-3", "b": "t-0 t-2 t-4"}
    uneven = {"a": replace(members["a"], topics=("t", "u")), "b": members["b"]}
    assert named(sticky_assign({"t": 4, "u": 0}, uneven, replicas)) == {"a": "t-1 t-3", "b": "t-0 t-2"}


@given(
    st.lists(st.tuples(RACKS, st.booleans()), min_size=1, max_size=5),
    st.lists(st.sets(RACKS, max_size=3), min_size=1, max_size=9),
)
def test_sticky_with_racks_still_covers_and_balances(members: list[tuple[str, bool]], replicas: list[set[str]]) -> None:
    counts = {"r": len(replicas), "s": 2}
    topics = {f"m{n}": ["r", "s"] if both else ["r"] for n, (_, both) in enumerate(members)}
    joined = {m: replace(s, rack=rack) for (m, s), (rack, _) in zip(subscribed(topics).items(), members, strict=True)}
    found = sticky_assign(counts, joined, {"r": replicas, "s": replicas})
    assert covers_once(found, counts, topics)
    assert len({both for _, both in members}) > 1 or spread(found) <= 1


@pytest.mark.parametrize("name", STICKY)
@pytest.mark.parametrize("equal", [True, False], ids=["equal", "unequal"])
def test_a_thousand_partitions_for_a_hundred_members_in_less_than_two_seconds(name: str, equal: bool) -> None:
    counts = {f"t{number:02}": 20 for number in range(50)}
    listed = sorted(counts)
    topics = {f"member-{n:03}": listed if equal else [*listed[n % 7 :: 7], *listed[n % 2 :: 2]] for n in range(100)}
    started = perf_counter()
    first = CLIENT_ASSIGNORS[name](counts, subscribed(topics))
    del topics["member-042"]
    second = CLIENT_ASSIGNORS[name](counts, rejoined(topics, first))
    assert perf_counter() - started < 2
    assert covers_once(first, counts, {**topics, "member-042": listed})
    assert covers_once(second, counts, topics)
    assert sum(len(set(first[member]) - set(second[member])) for member in topics) <= 10
