"""What a client knows of its connection to one server.

Source: clients/src/main/java/org/apache/kafka/clients/ClusterConnectionStates.java, InFlightRequests.java
Fidelity: exact
"""

from collections import deque
from collections.abc import Callable

from sim.machine.connection import Connection
from sim.machine.deadlines import Deadline
from sim.rules.protocol.messages import Message

__all__ = ["API_VERSIONS_BYTES", "SEND_BUFFER_BYTES", "InFlight", "Node", "OnResponse"]

API_VERSIONS_BYTES = (60, 500)
"""Of the request and of its answer."""

SEND_BUFFER_BYTES = 131_072
"""Of a socket, Kafka's default of send.buffer.bytes."""

OnResponse = Callable[[Message], object]


class InFlight:
    """A request that waits for its response; the time for which its node was `throttled` does not count as waiting."""

    __slots__ = ("callback", "deadline", "node", "throttled")

    def __init__(self, node: "Node", callback: OnResponse) -> None:
        self.node = node
        self.callback = callback
        self.throttled = 0
        self.deadline: Deadline | None = None

    @property
    def waiting(self) -> bool:
        """Whether the request is neither answered nor given up."""
        return self in self.node.in_flight

    def answered(self, response: Message) -> None:
        """The response is in; one to a request that was given up before is ignored."""
        node = self.node
        in_flight = node.in_flight
        if in_flight and in_flight[0] is self:
            in_flight.popleft()
            self.settle()
            if response.throttle_time_ms > 0:
                node.on_throttle(node, response.throttle_time_ms)
            self.callback(response)

    def settle(self) -> None:
        """Its time-out does not count any more."""
        if self.deadline is not None:
            self.deadline.cancel()


class Node:
    """What a client knows of its connection to one server; it is `ready` once API versions are agreed."""

    __slots__ = (
        "attempted_at",
        "connecting",
        "connection",
        "disconnect_count",
        "in_flight",
        "node_id",
        "on_throttle",
        "ready",
        "retry_at",
        "setup_deadline",
        "setup_failure_count",
        "throttled_until",
        "waiting",
    )

    def __init__(self, node_id: int, on_throttle: Callable[["Node", int], None]) -> None:
        self.node_id = node_id
        self.on_throttle = on_throttle
        self.throttled_until = 0
        self.connection: Connection | None = None
        self.connecting = self.ready = False
        self.disconnect_count = self.setup_failure_count = 0
        self.attempted_at = -1
        self.retry_at = 0
        self.setup_deadline: Deadline | None = None
        self.in_flight: deque[InFlight] = deque()
        self.waiting: list[Callable[[bool], None]] = []
