"""The classic group: states, members, generations."""

from typing import Any

import pytest

from sim.rules.assignors import Subscription
from sim.rules.errors import ErrorCode
from sim.rules.groups.groups import ClassicGroup, GroupState, Member

PAYMENTS = Subscription(("payments",))


def member(name: str, *protocols: str, **facts: Any) -> Member:
    return Member(name, dict.fromkeys(protocols or ("range",), PAYMENTS), **facts)


def preparing(*members: Member) -> ClassicGroup:
    group = ClassicGroup("fraud")
    for one in members:
        group.add(one)
    group.transition_to(GroupState.PREPARING_REBALANCE)
    return group


def stable(*members: Member) -> ClassicGroup:
    group = preparing(*members)
    group.init_next_generation()
    for one in members:
        one.awaiting_join = False
    group.transition_to(GroupState.STABLE)
    return group


def test_group_refuses_a_move_that_kafka_does_not_know() -> None:
    group = ClassicGroup("fraud")
    with pytest.raises(ValueError, match="cannot move from Empty to Stable"):
        group.transition_to(GroupState.STABLE)
    assert group.state is GroupState.EMPTY


def test_rebalance_starts_only_from_states_that_kafka_allows() -> None:
    group = ClassicGroup("fraud")
    assert group.can_rebalance()
    group.transition_to(GroupState.PREPARING_REBALANCE)
    assert not group.can_rebalance()
    group.transition_to(GroupState.DEAD)
    assert not group.can_rebalance()


def test_generation_counts_up_with_a_protocol_or_without_members() -> None:
    group = preparing(member("a"), member("b"))
    group.init_next_generation()
    assert (group.generation, group.state, group.protocol_name) == (1, GroupState.COMPLETING_REBALANCE, "range")
    assert group.subscribed_topics == frozenset({"payments"})
    assert group.subscriptions() == {"a": PAYMENTS, "b": PAYMENTS}
    group.transition_to(GroupState.PREPARING_REBALANCE)
    group.remove("a")
    group.remove("b")
    group.init_next_generation()
    assert (group.generation, group.state, group.protocol_name) == (2, GroupState.EMPTY, None)
    assert group.subscribed_topics == frozenset()


def test_most_first_votes_among_common_protocols_win() -> None:
    group = preparing(
        member("a", "sticky", "range", "roundrobin"),
        member("b", "roundrobin", "range"),
        member("c", "range", "roundrobin"),
    )
    assert group.candidate_protocols() == ["range", "roundrobin"]
    assert group.select_protocol() == "range"
    with pytest.raises(ValueError, match="empty group"):
        ClassicGroup("fraud").select_protocol()


def test_member_without_a_common_protocol_may_not_join() -> None:
    group = preparing(member("a", "range"))
    assert not group.supports_protocols("consumer", ["sticky"])
    assert not group.supports_protocols("connect", ["range"])
    assert group.supports_protocols("consumer", ["sticky", "range"])
    with pytest.raises(ValueError, match="shares no protocol"):
        group.add(member("b", "sticky"))
    assert list(group.members) == ["a"]


def test_rebalance_waits_for_all_known_and_expected_members() -> None:
    first, second = member("a", rebalance_timeout_ms=60_000), member("b", rebalance_timeout_ms=300_000)
    group = stable(first, second)
    group.transition_to(GroupState.PREPARING_REBALANCE)
    assert group.not_yet_rejoined_members() == [first, second]
    group.update(first, first.protocols, 60_000, 45_000)
    assert not group.has_all_members_joined()
    group.update(second, second.protocols, 300_000, 45_000)
    assert group.has_all_members_joined()
    group.pending_join_members.add("c")
    assert not group.has_all_members_joined()
    group.remove("c")
    assert group.has_all_members_joined()
    assert group.rebalance_timeout_ms() == 300_000
    assert ClassicGroup("empty").rebalance_timeout_ms() == 0


