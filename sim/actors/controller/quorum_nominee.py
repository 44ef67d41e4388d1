"""A voter that stands for election, or asks first whether it would win.

Source: raft/src/main/java/org/apache/kafka/raft/ProspectiveState.java, CandidateState.java, KafkaRaftClient.java
    maybeSendVoteRequests, handleVoteResponse, maybeHandleElectionLoss; KIP-996
Fidelity: exact
"""

from typing import TYPE_CHECKING

from sim.rules.protocol.messages import Message
from sim.rules.protocol.raft import VoteRequest, VoteResponse
from sim.rules.raft.election import EpochElection
from sim.rules.raft.quorum_state import Role

if TYPE_CHECKING:
    from sim.actors.controller.raft_client import RaftClient

__all__ = ["QuorumNominee"]


class QuorumNominee:
    """One election; whoever does not answer is asked again while it can still be won."""

    def __init__(self, raft: "RaftClient") -> None:
        self._raft = raft
        self._election = EpochElection(raft.node_id, raft.voters)

    @property
    def is_rejected(self) -> bool:
        """Whether a majority can no longer be had."""
        return self._election.is_rejected

    def begin(self) -> None:
        """Ask all others."""
        for voter in self._election.unrecorded:
            self._ask(voter)

    def _ask(self, voter: int) -> None:
        raft = self._raft
        if not self.is_rejected:
            pre_vote = raft.state.role is Role.PROSPECTIVE
            raft.ask(voter, VoteRequest(raft.node_id, raft.state.epoch, raft.log.disk.end, pre_vote), self._answered)

    def _answered(self, voter: int, answer: Message) -> None:
        if not isinstance(answer, VoteResponse):
            self._raft.later(self._raft.retry_backoff, self._ask, voter)
        elif self._raft.accepts(answer):
            self._election.record(voter, answer.granted)
            if self._election.is_granted:
                self._raft.won()
            elif self._election.is_rejected:
                self._raft.lost()
