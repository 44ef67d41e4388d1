"""What a voter of the metadata quorum is in an epoch, and what messages make of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from sim.rules.errors import ErrorCode

__all__ = [
    "ElectionState",
    "QuorumState",
    "Role",
    "after_lost_election",
    "after_response",
    "initial_state",
    "leader_request_error",
    "learned",
    "voter_request_error",
]


class Role(Enum):
    """The states of a voter.

    Source: raft/src/main/java/org/apache/kafka/raft/QuorumState.java and the states beside it
    Fidelity: exact
    """

    UNATTACHED = "unattached"
    FOLLOWER = "follower"
    PROSPECTIVE = "prospective"
    CANDIDATE = "candidate"
    LEADER = "leader"
    RESIGNED = "resigned"


@dataclass(frozen=True, slots=True)
class ElectionState:
    """The quorum-state file, which outlives the process: the epoch, its leader if known, and who got this vote.

    Source: raft/src/main/java/org/apache/kafka/raft/ElectionState.java, FileQuorumStateStore.java
    Fidelity: exact
    """

    epoch: int
    leader_id: int | None = None
    voted_id: int | None = None


@dataclass(frozen=True, slots=True)
class QuorumState:
    """A voter in its epoch; a follower `has_fetched` once its leader has answered a fetch."""

    role: Role
    epoch: int
    leader_id: int | None = None
    voted_id: int | None = None
    has_fetched: bool = False

    @property
    def election(self) -> ElectionState:
        """What the quorum-state file holds."""
        return ElectionState(self.epoch, self.leader_id, self.voted_id)


def initial_state(
    local_id: int, voters: Sequence[int], stored: ElectionState | None, last_log_epoch: int
) -> QuorumState:
    """What a process begins as; a former leader has resigned, so that it cannot lead, nor vote, in that epoch again.

    A voter without a quorum-state file belongs to a quorum that has long been running: the first voter leads epoch 1.
    The only voter leads at once.

    Source: raft/src/main/java/org/apache/kafka/raft/QuorumState.java initialize, KafkaRaftClient.java initialize
    Fidelity: approximate — the first life begins with a leader, and the only voter goes on in its old epoch
    """
    if stored is None:
        stored = ElectionState(1, voters[0])
        role = Role.LEADER if local_id == voters[0] else Role.FOLLOWER
        return QuorumState(role, stored.epoch, stored.leader_id)
    if len(voters) == 1:
        return QuorumState(Role.LEADER, stored.epoch, local_id)
    if stored.epoch < last_log_epoch:
        return QuorumState(Role.UNATTACHED, last_log_epoch)
    if stored.leader_id is not None:
        role = Role.RESIGNED if stored.leader_id == local_id else Role.FOLLOWER
    else:
        role = Role.CANDIDATE if stored.voted_id == local_id else Role.UNATTACHED
    return QuorumState(role, stored.epoch, stored.leader_id, stored.voted_id)


def learned(state: QuorumState, epoch: int, leader_id: int | None) -> QuorumState:
    """What a message of an epoch makes of a replica: a follower of a leader not known before, or unattached.

    The same object when it changes nothing; an older epoch never does.

    Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java maybeTransition
    Fidelity: exact
    """
    if epoch > state.epoch:
        return QuorumState(Role.UNATTACHED if leader_id is None else Role.FOLLOWER, epoch, leader_id)
    if epoch == state.epoch and leader_id is not None and state.leader_id is None:
        return QuorumState(Role.FOLLOWER, epoch, leader_id, state.voted_id)
    return state


def after_response(state: QuorumState, error: ErrorCode, epoch: int, leader_id: int | None) -> tuple[QuorumState, bool]:
    """What a response makes of who asked, and whether its content counts: only in the own epoch, without an error.

    Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java maybeHandleCommonResponse
    Fidelity: approximate — who becomes a follower by an answer fetches once more for its content
    """
    if epoch < state.epoch or error is ErrorCode.UNKNOWN_LEADER_EPOCH:
        return state, False
    after = learned(state, epoch, leader_id)
    return after, after is state and error is ErrorCode.NONE


def after_lost_election(state: QuorumState) -> QuorumState:
    """A prospective that a majority has refused, or that has waited too long, returns to its leader if it knows one.

    Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java prospectiveTransitionAfterElectionLoss
    Fidelity: exact
    """
    return replace(state, role=Role.UNATTACHED if state.leader_id is None else Role.FOLLOWER, has_fetched=False)


def voter_request_error(state: QuorumState, epoch: int) -> ErrorCode:
    """Whether a request between voters is refused, as it comes from an older epoch.

    Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java validateVoterOnlyRequest
    Fidelity: exact
    """
    return ErrorCode.FENCED_LEADER_EPOCH if epoch < state.epoch else ErrorCode.NONE


def leader_request_error(state: QuorumState, epoch: int) -> ErrorCode:
    """Whether a request for the leader of an epoch is refused, by another epoch or by a voter that does not lead.

    Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java validateLeaderOnlyRequest
    Fidelity: exact
    """
    if epoch < state.epoch:
        return ErrorCode.FENCED_LEADER_EPOCH
    if epoch > state.epoch:
        return ErrorCode.UNKNOWN_LEADER_EPOCH
    return ErrorCode.NONE if state.role is Role.LEADER else ErrorCode.NOT_LEADER_OR_FOLLOWER
