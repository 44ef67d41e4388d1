"""A broker's way to the active controller.

Source: core/src/main/scala/kafka/server/NodeToControllerChannelManager.scala
Fidelity: approximate — several requests may be under way; with a single controller there is no other to find, and a
    failure is the asker's to deal with, at once
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from sim.actors.broker.patient_channel import PatientChannel
from sim.actors.client.network_client import NetworkClient
from sim.actors.client.timed_requests import TimedRequests, Unsettled
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import ErrorResponse, Message

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["FORWARDING_RETRY_TIMEOUT_MS", "ControllerChannel", "controller_channel", "heartbeat_channel"]

RECONNECT_BACKOFF_MS = 50
FORWARDING_RETRY_TIMEOUT_MS = 60_000
AGAIN = (ErrorCode.NOT_CONTROLLER, ErrorCode.NETWORK_EXCEPTION, ErrorCode.REQUEST_TIMED_OUT)


class ControllerChannel(Protocol):
    """What brings requests to the active controller."""

    def request(self, body: Message, callback: Callable[[Message], object]) -> None:
        """Send; `callback` gets the answer, or an ErrorResponse."""


def controller_channel(
    broker: "Broker",
    request_timeout_ms: int,
    retry_timeout_ms: int | None = None,
    reconnect_backoff_max_ms: int = RECONNECT_BACKOFF_MS,
) -> ControllerChannel:
    """A channel of one kind of request, which goes on looking for the controller for so long, None for ever."""
    if len(broker.controller_ids) == 1:
        return _OnlyController(broker, request_timeout_ms, reconnect_backoff_max_ms)
    return _QuorumChannel(broker, request_timeout_ms, retry_timeout_ms)


def heartbeat_channel(broker: "Broker") -> ControllerChannel:
    """The channel of registrations and heartbeats: what is not answered is tried again for a while, then given up."""
    config = broker.config
    if len(broker.controller_ids) == 1:
        return PatientChannel(broker, config.broker_heartbeat_interval_ms)
    return controller_channel(broker, config.broker_heartbeat_interval_ms, config.broker_session_timeout_ms // 2)


class _OnlyController:
    """The only controller there is."""

    def __init__(self, broker: "Broker", request_timeout_ms: int, reconnect_backoff_max_ms: int) -> None:
        (self._controller_id,) = broker.controller_ids
        self._network = NetworkClient(
            broker, broker.directory, request_timeout_ms, RECONNECT_BACKOFF_MS, reconnect_backoff_max_ms
        )

    def request(self, body: Message, callback: Callable[[Message], object]) -> None:
        """Send."""
        self._network.request(self._controller_id, body, callback)


class _Pending(Unsettled):
    """A request that has not been answered by an active controller yet."""

    __slots__ = ("body",)

    def __init__(self, body: Message, callback: Callable[[Message], object]) -> None:
        super().__init__(callback)
        self.body = body


class _QuorumChannel:
    """Requests to the leader of the metadata quorum, again and again until one that is active answers."""

    def __init__(self, broker: "Broker", request_timeout_ms: int, retry_timeout_ms: int | None) -> None:
        self._broker = broker
        self._requests = TimedRequests(broker, broker.directory, request_timeout_ms, RECONNECT_BACKOFF_MS)
        self._patience = None if retry_timeout_ms is None else Deadlines(broker, retry_timeout_ms * MILLISECOND)

    def request(self, body: Message, callback: Callable[[Message], object]) -> None:
        """Send when a leader is known."""
        pending = _Pending(body, callback)
        if self._patience is not None:
            pending.deadline = self._patience.book(pending.settle, ErrorResponse(ErrorCode.REQUEST_TIMED_OUT))
        self._send(pending)

    def _send(self, pending: _Pending) -> None:
        if pending.callback is None:
            return
        leader_id = self._broker.metadata.leader_id
        if leader_id is None:
            self._broker.metadata.when_led(lambda: self._send(pending))
        else:
            self._requests.send(leader_id, pending.body, lambda answer: self._answered(pending, answer))

    def _answered(self, pending: _Pending, answer: Message) -> None:
        if isinstance(answer, ErrorResponse) and answer.error in AGAIN:
            self._broker.after(RECONNECT_BACKOFF_MS * MILLISECOND, self._send, pending)
        else:
            pending.settle(answer)
