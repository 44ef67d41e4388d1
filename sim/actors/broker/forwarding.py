"""A broker's part in requests for the controller: it forwards them, and passes the answer on.

Source: core/src/main/scala/kafka/server/ForwardingManager.scala, NodeToControllerChannelManager.scala
Fidelity: approximate — the envelope around a request costs nothing
"""

from typing import TYPE_CHECKING

from sim.actors.broker.controller_channel import FORWARDING_RETRY_TIMEOUT_MS, controller_channel
from sim.actors.broker.socket_server import ServerRequest
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.protocol.controller import (
    AlterPartitionReassignmentsRequest,
    ElectLeadersRequest,
    ListPartitionReassignmentsRequest,
)
from sim.rules.protocol.messages import ErrorResponse, Message
from sim.rules.protocol.topic import (
    CreatePartitionsRequest,
    CreateTopicsRequest,
    DeleteTopicsRequest,
    IncrementalAlterConfigsRequest,
)

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["FORWARDED", "Forwarding"]

FORWARDED: tuple[type[Message], ...] = (
    CreateTopicsRequest,
    DeleteTopicsRequest,
    CreatePartitionsRequest,
    IncrementalAlterConfigsRequest,
    ElectLeadersRequest,
    AlterPartitionReassignmentsRequest,
    ListPartitionReassignmentsRequest,
)
RETRY_BACKOFF_MS = 50


class Forwarding:
    """Forwarded requests; one that finds no controller is tried again until request.timeout.ms has passed."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        timeout_ms = broker.config.request_timeout_ms
        self._timeout = timeout_ms * MILLISECOND
        self._channel = controller_channel(broker, timeout_ms, FORWARDING_RETRY_TIMEOUT_MS)

    def handle(self, request: ServerRequest) -> None:
        """Forward a request."""
        self._forward(request, self._broker.now + self._timeout)

    def _forward(self, request: ServerRequest, deadline: int) -> None:
        broker = self._broker

        def answered(answer: Message) -> None:
            if not isinstance(answer, ErrorResponse):
                broker.reply(request, answer)
            elif broker.now >= deadline:
                broker.reply(request, ErrorResponse(ErrorCode.REQUEST_TIMED_OUT))
            else:
                broker.after(RETRY_BACKOFF_MS * MILLISECOND, self._forward, request, deadline)

        self._channel.request(request.body, answered)
