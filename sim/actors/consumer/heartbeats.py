"""What a member's heartbeat thread does while it belongs to a generation of a classic group.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractCoordinator.java HeartbeatThread,
    clients/src/main/java/org/apache/kafka/clients/consumer/internals/Heartbeat.java
Fidelity: approximate — one heartbeat is in flight at a time
"""

from collections.abc import Callable

from sim.actors.client.coordinator_client import RETRIABLE, CoordinatorClient, error_of
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode
from sim.rules.protocol.group import HeartbeatRequest
from sim.rules.protocol.messages import Message

__all__ = ["Heartbeats"]

HEARTBEAT_LAG = 5 * MILLISECOND
"""How late the next heartbeat is (estimated): the heartbeat thread looks at its timer some thirty times in between."""


class Heartbeats:
    """Keeps a session alive, from `begin` until `end`.

    `answered` is called with the error of each heartbeat, `poll_overdue` when the application has not polled for
    max.poll.interval.ms.
    """

    def __init__(
        self,
        owner: Actor,
        config: ConsumerConfig,
        coordinator: CoordinatorClient,
        answered: Callable[[ErrorCode], None],
        poll_overdue: Callable[[], object],
    ) -> None:
        self._owner = owner
        self._config = config
        self._coordinator = coordinator
        self._answered = answered
        self._poll_overdue = poll_overdue
        self._session = 0
        self._beat = HeartbeatRequest("", -1, "")
        self._sent_at = self._heard_at = 0
        self._last_poll = owner.now
        self.polling = False

    def begin(self, beat: HeartbeatRequest) -> None:
        """A generation has begun: say this every heartbeat.interval.ms."""
        self._session += 1
        self._beat = beat
        self._last_poll = self._heard_at = self._owner.now
        config = self._config
        for wait_ms, function in (
            (config.heartbeat_interval_ms, self._send),
            (config.session_timeout_ms, self._watch_session),
            (config.max_poll_interval_ms, self._watch_poll),
        ):
            self._owner.after(wait_ms * MILLISECOND, function, self._session)

    def end(self) -> None:
        """Belong to no generation, or join anew: nothing is sent and nothing watched."""
        self._session += 1

    def poll_begins(self) -> None:
        """The application polls: max.poll.interval.ms counts anew."""
        self._last_poll = self._owner.now
        self.polling = True

    def poll_ends(self) -> None:
        """The application goes to work on what it got."""
        self._last_poll = self._owner.now
        self.polling = False

    def _watch_poll(self, session: int) -> None:
        if session != self._session:
            return
        interval = self._config.max_poll_interval_ms * MILLISECOND
        due = (self._owner.now if self.polling else self._last_poll) + interval
        if self._owner.now < due:
            self._owner.at(due, self._watch_poll, session)
        else:
            self._poll_overdue()

    def _watch_session(self, session: int) -> None:
        """Look for another coordinator when this one has answered nothing for session.timeout.ms."""
        if session != self._session:
            return
        timeout = self._config.session_timeout_ms * MILLISECOND
        if self._owner.now >= self._heard_at + timeout:
            self._heard_at = self._owner.now
            self._coordinator.lose()
        self._owner.at(self._heard_at + timeout, self._watch_session, session)

    def _send(self, session: int) -> None:
        if session != self._session:
            return
        if self._coordinator.coordinator is None:
            self._coordinator.look_up()
            self._owner.after(max(1, self._config.retry_backoff_ms) * MILLISECOND, self._send, session)
            return
        self._sent_at = self._owner.now
        self._coordinator.tell(self._beat, lambda response: self._heard(session, response))

    def _heard(self, session: int, response: Message) -> None:
        if session != self._session:
            return
        error = error_of(response)
        if error not in RETRIABLE:
            self._heard_at = self._owner.now
        self._answered(error)
        wait_ms = self._config.retry_backoff_ms if error in RETRIABLE else self._config.heartbeat_interval_ms
        next_at = max(self._owner.now, self._sent_at + wait_ms * MILLISECOND + HEARTBEAT_LAG)
        self._owner.at(next_at, self._send, session)
