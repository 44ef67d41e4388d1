"""Who gets a vote, who has won, how long one waits."""

import pytest

from sim.rules.errors import ErrorCode
from sim.rules.raft.election import (
    EpochElection,
    LogEnd,
    answer_vote,
    can_grant_vote,
    election_timeout_ms,
    succession_backoff_ms,
)
from sim.rules.raft.quorum_state import QuorumState, Role

END = LogEnd(2, 10)


def test_the_log_that_ends_in_the_higher_epoch_is_more_up_to_date_then_the_longer_one() -> None:
    assert LogEnd(3, 5) > LogEnd(2, 50)
    assert LogEnd(2, 11) > LogEnd(2, 10)
    assert LogEnd(2, 10) >= LogEnd(2, 10)


@pytest.mark.parametrize(
    ("state", "vote", "pre_vote"),
    [
        (QuorumState(Role.UNATTACHED, 3), True, True),
        (QuorumState(Role.UNATTACHED, 3, voted_id=101), True, True),
        (QuorumState(Role.UNATTACHED, 3, voted_id=102), False, True),
        (QuorumState(Role.UNATTACHED, 3, leader_id=102), False, True),
        (QuorumState(Role.PROSPECTIVE, 3), True, True),
        (QuorumState(Role.PROSPECTIVE, 3, leader_id=102), False, True),
        (QuorumState(Role.FOLLOWER, 3, leader_id=102), False, True),
        (QuorumState(Role.FOLLOWER, 3, leader_id=102, has_fetched=True), False, False),
        (QuorumState(Role.CANDIDATE, 3, voted_id=100), False, True),
        (QuorumState(Role.RESIGNED, 3, leader_id=100), False, True),
        (QuorumState(Role.LEADER, 3, leader_id=100), False, False),
    ],
)
def test_votes_and_pre_votes_by_role(state: QuorumState, vote: bool, pre_vote: bool) -> None:
    assert can_grant_vote(state, 101, True, pre_vote=False) is vote
    assert can_grant_vote(state, 101, True, pre_vote=True) is pre_vote
    assert can_grant_vote(state, 101, False, pre_vote=True) is False
    assert can_grant_vote(state, 101, False, pre_vote=False) is (state.voted_id == 101)


def test_a_vote_is_remembered_and_given_once_in_an_epoch() -> None:
    answer = answer_vote(QuorumState(Role.FOLLOWER, 3, 102, has_fetched=True), 101, 4, END, False, END)
    assert (answer.error, answer.granted) == (ErrorCode.NONE, True)
    assert answer.state == QuorumState(Role.UNATTACHED, 4, None, 101)
    again = answer_vote(answer.state, 101, 4, END, False, END)
    assert (again.state, again.granted) == (answer.state, True)
    other = answer_vote(answer.state, 100, 4, LogEnd(3, 99), False, END)
    assert (other.state, other.granted) == (answer.state, False)


def test_a_pre_vote_changes_nothing_in_its_own_epoch() -> None:
    state = QuorumState(Role.UNATTACHED, 3)
    answer = answer_vote(state, 101, 3, END, True, END)
    assert answer.granted
    assert answer.state is state


def test_a_candidate_behind_gets_no_vote_but_its_epoch_counts() -> None:
    answer = answer_vote(QuorumState(Role.LEADER, 3, 100), 101, 4, LogEnd(2, 9), False, END)
    assert (answer.error, answer.granted) == (ErrorCode.NONE, False)
    assert answer.state == QuorumState(Role.UNATTACHED, 4)


def test_an_old_epoch_is_fenced_and_an_impossible_one_invalid() -> None:
    state = QuorumState(Role.UNATTACHED, 3)
    assert answer_vote(state, 101, 2, LogEnd(1, 9), False, END).error is ErrorCode.FENCED_LEADER_EPOCH
    assert answer_vote(state, 101, 3, LogEnd(3, 9), False, END).error is ErrorCode.INVALID_REQUEST
    assert answer_vote(state, 101, 3, LogEnd(4, 9), True, END).error is ErrorCode.INVALID_REQUEST
    assert answer_vote(state, 101, 3, LogEnd(3, 9), True, END).error is ErrorCode.NONE


@pytest.mark.parametrize(("voters", "needed"), [(1, 0), (3, 1), (5, 2)])
def test_an_election_is_won_by_a_majority_and_lost_when_none_can_be_had(voters: int, needed: int) -> None:
    ids = range(100, 100 + voters)
    won, lost = EpochElection(100, ids), EpochElection(100, ids)
    for number, voter in enumerate(ids[1:], 1):
        assert won.is_granted is (number > needed)
        assert lost.is_rejected is (number > voters - voters // 2)
        won.record(voter, True)
        lost.record(voter, False)
    assert won.is_granted
    assert lost.is_rejected is (voters > 1)
    assert (won.unrecorded, won.is_rejected) == ([], False)
    assert EpochElection(100, ids).unrecorded == list(ids[1:])


def test_waiting_times() -> None:
    assert [election_timeout_ms(1000, draw) for draw in (0, 999)] == [1000, 1999]
    assert [succession_backoff_ms(voter, (101, 102), 1000) for voter in (101, 102, 103)] == [0, 500, 1000]
    five = (101, 102, 103, 104)
    assert [succession_backoff_ms(voter, five, 1000) for voter in (*five, 105)] == [0, 125, 250, 500, 1000]
    assert succession_backoff_ms(101, (), 1000) == 0
