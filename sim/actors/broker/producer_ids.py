"""A broker hands out producer ids from blocks that the controller gives it.

Source: transaction-coordinator/src/main/java/org/apache/kafka/coordinator/transaction/RPCProducerIdManager.java
Fidelity: exact
"""

from typing import TYPE_CHECKING

from sim.actors.broker.controller_channel import FORWARDING_RETRY_TIMEOUT_MS, controller_channel
from sim.actors.broker.socket_server import ServerRequest
from sim.machine.clock import MILLISECOND
from sim.rules.errors import CoordinatorLoadInProgressError, ErrorCode
from sim.rules.protocol.controller import AllocateProducerIdsRequest, AllocateProducerIdsResponse
from sim.rules.protocol.messages import InitProducerIdResponse, Message

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["ProducerIds"]

RETRY = 50 * MILLISECOND
PREFETCH_THRESHOLD = 0.9


class ProducerIds:
    """The broker's present block of producer ids, and the next one, asked for when this one is nearly used up."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._channel = controller_channel(broker, broker.config.request_timeout_ms, FORWARDING_RETRY_TIMEOUT_MS)
        self._block = range(0)
        self._used = 0
        self._next_block: range | None = None
        self._asking = False
        self._not_before = 0

    def handle(self, request: ServerRequest) -> None:
        """Answer an InitProducerId request of a producer without transactions; it comes again while there is no id."""
        try:
            answer = InitProducerIdResponse(ErrorCode.NONE, self.next_id())
        except CoordinatorLoadInProgressError as error:
            answer = InitProducerIdResponse(error.code)
        self._broker.reply(request, answer)

    def next_id(self) -> int:
        """An id that nobody has. Raises CoordinatorLoadInProgressError while a block is asked for."""
        if self._used == len(self._block) and self._next_block is not None:
            self._block, self._used, self._next_block = self._next_block, 0, None
        if self._used == len(self._block):
            self._ask()
            raise CoordinatorLoadInProgressError(f"broker {self._broker.node_id} has no block of producer ids yet")
        producer_id = self._block[self._used]
        if self._used == int(len(self._block) * PREFETCH_THRESHOLD):
            self._ask()
        self._used += 1
        return producer_id

    def _ask(self) -> None:
        broker = self._broker
        if not self._asking and self._next_block is None and broker.now >= self._not_before:
            self._asking = True
            request = AllocateProducerIdsRequest(broker.node_id, broker.epoch)
            self._channel.request(request, self._allocated)

    def _allocated(self, answer: Message) -> None:
        self._asking = False
        if isinstance(answer, AllocateProducerIdsResponse) and answer.error is ErrorCode.NONE:
            self._next_block = range(answer.first_id, answer.first_id + answer.length)
        else:
            self._not_before = self._broker.now + RETRY
