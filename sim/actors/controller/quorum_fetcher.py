"""A voter that follows a leader, or looks for one: it fetches the metadata log.

Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java pollFollowerAsVoter, pollUnattachedAsVoter,
    handleFetchResponse; RequestManager.java
Fidelity: approximate — an answer that names no new leader is followed by the retry backoff, too
"""

from typing import TYPE_CHECKING

from sim.rules.protocol.messages import Message
from sim.rules.protocol.raft import FetchQuorumRequest, FetchQuorumResponse, QuorumResponse
from sim.rules.raft.quorum_state import Role

if TYPE_CHECKING:
    from sim.actors.controller.raft_client import RaftClient

__all__ = ["QuorumFetcher"]


class QuorumFetcher:
    """One fetch at a time: from the leader, after a failure in turn from any other voter, who may know a new one."""

    def __init__(self, raft: "RaftClient") -> None:
        self._raft = raft

    def fetch(self) -> None:
        """Fetch from the leader if one is known, else from any other voter."""
        leader_id = self._raft.state.leader_id
        self._fetch_from(self._any(None) if leader_id is None else leader_id)

    def _any(self, but: int | None) -> int:
        """Any other voter, if possible not this one."""
        voters = [voter for voter in self._raft.others if voter != but]
        return self._raft.controller.random.choice(voters)

    def _fetch_from(self, voter: int) -> None:
        raft = self._raft
        high_watermark = raft.log.committed.offset
        raft.ask(
            voter, FetchQuorumRequest(raft.node_id, raft.state.epoch, raft.log.disk.end, high_watermark), self._answered
        )

    def _answered(self, voter: int, answer: Message) -> None:
        raft = self._raft
        if isinstance(answer, QuorumResponse):
            before = raft.state
            if raft.accepts(answer) and isinstance(answer, FetchQuorumResponse):
                self._take(answer)
                raft.followed_leader()
                self.fetch()
                return
            if raft.state is not before:
                return
        raft.later(raft.retry_backoff, self._fetch_again, voter)

    def _fetch_again(self, failed: int) -> None:
        raft = self._raft
        if raft.state.role is Role.FOLLOWER and raft.state.leader_id != failed:
            self.fetch()
        else:
            self._fetch_from(self._any(failed))

    def _take(self, answer: FetchQuorumResponse) -> None:
        """Append, or cut off first what the leader does not have."""
        log = self._raft.log
        if answer.divergence is not None:
            log.truncate(answer.divergence)
            return
        log.replicate(answer.batches)
        log.commit(min(answer.high_watermark, log.disk.end_offset))
