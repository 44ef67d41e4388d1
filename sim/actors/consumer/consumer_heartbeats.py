"""A consumer's heartbeats to a group of the consumer protocol (KIP-848): what its background thread does.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractHeartbeatRequestManager.java,
    ConsumerHeartbeatRequestManager.java, HeartbeatRequestState.java, CoordinatorRequestManager.java
Fidelity: exact
"""

from collections.abc import Callable

from simpy import Event

from sim.actors.client.client_errors import GroupJoinError
from sim.actors.client.coordinator_client import Calls, error_of
from sim.actors.consumer.group_member import MemberContext
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.errors import ErrorCode
from sim.rules.groups.consumer_membership import LocalMembership, MembershipState
from sim.rules.groups.heartbeat_fields import HeartbeatFields, MemberWishes
from sim.rules.producer.batching import retry_backoff_ms
from sim.rules.protocol.consumer_group import (
    LEAVE_GROUP_MEMBER_EPOCH,
    LEAVE_GROUP_STATIC_MEMBER_EPOCH,
    ConsumerGroupHeartbeatResponse,
)
from sim.rules.protocol.messages import Message

__all__ = ["ConsumerHeartbeats"]

JITTER = 0.2
LONGEST_SLEEP = 5 * SECOND
NO_BACKOFF = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.FENCED_MEMBER_EPOCH,
    ErrorCode.UNKNOWN_MEMBER_ID,
)
BACKOFF = (ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.NETWORK_EXCEPTION, ErrorCode.REQUEST_TIMED_OUT)
FENCED = (ErrorCode.FENCED_MEMBER_EPOCH, ErrorCode.UNKNOWN_MEMBER_ID)


