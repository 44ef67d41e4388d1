"""A client's connections: connecting with backoff, requests in flight, and their time-outs.

Source: clients/src/main/java/org/apache/kafka/clients/NetworkClient.java, ClusterConnectionStates.java,
    InFlightRequests.java
Fidelity: approximate — the server's answer on API versions takes no request handler
Left out: connections.max.idle.ms, name resolution.
"""

from collections import deque
from collections.abc import Callable, Sequence

from sim.actors.broker.socket_server import Server, ServerRequest
from sim.actors.client.client_node import API_VERSIONS_BYTES, SEND_BUFFER_BYTES, InFlight, Node, OnResponse
from sim.actors.client.heard_request import HeardRequest
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.machine.connection import Connection
from sim.machine.deadlines import Deadlines
from sim.machine.retransmission import syn_timeout
from sim.rules.errors import ErrorCode
from sim.rules.facts.requests import RequestSent
from sim.rules.producer.batching import retry_backoff_ms
from sim.rules.protocol.messages import ErrorResponse, Message

__all__ = ["Directory", "NetworkClient"]

Directory = Callable[[int], Server]

CONNECTION_SETUP_TIMEOUT_MS = 10_000
CONNECTION_SETUP_TIMEOUT_MAX_MS = 30_000
JITTER = 0.2


