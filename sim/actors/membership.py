"""A consumer's membership in a classic group: join, sync, and keep the session alive.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractCoordinator.java, Heartbeat.java
Fidelity: approximate — one heartbeat is in flight at a time; an assignment is computed in no time
Left out: cooperative rebalancing, a new rebalance when a subscribed topic gets more partitions.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto

from simpy import Event

from sim.actors.client_errors import GroupJoinError
from sim.actors.client_metadata import ClientMetadata
from sim.actors.coordinator_client import LOST_COORDINATOR, RETRIABLE, Calls, CoordinatorClient, error_of
from sim.machine.actor import Actor, OwnedProcess
from sim.machine.clock import MILLISECOND
from sim.rules.assignors import range_assign, round_robin_assign
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode
from sim.rules.group_protocol import (
    Assignment,
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    SyncGroupRequest,
    SyncGroupResponse,
)
from sim.rules.protocol import Message

__all__ = ["ASSIGNORS", "MemberState", "Membership"]

ASSIGNORS = {"range": range_assign, "roundrobin": round_robin_assign}
JOIN_GROUP_TIMEOUT_LAPSE_MS = 5000
HEARTBEAT_LAG = 5 * MILLISECOND
"""How late the next heartbeat is (estimated): the heartbeat thread looks at its timer some thirty times in between."""

LOST_MEMBERSHIP = (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION)
JOIN_AGAIN_AT_ONCE = (*LOST_MEMBERSHIP, ErrorCode.REBALANCE_IN_PROGRESS, ErrorCode.MEMBER_ID_REQUIRED)


class MemberState(Enum):
    """How far a member has come."""

    UNJOINED = auto()
    PREPARING_REBALANCE = auto()
    COMPLETING_REBALANCE = auto()
    STABLE = auto()


class Membership:
    """One consumer's place in its group.

    `topics` were subscribed to when it joined last; `needs_join` asks the next poll() to rejoin; `assignment` is what a
    rebalance has brought, until poll() takes it; `failure` is why there will be no membership.
    """

    def __init__(
        self,
        owner: Actor,
        group_id: str,
        client_id: str,
        config: ConsumerConfig,
        coordinator: CoordinatorClient,
        metadata: ClientMetadata,
        wake: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._group_id = group_id
        self._client_id = client_id
        self._config = config
        self._coordinator = coordinator
        self._metadata = metadata
        self._wake = wake
        self._strategies = tuple(name for name in config.assignors if name in ASSIGNORS) or ("range",)
        self._session = 0
        self._heartbeat_sent_at = self._heard_at = 0
        self._joining: OwnedProcess | None = None
        self.topics: Sequence[str] = ()
        self.state = MemberState.UNJOINED
        self.member_id = ""
        self.generation = -1
        self.needs_join = True
        self.assignment: Assignment | None = None
        self.failure: Exception | None = None
        self._last_poll = owner.now
        self._polling = False
        self._next_poll: Event | None = None

    @property
    def is_rebalancing(self) -> bool:
        """Whether a JoinGroup or SyncGroup is under way."""
        return self._joining is not None

    def poll_begins(self) -> None:
        """The application polls: max.poll.interval.ms counts anew, a join under way goes on."""
        self._last_poll = self._owner.now
        self._polling = True
        waiting, self._next_poll = self._next_poll, None
        if waiting is not None:
            waiting.succeed()

    def poll_ends(self) -> None:
        """The application goes to work on what it got."""
        self._last_poll = self._owner.now
        self._polling = False

    def begin_join(self, topics: Sequence[str]) -> None:
        """Join, assign if chosen as leader, sync; again until it succeeds. Then `assignment` is there."""
        self.topics = topics
        self.state = MemberState.PREPARING_REBALANCE
        self._joining = self._owner.spawn(self._join(topics))

    def leave(self, *, tell: bool = True) -> Calls:
        """Give membership up, and tell the coordinator if it is known; a static member does not tell."""
        if self._joining is not None:
            self._joining.end()
            self._joining = None
        was_member = self.state is not MemberState.UNJOINED and bool(self.member_id)
        request = LeaveGroupRequest(self._group_id, self.member_id)
        self.reset(keep_member_id=False)
        if tell and was_member and self._config.group_instance_id is None and self._coordinator.coordinator is not None:
            yield from self._coordinator.call(request)

    def reset(self, *, keep_member_id: bool) -> None:
        """Belong to no generation; the next poll() joins again, as a new member unless the id is kept."""
        self._session += 1
        self.state = MemberState.UNJOINED
        self.generation = -1
        self.member_id = self.member_id if keep_member_id else ""
        self.needs_join = True
        self.assignment = None

    def refused(self, error: ErrorCode, generation: int) -> ErrorCode:
        """Draw the consequences of a refusal of what was sent in a generation; returns what it comes to."""
        if error is ErrorCode.REBALANCE_IN_PROGRESS:
            self.needs_join = True
        elif error in LOST_MEMBERSHIP:
            if generation != self.generation and self.is_rebalancing:
                return ErrorCode.REBALANCE_IN_PROGRESS
            if generation == self.generation:
                self.reset(keep_member_id=error is ErrorCode.ILLEGAL_GENERATION)
        elif error is ErrorCode.FENCED_INSTANCE_ID:
            self.failure = GroupJoinError(error, self._group_id)
        return error

    def _join(self, topics: Sequence[str]) -> Calls:
        while True:
            yield from self._wait_for_poll()
            error = yield from self._join_once(topics)
            if error is ErrorCode.NONE:
                self.state = MemberState.STABLE
                break
            if error in LOST_MEMBERSHIP:
                self.reset(keep_member_id=error is ErrorCode.ILLEGAL_GENERATION)
            elif error not in JOIN_AGAIN_AT_ONCE and error not in RETRIABLE:
                self.failure = GroupJoinError(error, self._group_id)
                self.state = MemberState.UNJOINED
                break
            self.state = MemberState.PREPARING_REBALANCE
            if error not in JOIN_AGAIN_AT_ONCE:
                yield self._owner.sleep(self._config.retry_backoff_ms * MILLISECOND)
        self._joining = None
        self._wake()

    def _join_once(self, topics: Sequence[str]) -> Calls:
        config = self._config
        request = JoinGroupRequest(
            self._group_id,
            self.member_id,
            self._client_id,
            config.group_instance_id,
            config.session_timeout_ms,
            config.max_poll_interval_ms,
            tuple((name, tuple(topics)) for name in self._strategies),
        )
        patience_ms = max(config.request_timeout_ms, config.max_poll_interval_ms + JOIN_GROUP_TIMEOUT_LAPSE_MS)
        joined = yield from self._coordinator.call(request, patience_ms)
        yield from self._wait_for_poll()
        error = error_of(joined)
        if isinstance(joined, JoinGroupResponse) and error is ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id = joined.member_id
        if not isinstance(joined, JoinGroupResponse) or error is not ErrorCode.NONE:
            return error
        self.member_id, self.generation = joined.member_id, joined.generation_id
        self.state = MemberState.COMPLETING_REBALANCE
        self._begin_session()
        return (yield from self._sync(joined))

    def _wait_for_poll(self) -> Calls:
        """Until JoinGroup is answered, and its answer read, a member gets on only inside poll()."""
        if not self._polling:
            self._next_poll = self._owner.clock.event()
            yield self._next_poll

    def _sync(self, joined: JoinGroupResponse) -> Calls:
        session = self._session
        assignments = (yield from self._assign(joined)) if joined.leader == self.member_id else {}
        request = SyncGroupRequest(self._group_id, self.generation, self.member_id, assignments)
        synced = yield from self._coordinator.call(request)
        error = error_of(synced)
        if session != self._session:
            return ErrorCode.REBALANCE_IN_PROGRESS
        if isinstance(synced, SyncGroupResponse) and error is ErrorCode.NONE:
            self.needs_join = False
            self.assignment = synced.assignment
        return error

    def _assign(self, joined: JoinGroupResponse) -> Calls:
        """As the group's leader: with metadata that knows the topics, or with fresh metadata if it does not."""
        topics = [topic for subscribed in joined.members.values() for topic in subscribed]
        if any(topic not in self._metadata.image.partition_counts for topic in topics):
            yield self._metadata.next_update()
        assign = ASSIGNORS[joined.protocol_name]
        assigned = assign(self._metadata.image.partition_counts, joined.members, joined.group_instance_ids)
        return {member: tuple(partitions) for member, partitions in assigned.items()}

    def _begin_session(self) -> None:
        """What Kafka's heartbeat thread does from here on, until the next join."""
        self._session += 1
        self._last_poll = self._heard_at = self._owner.now
        config = self._config
        for wait_ms, function in (
            (config.heartbeat_interval_ms, self._heartbeat),
            (config.session_timeout_ms, self._watch_session),
            (config.max_poll_interval_ms, self._watch_poll),
        ):
            self._owner.after(wait_ms * MILLISECOND, function, self._session)

    def _beats(self, session: int) -> bool:
        """Whether this session goes on; none while a join is under way."""
        return session == self._session and self.state in (MemberState.COMPLETING_REBALANCE, MemberState.STABLE)

    def _watch_poll(self, session: int) -> None:
        """Leave the group when the application has not polled for max.poll.interval.ms."""
        if not self._beats(session):
            return
        interval = self._config.max_poll_interval_ms * MILLISECOND
        due = (self._owner.now if self._polling else self._last_poll) + interval
        if self._owner.now < due:
            self._owner.at(due, self._watch_poll, session)
        else:
            self._owner.spawn(self.leave())

    def _watch_session(self, session: int) -> None:
        """Look for another coordinator when this one has answered nothing for session.timeout.ms."""
        if not self._beats(session):
            return
        timeout = self._config.session_timeout_ms * MILLISECOND
        if self._owner.now >= self._heard_at + timeout:
            self._heard_at = self._owner.now
            self._coordinator.lose()
        self._owner.at(self._heard_at + timeout, self._watch_session, session)

    def _heartbeat(self, session: int) -> None:
        if not self._beats(session):
            return
        if self._coordinator.coordinator is None:
            self._coordinator.look_up()
            self._owner.after(self._config.retry_backoff_ms * MILLISECOND, self._heartbeat, session)
            return
        self._heartbeat_sent_at = self._owner.now
        self._coordinator.tell(
            HeartbeatRequest(self._group_id, self.generation, self.member_id),
            lambda response: self._heartbeat_answered(session, response),
        )

    def _heartbeat_answered(self, session: int, response: Message) -> None:
        if not self._beats(session):
            return
        error = error_of(response)
        if error not in RETRIABLE:
            self._heard_at = self._owner.now
        if error is ErrorCode.REBALANCE_IN_PROGRESS and self.state is not MemberState.STABLE:
            error = ErrorCode.NONE
        if error is not ErrorCode.NONE and error not in LOST_COORDINATOR:
            self.refused(error, self.generation)
            self._wake()
        wait_ms = self._config.retry_backoff_ms if error in RETRIABLE else self._config.heartbeat_interval_ms
        next_at = max(self._owner.now, self._heartbeat_sent_at + wait_ms * MILLISECOND + HEARTBEAT_LAG)
        self._owner.at(next_at, self._heartbeat, session)