class ConsumerHeartbeats:
    """Sends heartbeats when they are due and tells `changed` when the member's state is another.

    `failure` is the error that has ended the membership; `left` happens when the group has heard of the leaving;
    `is_polling` while the application waits in poll().
    """

    def __init__(self, context: MemberContext, member: LocalMembership, changed: Callable[[], None]) -> None:
        self._context = context
        self._owner = context.owner
        self._member = member
        self._changed = changed
        self._fields = HeartbeatFields()
        self._interval = 0
        self._due_at = self._sent_at = 0
        self._request: object | None = None
        self._attempts = 0
        self._booked_at: int | None = None
        self._seeking = False
        self.is_polling = False
        self._polled_at = self._owner.now
        self.failure: Exception | None = None
        self.left: Event | None = None

    @property
    def leave_epoch(self) -> int:
        """The epoch that says goodbye: a static member will be back."""
        is_static = self._context.config.group_instance_id is not None
        return LEAVE_GROUP_STATIC_MEMBER_EPOCH if is_static else LEAVE_GROUP_MEMBER_EPOCH

    def poll_begins(self) -> None:
        """max.poll.interval.ms counts anew."""
        self.is_polling = True
        self._member.is_poll_expired = False

    def poll_ends(self) -> None:
        """From now on the application works."""
        self.is_polling = False
        self._polled_at = self._owner.now

    def go_on(self) -> None:
        """Send a heartbeat if one is due, and see to it that the next one will be sent."""
        member, owner = self._member, self._owner
        if self._context.coordinator.coordinator is None:
            if member.state is MembershipState.LEAVING:
                member.transition_to(MembershipState.UNSUBSCRIBED)
                self.has_left()
            self._seek()
            return
        if member.is_outside:
            return
        if self._is_poll_expired() and not member.is_leaving:
            member.leave(self.leave_epoch, is_poll_expired=True)
            self._send(lambda _: None)
            self._request = None
            self._fields.reset()
            self._attempts, self._due_at = 0, owner.now
            self._changed()
            return
        at_once = member.sends_at_once and (self._request is None or member.state is MembershipState.LEAVING)
        if at_once or (self._request is None and owner.now >= self._due_at):
            self._send(None)
        self._book()

    def has_left(self) -> None:
        """Whoever waits for the leaving need not wait any longer."""
        left, self.left = self.left, None
        if left is not None and not left.triggered:
            left.succeed()

    def _is_poll_expired(self) -> bool:
        interval = self._context.config.max_poll_interval_ms * MILLISECOND
        return not self.is_polling and self._owner.now >= self._polled_at + interval

    def _send(self, answered: Callable[[Message], object] | None) -> None:
        self._request = request = object()
        self._due_at = self._owner.now + self._interval
        self._context.coordinator.tell(self._body(), answered or (lambda response: self._answered(request, response)))
        self._member.heartbeat_sent()

    def _body(self) -> Message:
        """The next heartbeat."""
        return self._fields.request(self._member, self._wishes())

    def _wishes(self) -> MemberWishes:
        config, subscriptions = self._context.config, self._context.subscriptions
        pattern = subscriptions.pattern
        return MemberWishes(
            self._context.group_id,
            self._context.client_id,
            config.group_instance_id,
            config.client_rack or None,
            config.max_poll_interval_ms,
            config.group_remote_assignor,
            subscriptions.topics if pattern is None else (),
            None if pattern is None else pattern.pattern,
        )

    def _book(self) -> None:
        """Look again when the next heartbeat is due, and after 5 s in any case: the application may poll too seldom."""
        wake_at = self._owner.now + LONGEST_SLEEP
        if self._request is None:
            wake_at = min(wake_at, self._due_at)
        if self._booked_at is None or wake_at < self._booked_at:
            self._booked_at = wake_at
            self._owner.at(wake_at, self._ring, wake_at)

    def _ring(self, booked_at: int) -> None:
        if booked_at == self._booked_at:
            self._booked_at = None
            self.go_on()

    def _answered(self, request: object, response: Message) -> None:
        if request is not self._request:
            return
        self._request = None
        error, member = error_of(response), self._member
        if error is ErrorCode.NONE and isinstance(response, ConsumerGroupHeartbeatResponse):
            self._attempts = 0
            interval = response.heartbeat_interval_ms * MILLISECOND
            if response.member_epoch >= 0 and interval != self._interval:
                self._interval, self._due_at = interval, self._owner.now + interval
            member.heard(response.member_epoch, response.assignment)
        else:
            self._failed(error)
        if member.state is MembershipState.UNSUBSCRIBED:
            self.has_left()
        self._changed()
        self.go_on()

    def _failed(self, error: ErrorCode) -> None:
        """Say everything again next time; be fenced; or end the membership."""
        config, member = self._context.config, self._member
        self._fields.reset()
        self._due_at = self._owner.now
        if error in BACKOFF:
            jitter = self._owner.random.uniform(-JITTER, JITTER)
            wait_ms = retry_backoff_ms(self._attempts, config.retry_backoff_ms, config.retry_backoff_max_ms, jitter)
            self._due_at += wait_ms * MILLISECOND
            self._attempts += 1
        elif error in NO_BACKOFF:
            self._attempts = 0
            if error in FENCED:
                member.fence()
        elif error is not ErrorCode.GROUP_ID_NOT_FOUND or member.state is not MembershipState.UNSUBSCRIBED:
            self.failure = GroupJoinError(error, self._context.group_id)
            member.transition_to(MembershipState.FATAL)
            self.has_left()

    def _seek(self) -> None:
        if not self._seeking:
            self._seeking = True
            self._owner.spawn(self._find_coordinator())

    def _find_coordinator(self) -> Calls:
        """Ask who the coordinator is until somebody knows."""
        coordinator, attempts = self._context.coordinator, 0
        while coordinator.coordinator is None and self._context.subscriptions.managed:
            yield coordinator.look_up()
            if coordinator.coordinator is None:
                jitter = self._owner.random.uniform(-JITTER, JITTER)
                config = self._context.config
                wait_ms = retry_backoff_ms(attempts, config.retry_backoff_ms, config.retry_backoff_max_ms, jitter)
                attempts += 1
                yield self._owner.sleep(wait_ms * MILLISECOND)
        self._seeking = False
        if coordinator.coordinator is not None:
            self.go_on()
