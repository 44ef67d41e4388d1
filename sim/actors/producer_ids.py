"""A broker hands out producer ids from blocks that the controller gives it.

Source: transaction-coordinator/src/main/java/org/apache/kafka/coordinator/transaction/RPCProducerIdManager.java
Fidelity: approximate — the next block is asked for when the last is used up, in Kafka when 90 % of it are
"""

from typing import TYPE_CHECKING

from sim.actors.socket_server import ServerRequest
from sim.rules.errors import ErrorCode
from sim.rules.protocol import (
    AllocateProducerIdsRequest,
    AllocateProducerIdsResponse,
    InitProducerIdResponse,
    Message,
)

if TYPE_CHECKING:
    from sim.actors.broker import Broker

__all__ = ["ProducerIds"]


class ProducerIds:
    """The broker's present block of producer ids."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._block = iter(range(0))

    def handle(self, request: ServerRequest) -> None:
        """Answer an InitProducerId request of a producer without transactions."""
        producer_id = next(self._block, None)
        if producer_id is not None:
            self._broker.reply(request, InitProducerIdResponse(ErrorCode.NONE, producer_id))
            return
        ask = AllocateProducerIdsRequest(self._broker.node_id)
        self._broker.ask_controller(ask, lambda answer: self._allocated(request, answer))

    def _allocated(self, request: ServerRequest, answer: Message) -> None:
        if isinstance(answer, AllocateProducerIdsResponse) and answer.error is ErrorCode.NONE:
            self._block = iter(range(answer.first_id, answer.first_id + answer.length))
            self.handle(request)
        else:
            self._broker.reply(request, InitProducerIdResponse(ErrorCode.COORDINATOR_LOAD_IN_PROGRESS))
