"""A consumer's membership in a classic group: the requests that make it a member, and what their errors mean.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractCoordinator.java
Fidelity: approximate — an assignment is computed in no time
"""

from collections.abc import Callable
from enum import Enum, auto

from simpy import Event

from sim.actors.client.client_errors import GroupJoinError
from sim.actors.client.coordinator_client import RETRIABLE, Calls, error_of
from sim.actors.consumer.group_member import CommitIdentity, MemberContext
from sim.actors.consumer.heartbeats import Heartbeats
from sim.machine.actor import OwnedProcess
from sim.machine.clock import MILLISECOND
from sim.rules.assignors import Subscription
from sim.rules.errors import ErrorCode
from sim.rules.protocol.group import (
    Assignment,
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    SyncGroupRequest,
    SyncGroupResponse,
)

__all__ = ["MemberState", "Membership", "Protocols"]

JOIN_GROUP_TIMEOUT_LAPSE_MS = 5000
LOST_MEMBERSHIP = (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION)
JOIN_AGAIN_AT_ONCE = (*LOST_MEMBERSHIP, ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.MEMBER_ID_REQUIRED)
Protocols = tuple[tuple[str, Subscription], ...]
Assign = Callable[[JoinGroupResponse], Calls]


class MemberState(Enum):
    """How far a member has come."""

    UNJOINED = auto()
    PREPARING_REBALANCE = auto()
    COMPLETING_REBALANCE = auto()
    STABLE = auto()