def test_leader_is_the_first_and_is_replaced_when_it_leaves_or_stays_away() -> None:
    first, second, third = member("a"), member("b"), member("c")
    group = stable(first, second, third)
    assert group.is_leader("a")
    group.remove("a")
    assert group.is_leader("b")
    assert not group.elect_joined_leader()
    third.awaiting_join = True
    assert group.elect_joined_leader()
    assert group.is_leader("c")
    group.remove("b")
    group.remove("c")
    assert group.leader_id is None
    assert not group.elect_joined_leader()


def test_static_member_returns_under_a_new_id_with_its_assignment() -> None:
    group = stable(member("old", group_instance_id="one"), member("b"))
    group.members["old"].assignment = ["payments-0"]
    new = group.replace_static_member("one", "old", "new")
    assert group.has_static_member("one")
    assert group.is_leader("new")
    assert (new.assignment, group.group_instance_ids()) == (["payments-0"], {"new": "one"})
    assert group.validate_member("old", "one") is ErrorCode.FENCED_INSTANCE_ID
    assert group.validate_member("new", "two") is ErrorCode.UNKNOWN_MEMBER_ID
    assert group.validate_member("new", "one") is None
    with pytest.raises(ValueError, match="already in group"):
        group.add(member("other", group_instance_id="one"))
    with pytest.raises(ValueError, match="unknown member"):
        group.replace_static_member("one", "old", "newer")
    group.remove("new")
    assert not group.has_static_member("one")


def test_commit_needs_the_member_and_the_generation() -> None:
    group = stable(member("a"))
    assert group.validate_commit("a", 1) is None
    assert group.validate_commit("a", 0) is ErrorCode.ILLEGAL_GENERATION
    assert group.validate_commit("z", 1) is ErrorCode.UNKNOWN_MEMBER_ID
    assert group.validate_commit("", -1) is ErrorCode.UNKNOWN_MEMBER_ID
    assert group.validate_commit("", -1, is_transactional=True) is None
    assert group.validate_commit("a", 1, group_instance_id="one") is ErrorCode.UNKNOWN_MEMBER_ID


def test_commit_of_the_last_generation_is_taken_while_members_join_but_not_while_they_sync() -> None:
    group = stable(member("a"))
    group.transition_to(GroupState.PREPARING_REBALANCE)
    assert group.validate_commit("a", 1) is None
    group.init_next_generation()
    assert group.validate_commit("a", 1) is ErrorCode.ILLEGAL_GENERATION
    assert group.validate_commit("a", 2) is ErrorCode.REBALANCE_IN_PROGRESS
    assert group.validate_commit("a", 2, is_transactional=True) is None


def test_outsiders_commit_only_to_an_empty_group_and_nobody_to_a_dead_one() -> None:
    group = ClassicGroup("fraud")
    assert group.validate_commit("", -1) is None
    assert group.validate_commit("a", 0) is ErrorCode.UNKNOWN_MEMBER_ID
    group.transition_to(GroupState.DEAD)
    assert group.validate_commit("", -1) is ErrorCode.COORDINATOR_NOT_AVAILABLE


def test_waiting_members_need_no_heartbeat_unless_they_are_new() -> None:
    one = member("a")
    assert not one.has_satisfied_heartbeat()
    one.awaiting_sync = True
    assert one.has_satisfied_heartbeat()
    one.is_new = True
    assert not one.has_satisfied_heartbeat()


def test_rejoining_with_the_same_protocols_in_another_order_is_a_change() -> None:
    one = member("a", "range", "sticky")
    assert one.matches({"range": PAYMENTS, "sticky": PAYMENTS})
    assert not one.matches({"sticky": PAYMENTS, "range": PAYMENTS})
    assert not one.matches({"range": Subscription(("alerts",)), "sticky": PAYMENTS})
    with pytest.raises(ValueError, match="does not support"):
        one.vote(["roundrobin"])


def test_next_generation_forgets_who_had_yet_to_sync() -> None:
    group = preparing(member("a"))
    group.init_next_generation()
    group.pending_sync_members.add("a")
    assert not group.has_received_sync_from_all_members()
    group.transition_to(GroupState.PREPARING_REBALANCE)
    group.init_next_generation()
    assert group.has_received_sync_from_all_members()
    group.members["a"].assignment = "all of it"
    assert group.assignments() == {"a": "all of it"}
