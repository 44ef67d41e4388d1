"""What a voter is in its epoch, and what messages make of it."""

import pytest

from sim.rules.errors import ErrorCode
from sim.rules.raft.quorum_state import (
    ElectionState,
    QuorumState,
    Role,
    after_lost_election,
    after_response,
    initial_state,
    leader_request_error,
    learned,
    voter_request_error,
)

VOTERS = (100, 101, 102)


@pytest.mark.parametrize(
    ("stored", "last_log_epoch", "role", "epoch"),
    [
        (ElectionState(3, leader_id=101), 3, Role.RESIGNED, 3),
        (ElectionState(3, leader_id=102), 3, Role.FOLLOWER, 3),
        (ElectionState(3, voted_id=101), 2, Role.CANDIDATE, 3),
        (ElectionState(3, voted_id=100), 2, Role.UNATTACHED, 3),
        (ElectionState(3), 2, Role.UNATTACHED, 3),
        (ElectionState(3, leader_id=101), 4, Role.UNATTACHED, 4),
    ],
)
def test_a_process_begins_as_its_quorum_state_file_says(
    stored: ElectionState, last_log_epoch: int, role: Role, epoch: int
) -> None:
    state = initial_state(101, VOTERS, stored, last_log_epoch)
    assert (state.role, state.epoch) == (role, epoch)
    if epoch == stored.epoch:
        assert state.election == stored


def test_a_new_disk_belongs_to_a_running_quorum_led_by_the_first_voter() -> None:
    first, second = (initial_state(node_id, VOTERS, None, 0) for node_id in (100, 101))
    assert (first.role, second.role) == (Role.LEADER, Role.FOLLOWER)
    assert first.election == second.election == ElectionState(1, 100)


def test_the_only_voter_leads_again_at_once_in_its_old_epoch() -> None:
    assert initial_state(100, (100,), ElectionState(1, 100), 1) == QuorumState(Role.LEADER, 1, 100)


@pytest.mark.parametrize("role", list(Role))
def test_a_higher_epoch_deposes_everybody_and_a_lower_one_nobody(role: Role) -> None:
    state = QuorumState(role, 3, voted_id=100)
    assert learned(state, 4, None) == QuorumState(Role.UNATTACHED, 4)
    assert learned(state, 4, 102) == QuorumState(Role.FOLLOWER, 4, 102)
    assert learned(state, 2, 102) is state
    assert learned(state, 3, None) is state


@pytest.mark.parametrize("role", [Role.UNATTACHED, Role.PROSPECTIVE, Role.CANDIDATE])
def test_who_knows_no_leader_follows_the_first_it_hears_of_and_keeps_its_vote(role: Role) -> None:
    assert learned(QuorumState(role, 3, voted_id=101), 3, 102) == QuorumState(Role.FOLLOWER, 3, 102, 101)
    knows = QuorumState(Role.PROSPECTIVE, 3, leader_id=102)
    assert learned(knows, 3, 102) is knows


@pytest.mark.parametrize(
    ("error", "epoch", "leader_id", "after", "counts"),
    [
        (ErrorCode.NONE, 3, 102, QuorumState(Role.FOLLOWER, 3, 102), True),
        (ErrorCode.NONE, 2, 101, QuorumState(Role.FOLLOWER, 3, 102), False),
        (ErrorCode.UNKNOWN_LEADER_EPOCH, 4, 101, QuorumState(Role.FOLLOWER, 3, 102), False),
        (ErrorCode.FENCED_LEADER_EPOCH, 4, None, QuorumState(Role.UNATTACHED, 4), False),
        (ErrorCode.NOT_LEADER_OR_FOLLOWER, 4, 101, QuorumState(Role.FOLLOWER, 4, 101), False),
        (ErrorCode.NOT_LEADER_OR_FOLLOWER, 3, 102, QuorumState(Role.FOLLOWER, 3, 102), False),
        (ErrorCode.NONE, 4, 101, QuorumState(Role.FOLLOWER, 4, 101), False),
    ],
)
def test_only_an_answer_of_the_own_epoch_counts(
    error: ErrorCode, epoch: int, leader_id: int | None, after: QuorumState, counts: bool
) -> None:
    assert after_response(QuorumState(Role.FOLLOWER, 3, 102), error, epoch, leader_id) == (after, counts)


def test_a_lost_pre_vote_leads_back_to_the_known_leader() -> None:
    knows = QuorumState(Role.PROSPECTIVE, 3, leader_id=102, voted_id=101, has_fetched=True)
    assert after_lost_election(knows) == QuorumState(Role.FOLLOWER, 3, 102, 101)
    assert after_lost_election(QuorumState(Role.PROSPECTIVE, 3)) == QuorumState(Role.UNATTACHED, 3)


def test_requests_are_refused_by_epoch_and_role() -> None:
    leader, follower = QuorumState(Role.LEADER, 3, 100), QuorumState(Role.FOLLOWER, 3, 100)
    assert [leader_request_error(leader, epoch) for epoch in (2, 3, 4)] == [
        ErrorCode.FENCED_LEADER_EPOCH,
        ErrorCode.NONE,
        ErrorCode.UNKNOWN_LEADER_EPOCH,
    ]
    assert leader_request_error(follower, 3) is ErrorCode.NOT_LEADER_OR_FOLLOWER
    assert [voter_request_error(follower, epoch) for epoch in (2, 3, 4)] == [
        ErrorCode.FENCED_LEADER_EPOCH,
        ErrorCode.NONE,
        ErrorCode.NONE,
    ]
