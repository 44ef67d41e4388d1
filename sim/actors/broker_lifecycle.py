"""How a broker comes to take part: register, follow the metadata log, be unfenced, and keep its session alive.

Source: core/src/main/scala/kafka/server/BrokerLifecycleManager.scala, BrokerServer.scala
Fidelity: approximate — the first heartbeat after registration waits until the broker has seen its own registration
"""

from typing import TYPE_CHECKING

from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.protocol import (
    BrokerHeartbeatRequest,
    BrokerHeartbeatResponse,
    BrokerRegistrationRequest,
    BrokerRegistrationResponse,
    FetchMetadataRequest,
    FetchMetadataResponse,
    Message,
)

if TYPE_CHECKING:
    from sim.actors.broker import Broker

__all__ = ["BrokerLifecycle"]


class BrokerLifecycle:
    """One life of a broker in the eyes of the controller."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._heartbeating = False
        self._interval = broker.config.broker_heartbeat_interval_ms * MILLISECOND

    def join(self, boot_time: int) -> None:
        """Boot for so many nanoseconds, then fetch metadata and register."""
        self._broker.after(boot_time, self._fetch_metadata)
        self._broker.after(boot_time, self._register)

    def go_on(self) -> None:
        """Be registered and up to date already; the first heartbeat comes at a random moment of the interval."""
        self._heartbeating = True
        self._fetch_metadata()
        self._broker.after(self._broker.random.randrange(self._interval), self._heartbeat)

    def _register(self) -> None:
        broker = self._broker
        request = BrokerRegistrationRequest(broker.node_id, broker.incarnation, broker.host.rack, False)
        broker.ask_controller(request, self._registered)

    def _registered(self, answer: Message) -> None:
        """A refusal (the old session still lasts) or a lost answer is tried again after a heartbeat interval."""
        if isinstance(answer, BrokerRegistrationResponse) and answer.error is ErrorCode.NONE:
            self._broker.epoch = answer.broker_epoch
            self._begin_heartbeats()
        else:
            self._broker.after(self._interval, self._register)

    def _begin_heartbeats(self) -> None:
        broker = self._broker
        if not self._heartbeating and 0 <= broker.epoch <= broker.image.offset:
            self._heartbeating = True
            self._heartbeat()

    def _heartbeat(self) -> None:
        broker = self._broker
        request = BrokerHeartbeatRequest(broker.node_id, broker.epoch, broker.image.offset)
        broker.ask_controller(request, self._heartbeat_answered)

    def _heartbeat_answered(self, answer: Message) -> None:
        if isinstance(answer, BrokerHeartbeatResponse) and answer.error is ErrorCode.STALE_BROKER_EPOCH:
            self._heartbeating = False
            self._broker.epoch = -1
            self._register()
            return
        self._broker.after(self._interval, self._heartbeat)

    def _fetch_metadata(self) -> None:
        broker = self._broker
        broker.metadata_client.request(
            broker.controller_id, FetchMetadataRequest(broker.node_id, broker.image.offset), self._metadata_fetched
        )

    def _metadata_fetched(self, answer: Message) -> None:
        broker = self._broker
        if isinstance(answer, FetchMetadataResponse):
            broker.image = answer.image
            broker.replicas.apply(answer.changes)
            self._begin_heartbeats()
        self._fetch_metadata()