class Membership:
    """One consumer's place in its group.

    `needs_join` asks the next poll() to rejoin, `needs_prepare` to give partitions up before; `assignment` is what a
    rebalance has brought, until poll() takes it; `failure` is why a join has failed for good. `assign` does the work
    of the leader: a generator that returns each member's partitions.
    """

    def __init__(self, context: MemberContext, assign: Assign) -> None:
        self._context = context
        self._owner, self._config, self._coordinator = context.owner, context.config, context.coordinator
        self._assign = assign
        self._heartbeats = Heartbeats(
            context.owner, context.config, context.coordinator, self._heard, lambda: self._owner.spawn(self.leave())
        )
        self._joining: OwnedProcess | None = None
        self._next_poll: Event | None = None
        self.state = MemberState.UNJOINED
        self.member_id = ""
        self.generation = -1
        self.needs_join = self.needs_prepare = True
        self.is_leader = False
        self.assignment: Assignment | None = None
        self.failure: Exception | None = None

    @property
    def is_rebalancing(self) -> bool:
        """Whether a JoinGroup or SyncGroup is under way."""
        return self._joining is not None

    @property
    def identity(self) -> CommitIdentity:
        """Who this member is at present."""
        return CommitIdentity(self.generation, self.member_id, self._config.group_instance_id)

    def poll_begins(self) -> None:
        """The application polls: max.poll.interval.ms counts anew, a join under way goes on."""
        self._heartbeats.poll_begins()
        waiting, self._next_poll = self._next_poll, None
        if waiting is not None:
            waiting.succeed()

    def poll_ends(self) -> None:
        """The application goes to work on what it got."""
        self._heartbeats.poll_ends()

    def begin_join(self, protocols: Protocols) -> None:
        """Join, assign if chosen as leader, sync, once. Then `assignment` is there, or `needs_join` asks for more."""
        self._heartbeats.end()
        self.state = MemberState.PREPARING_REBALANCE
        self.is_leader = False
        self._joining = self._owner.spawn(self._join(protocols))

    def leave(self, timeout_ms: int | None = None, *, tell: bool | None = None) -> Calls:
        """Give membership up, and tell the coordinator if it is known; a static member does not tell by default."""
        if self._joining is not None:
            self._joining.end()
            self._joining = None
        was_member = self.state is not MemberState.UNJOINED and bool(self.member_id)
        request = LeaveGroupRequest(self._context.group_id, self.member_id)
        self.reset(keep_member_id=False)
        if tell is None:
            tell = self._config.group_instance_id is None
        if tell and was_member and self._coordinator.coordinator is not None:
            yield from self._coordinator.call(request, timeout_ms)

    def reset(self, *, keep_member_id: bool) -> None:
        """Belong to no generation; the next poll() joins again, as a new member unless the id is kept."""
        self._heartbeats.end()
        self.state = MemberState.UNJOINED
        self.generation = -1
        self.member_id = self.member_id if keep_member_id else ""
        self.needs_join = self.needs_prepare = True
        self.assignment = None

    def refused(self, error: ErrorCode, identity: CommitIdentity) -> ErrorCode:
        """Draw the consequences of the refusal of a commit that was sent under an identity; returns what it comes to.

        Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ConsumerCoordinator.java
            OffsetCommitResponseHandler
        Fidelity: exact
        """
        changed = identity != self.identity
        is_stale = changed and self.state is MemberState.PREPARING_REBALANCE
        if error is ErrorCode.REBALANCE_IN_PROGRESS:
            self.needs_join = True
        elif error in LOST_MEMBERSHIP and not is_stale:
            self.reset(keep_member_id=error is ErrorCode.ILLEGAL_GENERATION)
        elif error in LOST_MEMBERSHIP or (error is ErrorCode.FENCED_INSTANCE_ID and changed):
            return ErrorCode.REBALANCE_IN_PROGRESS if is_stale else ErrorCode.UNKNOWN_MEMBER_ID
        return error

    def _heard(self, error: ErrorCode) -> None:
        """The answer to a heartbeat.

        Source: AbstractCoordinator.HeartbeatResponseHandler
        """
        if error is ErrorCode.REBALANCE_IN_PROGRESS and self.state is MemberState.STABLE:
            self.needs_join = True
        elif error in (*LOST_MEMBERSHIP, ErrorCode.FENCED_INSTANCE_ID):
            self.reset(keep_member_id=error is ErrorCode.ILLEGAL_GENERATION)
            if error is ErrorCode.FENCED_INSTANCE_ID:
                self.failure = GroupJoinError(error, self._context.group_id)
        if error is not ErrorCode.NONE and error not in RETRIABLE:
            self._context.wake()

    def _join(self, protocols: Protocols) -> Calls:
        yield from self._wait_for_poll()
        error = yield from self._join_once(protocols)
        if error is not ErrorCode.NONE:
            self.needs_join = True
            if error not in JOIN_AGAIN_AT_ONCE and error not in RETRIABLE:
                self.failure = GroupJoinError(error, self._context.group_id)
                self.state = MemberState.UNJOINED
            elif error not in JOIN_AGAIN_AT_ONCE:
                yield self._owner.sleep(self._config.retry_backoff_ms * MILLISECOND)
        self._joining = None
        self._context.wake()

    def _join_once(self, protocols: Protocols) -> Calls:
        config = self._config
        identity = self.identity
        request = JoinGroupRequest(
            self._context.group_id,
            self.member_id,
            self._context.client_id,
            config.group_instance_id,
            config.session_timeout_ms,
            config.max_poll_interval_ms,
            protocols,
        )
        patience_ms = max(config.request_timeout_ms, config.max_poll_interval_ms + JOIN_GROUP_TIMEOUT_LAPSE_MS)
        joined = yield from self._coordinator.call(request, patience_ms)
        yield from self._wait_for_poll()
        error = error_of(joined)
        if isinstance(joined, JoinGroupResponse) and error is ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id, self.generation = joined.member_id, -1
        elif error is ErrorCode.UNKNOWN_MEMBER_ID and identity == self.identity:
            self.reset(keep_member_id=False)
        if not isinstance(joined, JoinGroupResponse) or error is not ErrorCode.NONE:
            return error
        self.member_id, self.generation = joined.member_id, joined.generation_id
        self.state = MemberState.COMPLETING_REBALANCE
        self._heartbeats.begin(HeartbeatRequest(self._context.group_id, *self.identity))
        return (yield from self._sync(joined))

    def _wait_for_poll(self) -> Calls:
        """Until JoinGroup is answered, and its answer read, a member gets on only inside poll()."""
        if not self._heartbeats.polling:
            self._next_poll = self._owner.clock.event()
            yield self._next_poll

    def _sync(self, joined: JoinGroupResponse) -> Calls:
        identity = self.identity
        self.is_leader = joined.leader == self.member_id
        assignments = (yield from self._assign(joined)) if self.is_leader else {}
        if identity != self.identity:
            return ErrorCode.REBALANCE_IN_PROGRESS
        generation, member_id, instance_id = identity
        request = SyncGroupRequest(self._context.group_id, generation, member_id, assignments, instance_id)
        synced = yield from self._coordinator.call(request)
        error = error_of(synced)
        if identity != self.identity or self.state is not MemberState.COMPLETING_REBALANCE:
            return ErrorCode.REBALANCE_IN_PROGRESS
        if isinstance(synced, SyncGroupResponse) and error is ErrorCode.NONE:
            self.state = MemberState.STABLE
            self.needs_join = False
            self.assignment = synced.assignment
        elif error in LOST_MEMBERSHIP:
            self.reset(keep_member_id=error is ErrorCode.ILLEGAL_GENERATION)
        return error
