"""A client's connections: connecting with backoff, requests in flight, and their time-outs.

Source: clients/src/main/java/org/apache/kafka/clients/NetworkClient.java, ClusterConnectionStates.java
Fidelity: approximate — API version negotiation is one more round trip, idle connections stay open
"""

from collections import deque
from collections.abc import Callable

from sim.actors.socket_server import Server, ServerRequest
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND, SECOND
from sim.machine.connection import Connection
from sim.machine.deadlines import Deadline, Deadlines
from sim.rules.batching import retry_backoff_ms
from sim.rules.errors import ErrorCode
from sim.rules.protocol import ErrorResponse, Message

__all__ = ["Directory", "NetworkClient"]

Directory = Callable[[int], Server]
OnResponse = Callable[[Message], object]

SYN_DELAYS = (1 * SECOND, 2 * SECOND, 4 * SECOND, 3 * SECOND)
"""When an unanswered SYN is sent again: Linux doubles from 1 s, up to socket.connection.setup.timeout.ms of 10 s."""


class InFlight:
    """A request that waits for its response."""

    __slots__ = ("callback", "deadline")

    def __init__(self, callback: OnResponse, deadline: Deadline) -> None:
        self.callback = callback
        self.deadline = deadline


class Node:
    """What a client knows of its connection to one server."""

    __slots__ = ("connecting", "connection", "failure_count", "in_flight", "node_id", "retry_at", "waiting")

    def __init__(self, node_id: int) -> None:
        self.node_id = node_id
        self.connection: Connection | None = None
        self.connecting = False
        self.failure_count = 0
        self.retry_at = 0
        self.in_flight: deque[InFlight] = deque()
        self.waiting: list[Callable[[bool], None]] = []


