"""How a broker comes to take part, and goes: register, follow the metadata log, be unfenced, live, be let go.

Source: core/src/main/scala/kafka/server/BrokerLifecycleManager.scala, BrokerServer.scala
Fidelity: approximate — a heartbeat without an answer is given up after one interval
Left out: the time-out of the first registration.
"""

from enum import Enum
from typing import TYPE_CHECKING

from sim.actors.broker.controller_channel import heartbeat_channel
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.errors import ErrorCode
from sim.rules.protocol.controller import (
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
)
from sim.rules.protocol.messages import Message

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["BrokerLifecycle", "BrokerState"]

STARTING_INTERVAL = 10 * MILLISECOND
FIRST_SHUTDOWN_INTERVAL = 50 * MILLISECOND
SHUTDOWN_TIMEOUT = 300 * SECOND


class BrokerState(Enum):
    """How far a broker has got: catching up with metadata, waiting to be unfenced, taking part, waiting to be let go.

    Source: server-common/src/main/java/org/apache/kafka/metadata/BrokerState.java
    Fidelity: approximate — a process that does not run has no state
    """

    STARTING = 1
    RECOVERY = 2
    RUNNING = 3
    PENDING_CONTROLLED_SHUTDOWN = 6


class BrokerLifecycle:
    """One life of a broker in the eyes of the controller."""

    def __init__(self, broker: "Broker", previous_broker_epoch: int) -> None:
        self._broker = broker
        self._previous_broker_epoch = previous_broker_epoch
        config = broker.config
        self._interval = config.broker_heartbeat_interval_ms * MILLISECOND
        self._channel = heartbeat_channel(broker)
        self.state = BrokerState.STARTING
        self._in_flight = False
        self._at_once = False
        self._booking = 0
        self._got_shutdown_response = False
        self._told_offline: dict[int, None] = {}
        self._is_ready = True

    def join(self, boot_time: int, ready_after: int) -> None:
        """Boot for so many nanoseconds, then fetch metadata and register; so long after that all else is started, too.

        Source: core/src/main/scala/kafka/server/BrokerServer.scala startup
        Fidelity: approximate — what is done between is a fixed time
        """
        self._is_ready = False
        self._broker.after(boot_time, self._broker.metadata.fetch)
        self._broker.after(boot_time, self._register)
        self._broker.after(boot_time + ready_after, self._become_ready)

    def _become_ready(self) -> None:
        """Everything has been started: from now on the broker wants to be unfenced, and says so at once."""
        self._is_ready = True
        if self.state is BrokerState.RECOVERY:
            self._book_heartbeat(0)

    def go_on(self) -> None:
        """Take part already; the first heartbeat comes at a random moment of the interval."""
        self.state = BrokerState.RUNNING
        self._broker.metadata.go_on()
        self._book_heartbeat(self._broker.random.randrange(self._interval))

    def begin_controlled_shutdown(self) -> None:
        """Ask the controller to be let go, at once; a broker that takes no part, or that nobody answers, just goes."""
        if self.state is BrokerState.RUNNING:
            self.state = BrokerState.PENDING_CONTROLLED_SHUTDOWN
            self._broker.after(SHUTDOWN_TIMEOUT, self._broker.exit)
            self._book_heartbeat(0)
        elif self.state is not BrokerState.PENDING_CONTROLLED_SHUTDOWN:
            self._broker.exit()

    def directory_failed(self, directory: int) -> None:
        """A log directory is offline: tell the controller at once, or shut down when it cannot be told in time.

        Source: core/src/main/scala/kafka/server/BrokerLifecycleManager.scala propagateDirectoryFailure
        Fidelity: exact
        """
        broker = self._broker
        broker.after(broker.config.log_dir_failure_timeout_ms * MILLISECOND, self._expect_told, directory)
        if broker.epoch >= 0:
            self._book_heartbeat(0)

    def _expect_told(self, directory: int) -> None:
        if directory not in self._told_offline:
            self._broker.shut_down()

    def _register(self) -> None:
        broker = self._broker
        request = BrokerRegistrationRequest(
            broker.node_id,
            broker.incarnation,
            broker.host.rack,
            self._previous_broker_epoch,
            tuple(broker.log_directories.offline),
        )
        self._channel.request(request, self._registered)

    def _registered(self, answer: Message) -> None:
        """A refusal (the old session still lasts) or a lost answer is tried again after a heartbeat interval."""
        if isinstance(answer, BrokerRegistrationResponse) and answer.error is ErrorCode.NONE:
            self._broker.epoch = answer.broker_epoch
            self._heartbeat()
        else:
            self._broker.after(self._interval, self._register)

    def _book_heartbeat(self, delay: int) -> None:
        """The next heartbeat comes then, instead of when it was booked before."""
        self._booking += 1
        self._broker.after(0 if self._at_once else delay, self._heartbeat_due, self._booking)
        self._at_once = False

    def _heartbeat_due(self, booking: int) -> None:
        if booking != self._booking:
            return
        if self._in_flight:
            self._at_once = True
        else:
            self._heartbeat()

    def _heartbeat(self) -> None:
        broker = self._broker
        request = BrokerHeartbeatRequest(
            broker.node_id,
            broker.epoch,
            broker.image.offset,
            wants_fence=self.state is BrokerState.STARTING or not self._is_ready,
            wants_shut_down=self.state is BrokerState.PENDING_CONTROLLED_SHUTDOWN,
            offline_directories=tuple(broker.log_directories.offline),
        )
        self._in_flight = True
        self._channel.request(request, lambda answer: self._heartbeat_answered(request, answer))

    def _heartbeat_answered(self, request: BrokerHeartbeatRequest, answer: Message) -> None:
        self._in_flight = False
        if isinstance(answer, BrokerHeartbeatResponse) and answer.error is ErrorCode.NONE:
            self._told_offline.update(dict.fromkeys(request.offline_directories))
        if not isinstance(answer, BrokerHeartbeatResponse) or answer.error is not ErrorCode.NONE:
            self._at_once = False
            self._book_heartbeat(self._interval)
        elif self.state is BrokerState.PENDING_CONTROLLED_SHUTDOWN:
            self._await_release(answer)
        else:
            self._book_heartbeat(self._advance(answer))

    def _await_release(self, answer: BrokerHeartbeatResponse) -> None:
        """Exit when the controller says so; the first answer that does not is followed up soon."""
        if answer.should_shut_down:
            self._broker.exit()
            return
        self._book_heartbeat(self._interval if self._got_shutdown_response else FIRST_SHUTDOWN_INTERVAL)
        self._got_shutdown_response = True

    def _advance(self, answer: BrokerHeartbeatResponse) -> int:
        """Go on to the next state if the controller allows it; the time until the next heartbeat."""
        if self.state is BrokerState.STARTING:
            if not answer.is_caught_up:
                return STARTING_INTERVAL
            self.state = BrokerState.RECOVERY
            self._broker.replicas.delete_strays()
            return 0 if self._is_ready else self._interval
        if self.state is BrokerState.RECOVERY and not answer.is_fenced:
            self.state = BrokerState.RUNNING
            self._broker.listening = True
        return self._interval