class NetworkClient:
    """The connections of one client; it lives and dies with the process `owner`.

    `on_disconnect` is called for each connection lost or not made, before the requests in flight fail.
    """

    def __init__(
        self,
        owner: Actor,
        directory: Directory,
        request_timeout_ms: int = 30_000,
        reconnect_backoff_ms: int = 50,
        reconnect_backoff_max_ms: int = 1000,
        max_in_flight: int = 100,
        client_id: str = "",
    ) -> None:
        self._owner = owner
        self._client_id = client_id
        self._directory = directory
        self._reconnect_backoff_ms = reconnect_backoff_ms
        self._reconnect_backoff_max_ms = reconnect_backoff_max_ms
        self._request_timeout_ms = request_timeout_ms
        self._max_in_flight = max_in_flight
        self._timeouts: dict[int, Deadlines] = {}
        self._nodes: dict[int, Node] = {}
        self._closed = False
        self.on_disconnect: Callable[[], object] | None = None

    def connected(self, node_id: int) -> bool:
        """Whether a connection to this node is ready, and not throttled."""
        node = self._nodes.get(node_id)
        return node is not None and self._usable(node)

    def can_send(self, node_id: int) -> bool:
        """Whether a request can be sent to this node now, or too many are in flight already."""
        node = self._nodes.get(node_id)
        return node is not None and self._usable(node) and len(node.in_flight) < self._max_in_flight

    def in_flight_count(self, node_id: int) -> int:
        """How many requests to this node wait for a response."""
        node = self._nodes.get(node_id)
        return 0 if node is None else len(node.in_flight)

    def least_loaded(self, node_ids: Sequence[int]) -> int | None:
        """The ready node with the fewest requests in flight, else one being connected, else the one tried longest ago.

        Equal ones are told apart by chance; None when no node can be asked or connected to now.
        """
        best: tuple[int, int] | None = None
        found = None
        start = self._owner.random.randrange(len(node_ids)) if node_ids else 0
        for node_id in (*node_ids[start:], *node_ids[:start]):
            load = self._load(self._node(node_id))
            if load is not None and (best is None or load < best):
                best, found = load, node_id
        return found

    def connect(self, node_id: int, then: Callable[[bool], None]) -> None:
        """Call `then(True)` when connected, `then(False)` when an attempt has failed.

        A node in backoff is tried when the backoff is over; a throttled one counts as connected afterwards.
        """
        node = self._node(node_id)
        if node.ready and node.throttled_until <= self._owner.clock._now:
            then(True)
        elif not self._closed:
            node.waiting.append(then)
            if not (node.ready or node.connecting):
                node.connecting = True
                self._owner.at(max(self._owner.now, node.retry_at), self._try, node)

    def send(self, node_id: int, body: Message, callback: OnResponse, timeout_ms: int | None = None) -> None:
        """Send on an open connection; a lost connection answers NETWORK_EXCEPTION.

        No answer within request.timeout.ms, or `timeout_ms` if given, closes the connection, and all requests in
        flight on it are answered REQUEST_TIMED_OUT. Raises KeyError or ValueError when not connected.
        """
        node = self._nodes[node_id]
        if not node.ready or node.connection is None:
            raise ValueError(f"not connected to node {node_id}")
        timeout = self._request_timeout_ms if timeout_ms is None else timeout_ms
        in_flight = InFlight(node, callback)
        in_flight.deadline = self._timeout(timeout).book(self._timed_out, in_flight)
        node.in_flight.append(in_flight)
        self._transmit(node.node_id, node.connection, body, in_flight.answered)

    def send_and_forget(self, node_id: int, body: Message) -> None:
        """Send a request that gets no response (acks=0); the next one waits until it is in the socket's buffer."""
        node = self._nodes[node_id]
        if node.ready and node.connection is not None:
            self._transmit(node_id, node.connection, body, lambda _: None)
            self._rest(node, self._owner.host.nic.sent_but(SEND_BUFFER_BYTES))

    def request(self, node_id: int, body: Message, callback: OnResponse, timeout_ms: int | None = None) -> None:
        """Connect if need be and send; a failure to connect answers NETWORK_EXCEPTION too."""

        def connected(success: bool) -> None:
            if success and self.connected(node_id):
                self.send(node_id, body, callback, timeout_ms)
            else:
                callback(ErrorResponse(ErrorCode.NETWORK_EXCEPTION))

        self.connect(node_id, connected)

    def disconnect(self, node_id: int) -> None:
        """Hang up on one node; its requests in flight fail."""
        node = self._node(node_id)
        if node.connection is not None:
            self._disconnected(node)

    def close(self) -> None:
        """Hang up everywhere, for good; nothing is called back."""
        self._closed = True
        for node in self._nodes.values():
            self._hang_up(node)
            for in_flight in node.in_flight:
                in_flight.settle()
            node.in_flight.clear()
            node.waiting.clear()

    def _node(self, node_id: int) -> Node:
        node = self._nodes.get(node_id)
        if node is None:
            node = self._nodes[node_id] = Node(node_id, self._throttle)
        return node

    def _usable(self, node: Node) -> bool:
        return node.ready and node.throttled_until <= self._owner.clock._now

    def _throttle(self, node: Node, throttle_time_ms: int) -> None:
        """A quota is used up: rest as the broker does, which reads nothing meanwhile."""
        throttled = throttle_time_ms * MILLISECOND
        for in_flight in node.in_flight:
            in_flight.throttled += throttled
        self._rest(node, self._owner.now + throttled)

    def _rest(self, node: Node, until: int) -> None:
        if until > max(self._owner.now, node.throttled_until):
            node.throttled_until = until
            self._owner.at(until, self._rested, node)

    def _rested(self, node: Node) -> None:
        if self._usable(node):
            self._call_waiting(node, True)

    def _load(self, node: Node) -> tuple[int, int] | None:
        """How much a node is to be avoided; None for one that cannot be used now."""
        if node.ready:
            return (0, len(node.in_flight)) if self.can_send(node.node_id) else None
        if self._owner.now < node.retry_at:
            return None
        return (1, 0) if node.connecting else (2, node.attempted_at)

    def _timeout(self, timeout_ms: int) -> Deadlines:
        timeouts = self._timeouts.get(timeout_ms)
        if timeouts is None:
            timeouts = self._timeouts[timeout_ms] = Deadlines(self._owner, timeout_ms * MILLISECOND)
        return timeouts

    def _timed_out(self, in_flight: InFlight) -> None:
        """No answer in time, not counting the time in which the node was throttled."""
        rest, in_flight.throttled = in_flight.throttled, 0
        if rest:
            self._owner.after(rest, self._timed_out, in_flight)
        elif in_flight.waiting:
            self._disconnected(in_flight.node, ErrorCode.REQUEST_TIMED_OUT)

    def _transmit(self, node_id: int, connection: Connection, body: Message, on_response: OnResponse) -> None:
        server = self._directory(node_id)
        size_bytes = body.size_bytes()
        if self._owner.machine.facts.wanted(RequestSent):
            heard = HeardRequest(self._owner, server, connection, body, size_bytes, on_response, self._client_id)
            connection.to_server(size_bytes, heard.arrive)
            return
        connection.to_server(
            size_bytes,
            server.receive,
            ServerRequest(server, connection, body, size_bytes, on_response, self._client_id),
        )

    def _try(self, node: Node) -> None:
        node.attempted_at = self._owner.now
        jitter = self._owner.random.uniform(-JITTER, JITTER)
        patience_ms = retry_backoff_ms(
            node.setup_failure_count, CONNECTION_SETUP_TIMEOUT_MS, CONNECTION_SETUP_TIMEOUT_MAX_MS, jitter
        )
        self._knock(node, self._owner.now + patience_ms * MILLISECOND, 0)

    def _knock(self, node: Node, deadline: int, repeated: int) -> None:
        """Send a SYN, again and again while the network lets none through and there is time."""
        owner = self._owner
        if self._closed:
            return
        network, host = owner.machine.network, self._directory(node.node_id).host
        round_trip = network.round_trip(owner.host, host)
        if round_trip is not None:
            owner.after(round_trip, self._accepted, node)
            return
        repeat_after = syn_timeout(repeated, network.filtered(owner.host, host))
        if owner.now + repeat_after < deadline:
            owner.after(repeat_after, self._knock, node, deadline, repeated + 1)
        else:
            node.setup_failure_count += 1
            owner.at(deadline, self._disconnected, node)

    def _accepted(self, node: Node) -> None:
        """TCP has connected, if a process listens, be it a hung one; it is ready when it has told its API versions."""
        server = self._directory(node.node_id)
        if self._closed:
            return
        if not server.life.alive or not server.listening:
            self._disconnected(node)
            return
        connection = node.connection = Connection(self._owner, server, lambda: self._disconnected(node))
        node.setup_deadline = self._timeout(self._request_timeout_ms).book(
            self._disconnected, node, ErrorCode.REQUEST_TIMED_OUT
        )

        def tell_versions() -> None:
            connection.to_client(server.now, API_VERSIONS_BYTES[1], self._become_ready, node)

        connection.to_server(API_VERSIONS_BYTES[0], tell_versions)

    def _become_ready(self, node: Node) -> None:
        node.connecting, node.ready = False, True
        node.disconnect_count = node.setup_failure_count = 0
        if node.setup_deadline is not None:
            node.setup_deadline.cancel()
        self._rested(node)

    def _call_waiting(self, node: Node, success: bool) -> None:
        if node.setup_deadline is not None:
            node.setup_deadline.cancel()
        waiting, node.waiting = node.waiting, []
        for then in waiting:
            then(success)

    def _disconnected(self, node: Node, error: ErrorCode = ErrorCode.NETWORK_EXCEPTION) -> None:
        """A connection is lost, given up or could not be made: back off, tell everybody who waits."""
        if self._closed:
            return
        self._hang_up(node)
        self._back_off(node)
        failed, node.in_flight = node.in_flight, deque()
        for in_flight in failed:
            in_flight.settle()
        if self.on_disconnect is not None:
            self.on_disconnect()
        self._call_waiting(node, False)
        for in_flight in failed:
            in_flight.callback(ErrorResponse(error))

    def _hang_up(self, node: Node) -> None:
        node.connecting = node.ready = False
        if node.connection is not None:
            node.connection.close()
            node.connection = None
        if node.setup_deadline is not None:
            node.setup_deadline.cancel()

    def _back_off(self, node: Node) -> None:
        jitter = self._owner.random.uniform(-JITTER, JITTER)
        delay_ms = retry_backoff_ms(
            node.disconnect_count, self._reconnect_backoff_ms, self._reconnect_backoff_max_ms, jitter
        )
        node.disconnect_count += 1
        node.retry_at = self._owner.now + delay_ms * MILLISECOND
