"""A member as it sees itself: states, local assignments, and what the next heartbeat says."""

import pytest

from sim.rules.groups.consumer_membership import (
    NO_ASSIGNMENT,
    LocalAssignment,
    LocalMembership,
    MembershipState,
    valid_transition,
)
from sim.rules.groups.heartbeat_fields import HeartbeatFields, MemberWishes
from tests.rules.consumer_groups import parts

S = MembershipState
WISHES = MemberWishes("g", "c", None, "rack", 300_000, None, ("t",))


def joined(epoch: int = 1, *numbers: int) -> LocalMembership:
    """A member that has joined and taken its assignment over."""
    member = LocalMembership("m")
    member.join()
    member.heard(epoch, parts(*numbers))
    member.acknowledge(member.target)
    member.heartbeat_sent()
    return member


def test_a_join_ends_in_a_stable_state_when_the_assignment_is_acknowledged() -> None:
    member = LocalMembership("m")
    member.join()
    assert (member.state, member.sends_at_once, member.member_epoch) == (S.JOINING, True, 0)
    member.heartbeat_sent()
    assert member.state is S.JOINING
    member.heard(3, parts(0, 1))
    assert (member.state, member.has_to_reconcile, member.member_epoch) == (S.RECONCILING, True, 3)
    member.acknowledge(member.target)
    assert (member.state, member.sends_at_once) == (S.ACKNOWLEDGING, True)
    member.heartbeat_sent()
    assert (member.state, member.sends_at_once) == (S.STABLE, False)


def test_even_an_empty_first_assignment_is_taken_over() -> None:
    member = LocalMembership("m")
    member.join()
    member.heard(1, frozenset())
    assert member.state is S.RECONCILING


def test_the_same_assignment_again_changes_nothing() -> None:
    member = joined(1, 0, 1)
    member.heard(2, parts(0, 1))
    assert (member.state, member.member_epoch) == (S.STABLE, 2)
    member.heard(2, None)
    assert member.state is S.STABLE


def test_a_newer_assignment_during_the_acknowledgement_is_reconciled_next() -> None:
    member = joined(1, 0, 1)
    member.heard(1, parts(0))
    first = member.target
    member.heard(2, parts(0, 5))
    member.acknowledge(first)
    member.heartbeat_sent()
    assert member.has_to_reconcile
    assert member.target == LocalAssignment(2, parts(0, 5))


def test_a_fenced_member_begins_at_epoch_0() -> None:
    member = joined(4, 0)
    member.fence()
    assert (member.state, member.member_epoch, member.is_outside) == (S.FENCED, 0, True)
    member.heard(9, parts(1))
    assert member.state is S.FENCED
    member.forget_assignment()
    member.join()
    assert (member.state, member.current, member.join_count) == (S.JOINING, NO_ASSIGNMENT, 2)


def test_leaving_needs_one_heartbeat_and_ignores_assignments() -> None:
    member = joined(4, 0)
    member.leave(-1)
    member.heard(5, parts(1))
    assert (member.state, member.member_epoch) == (S.LEAVING, -1)
    member.heartbeat_sent()
    assert member.state is S.UNSUBSCRIBED


def test_a_member_whose_application_polls_too_seldom_becomes_stale_and_may_join_again() -> None:
    member = joined(4, 0)
    member.leave(-1, is_poll_expired=True)
    member.heartbeat_sent()
    assert (member.state, member.is_outside) == (S.STALE, True)
    member.join()
    assert member.state is S.JOINING


def test_a_member_that_is_fenced_while_leaving_does_not_come_back() -> None:
    for prepared in (True, False):
        member = joined(4, 0)
        if prepared:
            member.transition_to(S.PREPARE_LEAVING)
        else:
            member.leave(-1)
        member.fence()
        assert member.state is S.UNSUBSCRIBED


def test_moves_that_kafka_does_not_know_are_errors() -> None:
    assert not valid_transition(S.UNSUBSCRIBED, S.STABLE)
    assert valid_transition(S.JOINING, S.STABLE)
    with pytest.raises(ValueError, match="from UNSUBSCRIBED to ACKNOWLEDGING"):
        LocalMembership("m").acknowledge(NO_ASSIGNMENT)
    fatal = LocalMembership("m")
    fatal.transition_to(S.FATAL)
    fatal.join()
    assert fatal.state is S.FATAL


def test_a_heartbeat_says_everything_first_and_then_only_what_is_new() -> None:
    member, fields = LocalMembership("m"), HeartbeatFields()
    member.join()
    first = fields.request(member, WISHES)
    assert first.is_full
    assert (first.rack_id, first.topic_partitions, first.subscribed_topic_regex) == ("rack", frozenset(), None)
    member.heard(1, parts(0))
    member.acknowledge(member.target)
    second = fields.request(member, WISHES)
    assert second.topic_partitions == parts(0)
    assert (second.subscribed_topic_names, second.rebalance_timeout_ms, second.rack_id) == (None, -1, None)
    third = fields.request(member, WISHES)
    assert third.topic_partitions is None


def test_an_assignment_that_comes_back_is_told_again() -> None:
    member, fields = joined(1, 0), HeartbeatFields()
    fields.request(member, WISHES)
    member.heard(1, parts(0, 1))
    member.heard(1, parts(0))
    member.acknowledge(member.target)
    assert fields.request(member, WISHES).topic_partitions == parts(0)


def test_after_an_error_everything_is_said_again() -> None:
    member, fields = joined(1, 0), HeartbeatFields()
    assert fields.request(member, WISHES).is_full
    assert not fields.request(member, WISHES).is_full
    fields.reset()
    assert fields.request(member, WISHES).is_full


def test_a_regular_expression_is_taken_back_with_an_empty_one() -> None:
    member, fields = joined(1), HeartbeatFields()
    with_regex = MemberWishes("g", "c", None, None, 1, "range", (), "t.*")
    said = fields.request(member, with_regex)
    assert (said.subscribed_topic_regex, said.server_assignor) == ("t.*", "range")
    again = fields.request(member, with_regex)
    assert (again.subscribed_topic_regex, again.server_assignor) == (None, None)
    assert fields.request(member, WISHES).subscribed_topic_regex == ""
