"""A voter of the metadata quorum: its role, its epoch, and what messages and time-outs make of them.

Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java, QuorumState.java
Fidelity: approximate — the first life begins with the first voter as leader, and writing the quorum-state file costs
    nothing
Left out: snapshots, voters that come and go (KIP-853), resigning at a clean shutdown.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.client.network_client import Directory
from sim.actors.client.timed_requests import TimedRequests
from sim.actors.controller.metadata_log import MetadataLog
from sim.actors.controller.quorum_fetcher import QuorumFetcher
from sim.actors.controller.quorum_leader import QuorumLeader
from sim.actors.controller.quorum_nominee import QuorumNominee
from sim.machine.clock import MILLISECOND
from sim.machine.timer import Timer
from sim.rules.config import BrokerConfig
from sim.rules.errors import ErrorCode
from sim.rules.facts.quorum import ControllerResigned
from sim.rules.protocol.controller import FetchMetadataRequest
from sim.rules.protocol.messages import Message
from sim.rules.protocol.raft import (
    BeginQuorumEpochRequest,
    EndQuorumEpochRequest,
    FetchQuorumRequest,
    QuorumResponse,
    VoteRequest,
    VoteResponse,
)
from sim.rules.raft.election import answer_vote, election_timeout_ms, succession_backoff_ms
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

if TYPE_CHECKING:
    from sim.actors.controller.controller import Controller

__all__ = ["RaftClient"]


class RaftClient:
    """The voter of one controller; its log and `stored`, the quorum-state file, outlive the process."""

    def __init__(
        self,
        controller: "Controller",
        node_id: int,
        voters: Sequence[int],
        config: BrokerConfig,
        directory: Directory,
    ) -> None:
        self.controller = controller
        self.node_id = node_id
        self.voters = voters
        self.config = config
        self._directory = directory
        self.log = MetadataLog(controller, config.controller_quorum_append_linger_ms * MILLISECOND, self._appended)
        self.stored: ElectionState | None = None
        self.state = QuorumState(Role.UNATTACHED, 0)
        self.leader: QuorumLeader | None = None
        self._nominee: QuorumNominee | None = None
        self._fetcher = QuorumFetcher(self)
        self._timer = Timer(controller, self._time_over)
        self._round = 0

    @property
    def others(self) -> list[int]:
        """The other voters."""
        return [voter for voter in self.voters if voter != self.node_id]

    @property
    def retry_backoff(self) -> int:
        """Nanoseconds from a failed request to the next."""
        return self.config.controller_quorum_retry_backoff_ms * MILLISECOND

    def begin(self) -> None:
        """The process begins, with what is on its disk."""
        self.log.recover()
        self.state = QuorumState(Role.UNATTACHED, 0)
        self.leader = self._nominee = None
        config = self.config
        timeout_ms, backoff_ms = config.controller_quorum_request_timeout_ms, config.controller_quorum_retry_backoff_ms
        self._network = TimedRequests(self.controller, self._directory, timeout_ms, backoff_ms)
        self._enter(initial_state(self.node_id, self.voters, self.stored, self.log.disk.end.epoch))

    def ask(self, voter: int, body: Message, then: Callable[[int, Message], None]) -> None:
        """Send to another voter; the answer, or failure, counts only while the role and the epoch stay the same."""
        asked_in = self._round

        def answered(answer: Message) -> None:
            if asked_in == self._round:
                then(voter, answer)

        self._network.send(voter, body, answered)

    def later(self, delay: int, function: Callable[..., None], *arguments: object) -> None:
        """Call a function after a delay in nanoseconds unless role or epoch have changed by then."""
        booked_in = self._round

        def due() -> None:
            if booked_in == self._round:
                function(*arguments)

        self.controller.after(delay, due)

    def accepts(self, answer: QuorumResponse) -> bool:
        """Take in who leads which epoch; whether the rest of the answer counts."""
        after, counts = after_response(self.state, answer.error, answer.epoch, answer.leader_id)
        self._enter_if_new(after)
        return counts

    def vote(self, request: ServerRequest, body: VoteRequest) -> None:
        """Answer a request for a vote."""
        answer = answer_vote(self.state, body.voter_id, body.epoch, body.log_end, body.pre_vote, self.log.disk.end)
        voted = answer.state.voted_id is not None and answer.state != self.state
        if voted:
            self._enter(answer.state, self._election_timeout())
        else:
            self._enter_if_new(answer.state)
        request.reply(VoteResponse(answer.error, self.state.epoch, self.state.leader_id, answer.granted))

    def begin_quorum_epoch(self, request: ServerRequest, body: BeginQuorumEpochRequest) -> None:
        """Hear of a leader."""
        self._answer_leader(request, body.epoch, body.leader_id)

    def end_quorum_epoch(self, request: ServerRequest, body: EndQuorumEpochRequest) -> None:
        """Hear that the leader has resigned: the most up to date of its followers stands first."""
        self._answer_leader(request, body.epoch, body.leader_id)
        if self.state.role is Role.FOLLOWER and self.state.leader_id == body.leader_id:
            backoff_max_ms = self.config.controller_quorum_election_backoff_max_ms
            backoff_ms = succession_backoff_ms(self.node_id, body.preferred_successors, backoff_max_ms)
            self._timer.set(backoff_ms * MILLISECOND)

    def fetch(self, request: ServerRequest, body: FetchQuorumRequest) -> None:
        """Answer the fetch of another voter."""
        error = leader_request_error(self.state, body.epoch)
        if self.leader is None or error is not ErrorCode.NONE:
            request.reply(self.refusal(error))
        else:
            self.leader.fetch(request, body)

    def observe(self, request: ServerRequest, body: FetchMetadataRequest) -> None:
        """Answer the fetch of a broker."""
        error = leader_request_error(self.state, body.epoch)
        if error is not ErrorCode.NONE:
            request.reply(self.refusal(error))
        else:
            self.log.fetch(request, body.fetch_offset)

    def refusal(self, error: ErrorCode) -> QuorumResponse:
        """An answer that says nothing but who leads which epoch."""
        return QuorumResponse(error, self.state.epoch, self.state.leader_id)

    def followed_leader(self) -> None:
        """The leader has answered a fetch."""
        self.state = replace(self.state, has_fetched=True)
        self._timer.set(self.config.controller_quorum_fetch_timeout_ms * MILLISECOND)

    def won(self) -> None:
        """A majority would vote for this voter, so it stands; or has voted, so it leads."""
        if self.state.role is Role.PROSPECTIVE:
            self._enter(QuorumState(Role.CANDIDATE, self.state.epoch + 1, None, self.node_id))
        else:
            self._enter(replace(self.state, role=Role.LEADER, leader_id=self.node_id))

    def lost(self) -> None:
        """A majority has refused; a candidate waits until its election is over."""
        if self.state.role is Role.PROSPECTIVE:
            self._enter(after_lost_election(self.state))

    def resign(self) -> None:
        """No majority has fetched for too long."""
        self._enter(replace(self.state, role=Role.RESIGNED))

    def _answer_leader(self, request: ServerRequest, epoch: int, leader_id: int) -> None:
        error = voter_request_error(self.state, epoch)
        if error is ErrorCode.NONE:
            self._enter_if_new(learned(self.state, epoch, leader_id))
        request.reply(self.refusal(error))

    def _appended(self) -> None:
        if self.leader is not None:
            self.leader.appended()

    def _enter_if_new(self, state: QuorumState) -> None:
        if state is not self.state:
            self._enter(state)

    def _enter(self, state: QuorumState, timeout: int | None = None) -> None:
        """Begin a role; an unattached voter keeps the rest of its time-out unless told otherwise."""
        before, self.state = self.state, state
        self._round += 1
        timeout = self._timeout_in(before, state) if timeout is None else timeout
        leader, self.leader, self._nominee = self.leader, None, None
        first_life, self.stored = self.stored is None, state.election
        if leader is not None:
            leader.end()
            self.controller.announce(ControllerResigned(self.node_id, before.epoch))
            self.controller.deactivate(self.refusal(ErrorCode.NOT_LEADER_OR_FOLLOWER))
        if state.role is Role.LEADER:
            self._timer.cancel()
            self.leader = QuorumLeader(self)
            self.leader.begin(elected=not first_life and len(self.voters) > 1)
            return
        self._timer.set(timeout)
        if state.role in (Role.PROSPECTIVE, Role.CANDIDATE):
            self._nominee = QuorumNominee(self)
            self._nominee.begin()
        elif state.role is Role.RESIGNED:
            self._tell_of_resignation(() if leader is None else leader.successors)
        else:
            self._fetcher.fetch()

    def _timeout_in(self, before: QuorumState, state: QuorumState) -> int:
        if state.role is Role.LEADER:
            return 0
        if state.role is Role.FOLLOWER:
            return self.config.controller_quorum_fetch_timeout_ms * MILLISECOND
        rejected = before.role is Role.PROSPECTIVE and self._nominee is not None and self._nominee.is_rejected
        waited = before.epoch > 0 and before.role not in (Role.FOLLOWER, Role.LEADER) and not rejected
        return self._timer.remaining if state.role is Role.UNATTACHED and waited else self._election_timeout()

    def _election_timeout(self) -> int:
        base_ms = self.config.controller_quorum_election_timeout_ms
        return election_timeout_ms(base_ms, self.controller.random.randrange(base_ms) if base_ms else 0) * MILLISECOND

    def _time_over(self) -> None:
        """Nothing was heard of a leader, or an election is over without one."""
        role = self.state.role
        if role is Role.PROSPECTIVE:
            self.lost()
        elif role is Role.RESIGNED:
            self._enter(QuorumState(Role.UNATTACHED, self.state.epoch + 1))
        else:
            self._enter(replace(self.state, role=Role.PROSPECTIVE, has_fetched=False))

    def _tell_of_resignation(self, successors: Sequence[int]) -> None:
        for voter in self.others:
            self._tell(voter, EndQuorumEpochRequest(self.node_id, self.state.epoch, successors))

    def _tell(self, voter: int, body: EndQuorumEpochRequest) -> None:
        def answered(_: int, answer: Message) -> None:
            if isinstance(answer, QuorumResponse):
                self.accepts(answer)
            else:
                self.later(self.retry_backoff, self._tell, voter, body)

        self.ask(voter, body, answered)
