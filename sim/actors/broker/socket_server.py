"""The server's end of connections: requests of one connection are answered one at a time, in order."""

from collections.abc import Callable

from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.machine.connection import Connection
from sim.rules.protocol.messages import Message

__all__ = ["Server", "ServerRequest"]


class ServerRequest:
    """A request that has arrived; `reply` it once, `done` where no answer is wanted (acks=0), or `hang_up` on it."""

    __slots__ = ("body", "client_id", "connection", "on_response", "server", "size_bytes")

    def __init__(
        self,
        server: "Server",
        connection: Connection,
        body: Message,
        size_bytes: int,
        on_response: Callable[[Message], object],
        client_id: str = "",
    ) -> None:
        self.client_id = client_id
        self.server = server
        self.connection = connection
        self.body = body
        self.size_bytes = size_bytes
        self.on_response = on_response

    def reply(self, body: Message, departure: int = 0) -> None:
        """Send the answer, now or at `departure`, and take the next request when the client is not throttled."""
        server, size_bytes = self.server, body.size_bytes()
        now = server.clock._now
        leaves = server.leaves(departure if departure > now else now, size_bytes)
        self.connection.to_client(leaves, size_bytes, self.on_response, body)
        self.done(body.throttle_time_ms)

    def hang_up(self) -> None:
        """Close the connection: nothing more that comes on it is looked at."""
        self.connection.drop()
        self.connection.queue.clear()

    def done(self, throttle_time_ms: int = 0) -> None:
        """Take the next request of the connection, now or after so many milliseconds."""
        if throttle_time_ms > 0:
            self.server.after(throttle_time_ms * MILLISECOND, self.done)
            return
        connection = self.connection
        connection.muted = False
        if connection.queue:
            self.server.receive(connection.queue.popleft())


class Server(Actor):
    """A process that answers requests while it is `listening`.

    As in Kafka a connection is muted from the arrival of a request to its answer, so that what a client
    pipelines waits in the socket.

    Source: core/src/main/scala/kafka/network/SocketServer.scala
    Fidelity: approximate — before it listens a process resets a connection at its first request, where Kafka's has no
        open port
    """

    listening = True

    def receive(self, request: ServerRequest) -> None:
        """A request has come in."""
        connection = request.connection
        if not self.listening:
            connection.drop()
        elif connection.muted:
            connection.queue.append(request)
        else:
            connection.muted = True
            self.handle(request)

    def leaves(self, time: int, size_bytes: int) -> int:  # noqa: ARG002
        """When an answer that is ready at a time goes out to the network."""
        return time

    def handle(self, request: ServerRequest) -> None:
        """Begin to work on a request; subclasses decide."""
        raise TypeError(f"{self.name} answers no {type(request.body).__name__}")
