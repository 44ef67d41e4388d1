"""A broker's channel to the only controller, which gives up what it cannot send or is not answered in time.

Source: core/src/main/scala/kafka/server/NodeToControllerChannelManager.scala,
    server-common/src/main/java/org/apache/kafka/server/util/InterBrokerSendThread.java
Fidelity: exact
"""

from functools import partial
from typing import TYPE_CHECKING

from sim.actors.client.client_node import OnResponse
from sim.actors.client.network_client import NetworkClient
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadline, Deadlines
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import ErrorResponse, Message

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["PatientChannel"]

RECONNECT_BACKOFF_MS = 50


class PatientChannel:
    """Requests to the controller: each is tried until it is answered, or its `retry_timeout_ms` are over."""

    def __init__(self, broker: "Broker", retry_timeout_ms: int) -> None:
        (self._controller_id,) = broker.controller_ids
        self._network = NetworkClient(
            broker, broker.directory, retry_timeout_ms, RECONNECT_BACKOFF_MS, RECONNECT_BACKOFF_MS
        )
        self._deadlines = Deadlines(broker, retry_timeout_ms * MILLISECOND)

    def request(self, body: Message, callback: OnResponse) -> None:
        """Send, again after each lost connection; REQUEST_TIMED_OUT answers for the controller when it is too late."""
        queued = Queued(body, callback)
        queued.deadline = self._deadlines.book(self._expire, queued)
        self._try(queued)

    def _try(self, queued: "Queued") -> None:
        self._network.connect(self._controller_id, partial(self._connected, queued))

    def _connected(self, queued: "Queued", success: bool) -> None:
        if queued.over:
            return
        if success:
            queued.sent = True
            self._network.send(self._controller_id, queued.body, partial(self._answered, queued))
        else:
            self._try(queued)

    def _answered(self, queued: "Queued", answer: Message) -> None:
        queued.sent = False
        if not isinstance(answer, ErrorResponse):
            queued.end(answer)
        elif queued.late:
            queued.end(ErrorResponse(ErrorCode.REQUEST_TIMED_OUT))
        else:
            self._try(queued)

    def _expire(self, queued: "Queued") -> None:
        """What is under way to the controller is still waited for, for as long again."""
        queued.late = True
        if not queued.sent:
            queued.end(ErrorResponse(ErrorCode.REQUEST_TIMED_OUT))


class Queued:
    """A request that waits, or is under way (`sent`); `late` once its time is over, `over` once it is answered."""

    __slots__ = ("body", "callback", "deadline", "late", "over", "sent")

    def __init__(self, body: Message, callback: OnResponse) -> None:
        self.body = body
        self.callback = callback
        self.deadline: Deadline | None = None
        self.sent = self.late = self.over = False

    def end(self, answer: Message) -> None:
        """Call back, once."""
        self.over = True
        if self.deadline is not None:
            self.deadline.cancel()
        self.callback(answer)
