"""A consumer's membership in a classic group: find the coordinator, join, sync, keep the session alive.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractCoordinator.java
Fidelity: approximate — poll() does not return before a rebalance that it takes part in is over; eager protocol only
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any

from simpy import Event

from sim.actors.client_metadata import ClientMetadata
from sim.actors.network_client import NetworkClient
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.assignors import range_assign, round_robin_assign
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode
from sim.rules.group_protocol import (
    Assignment,
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    SyncGroupRequest,
    SyncGroupResponse,
)
from sim.rules.protocol import ErrorResponse, Message

__all__ = ["ASSIGNORS", "Membership"]

ASSIGNORS = {"range": range_assign, "roundrobin": round_robin_assign}
JOIN_GROUP_TIMEOUT_LAPSE_MS = 5000
LOST_MEMBERSHIP = (ErrorCode.UNKNOWN_MEMBER_ID, ErrorCode.ILLEGAL_GENERATION, ErrorCode.FENCED_INSTANCE_ID)
LOST_COORDINATOR = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NETWORK_EXCEPTION,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS,
)
Calls = Generator[Event, Any, Any]


class Membership:
    """One consumer's place in its group."""

    def __init__(
        self,
        owner: Actor,
        group_id: str,
        client_id: str,
        config: ConsumerConfig,
        network: NetworkClient,
        metadata: ClientMetadata,
        wake: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._group_id = group_id
        self._client_id = client_id
        self._config = config
        self._network = network
        self._metadata = metadata
        self._wake = wake
        self._strategies = tuple(name for name in config.assignors if name in ASSIGNORS) or ("range",)
        self._heartbeat_round = 0
        self._coordinator: int | None = None
        self.member_id = ""
        self.generation = -1
        self.needs_join = True
        self.last_poll = owner.now
        self.polling = False

    def call(self, body: Message, timeout_ms: int | None = None) -> Calls:
        """Ask the coordinator, found first if need be; returns the response, an ErrorResponse when it is lost."""
        if self._coordinator is None:
            yield from self._find_coordinator()
        assert self._coordinator is not None
        answered = self._owner.clock.event()
        self._network.request(self._coordinator, body, answered.succeed, timeout_ms)
        response = yield answered
        if getattr(response, "error", None) in LOST_COORDINATOR:
            self._coordinator = None
        return response

    def join(self, topics: Sequence[str]) -> Generator[Event, Any, Assignment]:
        """Join, assign if chosen as leader, sync; again until it succeeds. Returns the member's partitions."""
        self._heartbeat_round += 1
        while True:
            joined = yield from self._join_group(topics)
            if joined is None:
                continue
            assignments = self._assign(joined) if joined.leader == self.member_id else {}
            self._begin_heartbeats()
            synced = yield from self.call(
                SyncGroupRequest(self._group_id, self.generation, self.member_id, assignments)
            )
            if isinstance(synced, SyncGroupResponse) and synced.error is ErrorCode.NONE:
                self.needs_join = False
                return synced.assignment
            self._heartbeat_round += 1
            yield from self._after_error(synced.error)

    def leave(self) -> Generator[Event, Any, None]:
        """Tell the coordinator that this member goes."""
        self._heartbeat_round += 1
        if self.member_id:
            yield from self.call(LeaveGroupRequest(self._group_id, self.member_id))
        self.forget()

    def forget(self) -> None:
        """Be nobody: the next poll joins as a new member."""
        self.member_id, self.generation, self.needs_join = "", -1, True

    def _join_group(self, topics: Sequence[str]) -> Generator[Event, Any, JoinGroupResponse | None]:
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
        response = yield from self.call(request, patience_ms)
        if isinstance(response, JoinGroupResponse) and response.error is ErrorCode.NONE:
            self.member_id, self.generation = response.member_id, response.generation_id
            return response
        if isinstance(response, JoinGroupResponse) and response.error is ErrorCode.MEMBER_ID_REQUIRED:
            self.member_id = response.member_id
        else:
            yield from self._after_error(response.error)
        return None

    def _assign(self, joined: JoinGroupResponse) -> dict[str, Assignment]:
        counts = self._metadata.image.partition_counts
        assign = ASSIGNORS[joined.protocol_name]
        assigned = assign(counts, joined.members, joined.group_instance_ids)
        return {member: tuple(partitions) for member, partitions in assigned.items()}

    def _after_error(self, error: ErrorCode) -> Calls:
        if error in LOST_MEMBERSHIP:
            self.member_id, self.generation = "", -1
        if error is not ErrorCode.REBALANCE_IN_PROGRESS:
            yield self._owner.sleep(self._config.retry_backoff_ms * MILLISECOND)

    def _find_coordinator(self) -> Calls:
        while self._coordinator is None:
            node = self._network.least_loaded(self._metadata.brokers())
            answered = self._owner.clock.event()
            self._network.request(node, FindCoordinatorRequest(self._group_id), answered.succeed)
            response = yield answered
            if isinstance(response, FindCoordinatorResponse) and response.error is ErrorCode.NONE:
                self._coordinator = response.node_id
            else:
                self._metadata.request_update()
                yield self._owner.sleep(self._config.retry_backoff_ms * MILLISECOND)

    def _begin_heartbeats(self) -> None:
        self._heartbeat_round += 1
        self._book_heartbeat(self._heartbeat_round)

    def _book_heartbeat(self, round_number: int) -> None:
        self._owner.after(self._config.heartbeat_interval_ms * MILLISECOND, self._heartbeat, round_number)

    def _heartbeat(self, round_number: int) -> None:
        """The heartbeat thread's turn: leave when poll() is overdue, else tell the coordinator."""
        if round_number != self._heartbeat_round:
            return
        overdue = self._owner.now - self.last_poll > self._config.max_poll_interval_ms * MILLISECOND
        if overdue and not self.polling:
            self._heartbeat_round += 1
            if self._coordinator is not None:
                leaving = LeaveGroupRequest(self._group_id, self.member_id)
                self._network.request(self._coordinator, leaving, lambda _: None)
            self.forget()
        elif self._coordinator is None:
            self._owner.spawn(self._find_coordinator())
            self._book_heartbeat(round_number)
        else:
            body = HeartbeatRequest(self._group_id, self.generation, self.member_id)
            self._network.request(
                self._coordinator, body, lambda response: self._heartbeat_answered(round_number, response)
            )

    def _heartbeat_answered(self, round_number: int, response: Message) -> None:
        if round_number != self._heartbeat_round:
            return
        error = response.error if isinstance(response, ErrorResponse) else ErrorCode.NONE
        if error in LOST_COORDINATOR:
            self._coordinator = None
        if error in LOST_MEMBERSHIP:
            self._heartbeat_round += 1
            self.forget()
            self._wake()
            return
        if error is ErrorCode.REBALANCE_IN_PROGRESS and not self.needs_join:
            self.needs_join = True
            self._wake()
        self._book_heartbeat(round_number)
