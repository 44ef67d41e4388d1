"""Elections of the metadata quorum: who gets a vote, who has won, how long to wait."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from sim.rules.errors import ErrorCode
from sim.rules.raft.quorum_state import QuorumState, Role, learned, voter_request_error

__all__ = [
    "EpochElection",
    "LogEnd",
    "VoteAnswer",
    "answer_vote",
    "can_grant_vote",
    "election_timeout_ms",
    "succession_backoff_ms",
]


class LogEnd(NamedTuple):
    """Where a log ends: the epoch of its last record and the offset after it; the greater one is more up to date.

    Source: server-common/src/main/java/org/apache/kafka/server/common/OffsetAndEpoch.java
    Fidelity: exact
    """

    epoch: int
    offset: int


def can_grant_vote(state: QuorumState, candidate_id: int, is_log_up_to_date: bool, pre_vote: bool) -> bool:
    """Whether a voter gives its vote, or says that it would (a pre-vote), to a candidate of its own epoch.

    A follower would not while its leader answers it: that keeps a voter that was cut off from disturbing the others.

    Source: raft/src/main/java/org/apache/kafka/raft/QuorumState.java unattachedOrProspectiveCanGrantVote, and
        canGrantVote of FollowerState.java, CandidateState.java, LeaderState.java, ResignedState.java; KIP-996
    Fidelity: exact
    """
    if state.role in (Role.UNATTACHED, Role.PROSPECTIVE):
        if pre_vote:
            return is_log_up_to_date
        if state.voted_id is not None:
            return state.voted_id == candidate_id
        return state.leader_id is None and is_log_up_to_date
    if state.role is Role.FOLLOWER:
        return pre_vote and is_log_up_to_date and not state.has_fetched
    return pre_vote and is_log_up_to_date and state.role is not Role.LEADER


@dataclass(frozen=True, slots=True)
class VoteAnswer:
    """What a voter is after a request for its vote, and what it answers."""

    state: QuorumState
    error: ErrorCode
    granted: bool


def answer_vote(
    state: QuorumState, candidate_id: int, epoch: int, candidate_end: LogEnd, pre_vote: bool, own_end: LogEnd
) -> VoteAnswer:
    """Answer a request for a vote; a newer epoch is taken over before, a vote given is remembered.

    Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java handleVoteRequest
    Fidelity: exact
    """
    if candidate_end.epoch > epoch or (candidate_end.epoch == epoch and not pre_vote):
        return VoteAnswer(state, ErrorCode.INVALID_REQUEST, False)
    error = voter_request_error(state, epoch)
    if error is not ErrorCode.NONE:
        return VoteAnswer(state, error, False)
    after = learned(state, epoch, None)
    granted = can_grant_vote(after, candidate_id, candidate_end >= own_end, pre_vote)
    if granted and not pre_vote and after.voted_id is None:
        after = replace(after, voted_id=candidate_id)
    return VoteAnswer(after, ErrorCode.NONE, granted)


class EpochElection:
    """The votes of one election, the own one given from the start.

    Source: raft/src/main/java/org/apache/kafka/raft/internals/EpochElection.java
    Fidelity: exact
    """

    def __init__(self, local_id: int, voters: Sequence[int]) -> None:
        self._votes: dict[int, bool | None] = dict.fromkeys(voters)
        self._votes[local_id] = True
        self._majority = len(voters) // 2 + 1

    def record(self, voter_id: int, granted: bool) -> None:
        """A voter has answered."""
        self._votes[voter_id] = granted

    @property
    def unrecorded(self) -> list[int]:
        """The voters that have not answered."""
        return [voter for voter, vote in self._votes.items() if vote is None]

    @property
    def is_granted(self) -> bool:
        """Whether a majority has granted."""
        return sum(vote is True for vote in self._votes.values()) >= self._majority

    @property
    def is_rejected(self) -> bool:
        """Whether a majority can no longer be had."""
        return sum(vote is not False for vote in self._votes.values()) < self._majority


def election_timeout_ms(timeout_ms: int, draw_ms: int) -> int:
    """How long an election may last, or an unattached voter waits; `draw_ms` is drawn from 0 up to the time-out.

    Source: raft/src/main/java/org/apache/kafka/raft/QuorumState.java randomElectionTimeoutMs
    Fidelity: exact
    """
    return timeout_ms + draw_ms


def succession_backoff_ms(local_id: int, successors: Sequence[int], backoff_max_ms: int) -> int:
    """How long a follower waits, after its leader has resigned, before it stands itself; the first at once.

    Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java strictExponentialElectionBackoffMs
    Fidelity: exact
    """
    if local_id not in successors:
        return backoff_max_ms if successors else 0
    position = successors.index(local_id)
    if position == 0:
        return 0
    return min(backoff_max_ms, (backoff_max_ms >> (len(successors) - 1)) << (position - 1))