class NetworkClient:
    """The connections of one client; it lives and dies with the process `owner`."""

    def __init__(
        self,
        owner: Actor,
        directory: Directory,
        request_timeout_ms: int = 30_000,
        reconnect_backoff_ms: int = 50,
        reconnect_backoff_max_ms: int = 1000,
    ) -> None:
        self._owner = owner
        self._directory = directory
        self._reconnect_backoff_ms = reconnect_backoff_ms
        self._reconnect_backoff_max_ms = reconnect_backoff_max_ms
        self._request_timeout_ms = request_timeout_ms
        self._timeouts: dict[int, Deadlines] = {}
        self._nodes: dict[int, Node] = {}
        self.on_disconnect: Callable[[], object] = _nothing

    def connected(self, node_id: int) -> bool:
        """Whether requests can be sent to this node now."""
        node = self._nodes.get(node_id)
        return node is not None and node.connection is not None

    def in_flight_count(self, node_id: int) -> int:
        """How many requests to this node wait for a response."""
        node = self._nodes.get(node_id)
        return 0 if node is None else len(node.in_flight)

    def least_loaded(self, node_ids: list[int]) -> int:
        """The node with the fewest requests in flight, connected ones first; earlier ones win a tie.

        Nodes in backoff come last. Raises ValueError for an empty list.
        """

        def load(node_id: int) -> tuple[bool, bool, int]:
            node = self._node(node_id)
            return self._owner.now < node.retry_at, node.connection is None, len(node.in_flight)

        return min(node_ids, key=load)

    def connect(self, node_id: int, then: Callable[[bool], None]) -> None:
        """Call `then(True)` when connected, `then(False)` when an attempt has failed.

        A node in backoff is tried when the backoff is over.
        """
        node = self._node(node_id)
        if node.connection is not None:
            then(True)
            return
        node.waiting.append(then)
        if not node.connecting:
            node.connecting = True
            self._owner.at(max(self._owner.now, node.retry_at), self._try, node, 0)

    def send(self, node_id: int, body: Message, callback: OnResponse, timeout_ms: int | None = None) -> None:
        """Send on an open connection; a lost connection answers NETWORK_EXCEPTION.

        No answer within request.timeout.ms, or `timeout_ms` if given, closes the connection.
        Raises KeyError or ValueError when not connected.
        """
        node = self._nodes[node_id]
        if node.connection is None:
            raise ValueError(f"not connected to node {node_id}")
        timeout = self._request_timeout_ms if timeout_ms is None else timeout_ms
        timeouts = self._timeouts.get(timeout)
        if timeouts is None:
            timeouts = self._timeouts[timeout] = Deadlines(self._owner, timeout * MILLISECOND)
        in_flight = InFlight(callback, timeouts.book(self._disconnect, node))
        node.in_flight.append(in_flight)
        self._transmit(node, node.connection, body, lambda response: self._complete(node, in_flight, response))

    def send_and_forget(self, node_id: int, body: Message) -> None:
        """Send a request that gets no response (acks=0)."""
        node = self._nodes[node_id]
        if node.connection is not None:
            self._transmit(node, node.connection, body, lambda _: None)

    def request(self, node_id: int, body: Message, callback: OnResponse, timeout_ms: int | None = None) -> None:
        """Connect if need be and send; a failure to connect answers NETWORK_EXCEPTION too."""

        def connected(success: bool) -> None:
            if success and self.connected(node_id):
                self.send(node_id, body, callback, timeout_ms)
            else:
                callback(ErrorResponse(ErrorCode.NETWORK_EXCEPTION))

        self.connect(node_id, connected)

    def close(self) -> None:
        """Hang up everywhere; nothing is called back."""
        for node in self._nodes.values():
            if node.connection is not None:
                node.connection.close()
                node.connection = None
            for in_flight in node.in_flight:
                in_flight.deadline.cancel()
            node.in_flight.clear()
            node.waiting.clear()

    def disconnect(self, node_id: int) -> None:
        """Hang up on one node; its requests in flight fail."""
        self._disconnect(self._node(node_id))

    def _node(self, node_id: int) -> Node:
        node = self._nodes.get(node_id)
        if node is None:
            node = self._nodes[node_id] = Node(node_id)
        return node

    def _transmit(self, node: Node, connection: Connection, body: Message, on_response: OnResponse) -> None:
        server = self._directory(node.node_id)
        size_bytes = body.size_bytes()
        connection.to_server(
            size_bytes, server.receive, ServerRequest(server, connection, body, size_bytes, on_response)
        )

    def _try(self, node: Node, attempt: int) -> None:
        server = self._directory(node.node_id)
        round_trip = self._owner.machine.network.round_trip(self._owner.host, server.host)
        if round_trip is not None:
            self._owner.after(2 * round_trip, self._connected, node, True)
        elif attempt < len(SYN_DELAYS):
            self._owner.after(SYN_DELAYS[attempt], self._try, node, attempt + 1)
        else:
            self._connected(node, False)

    def _connected(self, node: Node, reached: bool) -> None:
        server = self._directory(node.node_id)
        node.connecting = False
        success = reached and server.life.alive and server.listening
        if success:
            node.failure_count = 0
            node.connection = Connection(self._owner, server, lambda: self._disconnect(node))
        else:
            self._back_off(node)
        waiting, node.waiting = node.waiting, []
        for then in waiting:
            then(success)

    def _complete(self, node: Node, in_flight: InFlight, response: Message) -> None:
        if node.in_flight and node.in_flight[0] is in_flight:
            node.in_flight.popleft()
            in_flight.deadline.cancel()
            in_flight.callback(response)

    def _disconnect(self, node: Node) -> None:
        if node.connection is not None:
            node.connection.close()
            node.connection = None
            self._back_off(node)
        failed, node.in_flight = node.in_flight, deque()
        for in_flight in failed:
            in_flight.deadline.cancel()
        for in_flight in failed:
            in_flight.callback(ErrorResponse(ErrorCode.NETWORK_EXCEPTION))
        self.on_disconnect()

    def _back_off(self, node: Node) -> None:
        jitter = self._owner.random.uniform(-0.2, 0.2)
        delay_ms = retry_backoff_ms(
            node.failure_count, self._reconnect_backoff_ms, self._reconnect_backoff_max_ms, jitter
        )
        node.failure_count += 1
        node.retry_at = self._owner.now + round(delay_ms * MILLISECOND)


def _nothing() -> None:
    """Nobody cares."""
