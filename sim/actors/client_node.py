"""What a client knows of its connection to one server.

Source: clients/src/main/java/org/apache/kafka/clients/ClusterConnectionStates.java, InFlightRequests.java
Fidelity: exact
"""

from collections import deque
from collections.abc import Callable

from sim.machine.connection import Connection
from sim.machine.deadlines import Deadline
from sim.rules.protocol import Message

__all__ = ["InFlight", "Node", "OnResponse"]

OnResponse = Callable[[Message], object]


class InFlight:
    """A request that waits for its response."""

    __slots__ = ("_node", "callback", "deadline")

    def __init__(self, node: "Node", callback: OnResponse, deadline: Deadline) -> None:
        self._node = node
        self.callback = callback
        self.deadline = deadline

    def answered(self, response: Message) -> None:
        """The response is in; one to a request that was given up before is ignored."""
        in_flight = self._node.in_flight
        if in_flight and in_flight[0] is self:
            in_flight.popleft()
            self.deadline.cancel()
            self.callback(response)


class Node:
    """What a client knows of its connection to one server; it is `ready` once API versions are agreed."""

    __slots__ = (
        "attempted_at",
        "connecting",
        "connection",
        "disconnect_count",
        "in_flight",
        "node_id",
        "ready",
        "retry_at",
        "setup_deadline",
        "setup_failure_count",
        "waiting",
    )

    def __init__(self, node_id: int) -> None:
        self.node_id = node_id
        self.connection: Connection | None = None
        self.connecting = self.ready = False
        self.disconnect_count = self.setup_failure_count = 0
        self.attempted_at = -1
        self.retry_at = 0
        self.setup_deadline: Deadline | None = None
        self.in_flight: deque[InFlight] = deque()
        self.waiting: list[Callable[[bool], None]] = []
