"""Requests between servers that are answered, or fail, within one time.

Source: server-common/src/main/java/org/apache/kafka/server/util/InterBrokerSendThread.java
Fidelity: exact
"""

from collections.abc import Callable

from sim.actors.client.network_client import Directory, NetworkClient
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadline, Deadlines
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import ErrorResponse, Message

__all__ = ["TimedRequests", "Unsettled"]


class Unsettled:
    """A request that waits: for a connection, or for a server that can answer."""

    __slots__ = ("callback", "deadline")

    def __init__(self, callback: Callable[[Message], object]) -> None:
        self.callback: Callable[[Message], object] | None = callback
        self.deadline: Deadline | None = None

    def settle(self, answer: Message) -> None:
        """The first answer, or failure, counts."""
        callback, self.callback = self.callback, None
        if self.deadline is not None:
            self.deadline.cancel()
        if callback is not None:
            callback(answer)


class TimedRequests:
    """The connections of one server to others; a request that finds none in time fails as one without an answer."""

    def __init__(self, owner: Actor, directory: Directory, request_timeout_ms: int, reconnect_backoff_ms: int) -> None:
        self._network = NetworkClient(owner, directory, request_timeout_ms, reconnect_backoff_ms, reconnect_backoff_ms)
        self._patience = Deadlines(owner, request_timeout_ms * MILLISECOND)

    def send(self, node_id: int, body: Message, callback: Callable[[Message], object]) -> None:
        """Send as soon as there is a connection; failures answer NETWORK_EXCEPTION or REQUEST_TIMED_OUT."""
        if self._network.can_send(node_id):
            self._network.send(node_id, body, callback)
            return
        unsent = Unsettled(callback)
        unsent.deadline = self._patience.book(unsent.settle, ErrorResponse(ErrorCode.REQUEST_TIMED_OUT))

        def connected(success: bool) -> None:
            if unsent.callback is None:
                return
            if success and self._network.connected(node_id):
                self._network.send(node_id, body, unsent.settle)
            else:
                unsent.settle(ErrorResponse(ErrorCode.NETWORK_EXCEPTION))

        self._network.connect(node_id, connected)
