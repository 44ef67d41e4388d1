"""How a broker comes to take part: register, follow the metadata log, be unfenced, and keep its session alive.

Source: core/src/main/scala/kafka/server/BrokerLifecycleManager.scala, BrokerServer.scala
Fidelity: approximate — what the metadata log says takes effect after a fixed time
Left out: controlled shutdown, the time-out of the first registration.
"""

from enum import Enum
from typing import TYPE_CHECKING

from sim.actors.network_client import NetworkClient
from sim.machine.clock import MILLISECOND
from sim.rules.controller_protocol import (
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
    FetchMetadataRequest,
    FetchMetadataResponse,
)
from sim.rules.errors import ErrorCode
from sim.rules.protocol import Message

if TYPE_CHECKING:
    from sim.actors.broker import Broker

__all__ = ["BrokerLifecycle", "BrokerState"]

STARTING_INTERVAL = 10 * MILLISECOND

METADATA_DELAY = 20 * MILLISECOND
"""From the arrival of metadata records to their effect; estimated from recordings of a cluster on two cores, where a
deposed leader went on for 42 to 92 ms after the controller's append, 25 ms of which are that append's linger."""


class BrokerState(Enum):
    """How far a broker has got: catching up with the metadata log, waiting to be unfenced, taking part.

    Source: server-common/src/main/java/org/apache/kafka/metadata/BrokerState.java
    Fidelity: approximate — without controlled shutdown
    """

    STARTING = 1
    RECOVERY = 2
    RUNNING = 3


class BrokerLifecycle:
    """One life of a broker in the eyes of the controller."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        config = broker.config
        self._interval = config.broker_heartbeat_interval_ms * MILLISECOND
        self._channel = NetworkClient(broker, broker.directory, config.broker_heartbeat_interval_ms, 50, 50)
        self._metadata_channel = NetworkClient(
            broker,
            broker.directory,
            config.controller_quorum_request_timeout_ms,
            config.controller_quorum_retry_backoff_ms,
            config.controller_quorum_retry_backoff_ms,
        )
        self._fetched = broker.image
        self.state = BrokerState.STARTING

    def join(self, boot_time: int) -> None:
        """Boot for so many nanoseconds, then fetch metadata and register."""
        self._broker.after(boot_time, self._fetch_metadata)
        self._broker.after(boot_time, self._register)

    def go_on(self) -> None:
        """Take part already; the first heartbeat comes at a random moment of the interval."""
        self.state = BrokerState.RUNNING
        self._fetched = self._broker.image
        self._fetch_metadata()
        self._broker.after(self._broker.random.randrange(self._interval), self._heartbeat)

    def _register(self) -> None:
        broker = self._broker
        request = BrokerRegistrationRequest(broker.node_id, broker.incarnation, broker.host.rack, False)
        self._channel.request(broker.controller_id, request, self._registered)

    def _registered(self, answer: Message) -> None:
        """A refusal (the old session still lasts) or a lost answer is tried again after a heartbeat interval."""
        if isinstance(answer, BrokerRegistrationResponse) and answer.error is ErrorCode.NONE:
            self._broker.epoch = answer.broker_epoch
            self._heartbeat()
        else:
            self._broker.after(self._interval, self._register)

    def _heartbeat(self) -> None:
        broker = self._broker
        starting = self.state is BrokerState.STARTING
        request = BrokerHeartbeatRequest(broker.node_id, broker.epoch, broker.image.offset, starting)
        self._channel.request(broker.controller_id, request, self._heartbeat_answered)

    def _heartbeat_answered(self, answer: Message) -> None:
        if isinstance(answer, BrokerHeartbeatResponse) and answer.error is ErrorCode.NONE:
            self._broker.after(self._advance(answer), self._heartbeat)
        else:
            self._broker.after(self._interval, self._heartbeat)

    def _advance(self, answer: BrokerHeartbeatResponse) -> int:
        """Go on to the next state if the controller allows it; the time until the next heartbeat."""
        if self.state is BrokerState.STARTING:
            if not answer.is_caught_up:
                return STARTING_INTERVAL
            self.state = BrokerState.RECOVERY
            return 0
        if self.state is BrokerState.RECOVERY and not answer.is_fenced:
            self.state = BrokerState.RUNNING
            self._broker.listening = True
        return self._interval

    def _fetch_metadata(self) -> None:
        broker = self._broker
        request = FetchMetadataRequest(broker.node_id, self._fetched.offset)
        self._metadata_channel.request(broker.controller_id, request, self._metadata_fetched)

    def _metadata_fetched(self, answer: Message) -> None:
        if isinstance(answer, FetchMetadataResponse) and answer.image is not self._fetched:
            self._fetched = answer.image
            self._broker.after(METADATA_DELAY, self._publish, answer)
        self._fetch_metadata()

    def _publish(self, answer: FetchMetadataResponse) -> None:
        self._broker.image = answer.image
        self._broker.replicas.apply(answer.changes)
        self._broker.fetches.complete_actions()
