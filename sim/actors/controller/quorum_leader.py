"""The leader of the metadata quorum: it answers the voters' fetches, and commits what a majority has.

Source: raft/src/main/java/org/apache/kafka/raft/LeaderState.java, KafkaRaftClient.java pollLeader, handleFetchRequest,
    maybeSendBeginQuorumEpochRequests; KIP-1166
Fidelity: approximate — a fetch that brings nothing new waits for the next append or commit, never shorter
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.controller.metadata_log import MAX_FETCH_WAIT
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadline, Deadlines
from sim.machine.timer import Timer
from sim.rules.controller.metadata import LeaderChange
from sim.rules.errors import ErrorCode
from sim.rules.facts.quorum import ControllerElected
from sim.rules.protocol.messages import Message
from sim.rules.protocol.raft import BeginQuorumEpochRequest, FetchQuorumRequest, FetchQuorumResponse, QuorumResponse
from sim.rules.raft.replication import (
    check_quorum_timeout_ms,
    is_followed,
    preferred_successors,
    quorum_high_watermark,
)

if TYPE_CHECKING:
    from sim.actors.controller.raft_client import RaftClient

__all__ = ["QuorumLeader"]


class QuorumLeader:
    """One leadership; `end` it when the voter is something else."""

    def __init__(self, raft: "RaftClient") -> None:
        self._raft = raft
        self._epoch_start_offset = raft.log.disk.end_offset
        self._end_offsets: dict[int, int | None] = dict.fromkeys(raft.voters)
        self._high_watermark = -1
        self._fetched: dict[int, None] = {}
        self._heard_at: dict[int, int] = {}
        self._waiting: dict[ServerRequest, tuple[FetchQuorumRequest, Deadline]] = {}
        self._patience = Deadlines(raft.controller, MAX_FETCH_WAIT)
        self._check_quorum = Timer(raft.controller, raft.resign)

    @property
    def successors(self) -> Sequence[int]:
        """The other voters, the most up to date first."""
        return preferred_successors(self._raft.node_id, self._end_offsets)

    def begin(self, elected: bool) -> None:
        """Lead: an elected leader must first commit a record of its epoch; one from the start has nothing to prove."""
        raft = self._raft
        raft.log.epoch = raft.state.epoch
        if len(raft.voters) > 1:
            self._rest_quorum_timer()
        if elected:
            raft.log.disk.epochs.assign(raft.state.epoch, self._epoch_start_offset)
            self._tell_voters()
            raft.log.append_now([LeaderChange(raft.node_id)])
        else:
            self._epoch_start_offset = -1
            self._high_watermark = raft.log.committed.offset
            if len(raft.voters) > 1:
                raft.later(self._begin_interval, self._tell_voters)
            raft.controller.activate()

    def end(self) -> None:
        """Whoever fetches is told to look for the new leader."""
        self._check_quorum.cancel()
        waiting, self._waiting = self._waiting, {}
        for request, (_, deadline) in waiting.items():
            deadline.cancel()
            request.reply(self._raft.refusal(ErrorCode.NOT_LEADER_OR_FOLLOWER))

    def appended(self) -> None:
        """The own log has grown."""
        self._end_offsets[self._raft.node_id] = self._raft.log.disk.end_offset
        self._commit()
        self._answer_waiting()

    def fetch(self, request: ServerRequest, body: FetchQuorumRequest) -> None:
        """Answer a voter of this epoch, at once if there is something to tell."""
        raft = self._raft
        self._heard_at[body.voter_id] = raft.controller.now
        divergence = raft.log.disk.divergence(*body.log_end)
        if divergence is not None:
            request.reply(FetchQuorumResponse(ErrorCode.NONE, raft.state.epoch, raft.node_id, divergence=divergence))
            return
        self._note(body)
        if raft.log.disk.end_offset > body.log_end.offset or self._high_watermark > body.high_watermark:
            self._answer(request, body)
        else:
            self._waiting[request] = body, self._patience.book(self._answer, request, body)

    def _note(self, body: FetchQuorumRequest) -> None:
        """A voter has the log up to its fetch offset, and follows."""
        self._end_offsets[body.voter_id] = body.log_end.offset
        self._fetched[body.voter_id] = None
        if is_followed(self._fetched, len(self._raft.voters)):
            self._fetched.clear()
            self._rest_quorum_timer()
        if self._commit():
            self._answer_waiting()

    def _commit(self) -> bool:
        """Whether the high watermark has risen; the first time, the controller begins its work."""
        raft = self._raft
        high_watermark = quorum_high_watermark(self._end_offsets, self._epoch_start_offset)
        if high_watermark is None or high_watermark < self._high_watermark:
            return False
        first, risen = self._high_watermark < 0, high_watermark > self._high_watermark
        self._high_watermark = high_watermark
        raft.log.commit(high_watermark)
        if first:
            raft.controller.announce(ControllerElected(raft.node_id, raft.state.epoch))
            raft.controller.activate()
        return risen

    def _answer_waiting(self) -> None:
        waiting, self._waiting = self._waiting, {}
        for request, (body, deadline) in waiting.items():
            deadline.cancel()
            self._answer(request, body)

    def _answer(self, request: ServerRequest, body: FetchQuorumRequest) -> None:
        self._waiting.pop(request, None)
        raft = self._raft
        batches = raft.log.disk.batches_from(body.log_end.offset)
        epoch, leader_id = raft.state.epoch, raft.node_id
        request.reply(FetchQuorumResponse(ErrorCode.NONE, epoch, leader_id, batches, self._high_watermark))

    def _rest_quorum_timer(self) -> None:
        timeout_ms = check_quorum_timeout_ms(self._raft.config.controller_quorum_fetch_timeout_ms)
        self._check_quorum.set(timeout_ms * MILLISECOND)

    @property
    def _begin_interval(self) -> int:
        return self._raft.config.controller_quorum_fetch_timeout_ms // 2 * MILLISECOND

    def _tell_voters(self) -> None:
        """Make the leadership known to the voters that have not fetched lately."""
        raft = self._raft
        for voter in raft.others:
            if raft.controller.now - self._heard_at.get(voter, -self._begin_interval) >= self._begin_interval:
                raft.ask(voter, BeginQuorumEpochRequest(raft.node_id, raft.state.epoch), self._told)
        raft.later(self._begin_interval, self._tell_voters)

    def _told(self, _: int, answer: Message) -> None:
        if isinstance(answer, QuorumResponse):
            self._raft.accepts(answer)
