"""A connection between two processes, as TCP gives it: ordered both ways, reset when one of them dies.

Fidelity: approximate — a server that hangs up still reads what is under way to it; what waits behind a cut when its
    sender hangs up is given up; a server learns of a dead client
    only by its silence unless it asks to be told
Left out: keep-alive, full socket buffers, the handshake of TLS.
"""

from collections import deque
from collections.abc import Callable
from typing import Any

from sim.machine.actor import Actor
from sim.machine.network import Flow

__all__ = ["Connection"]

RESET_SIZE_BYTES = 60


class Connection:
    """One open connection from a client's process to a server's process, for one life of each.

    When the server dies the client's `lost` callback runs after the time that the reset needs, if the
    network lets it through; a hang or a cut cable resets nothing. `muted` and `queue` belong to the server; if it
    sets `on_hang_up`, that is called when it hears that the client has closed the connection, or died.
    """

    __slots__ = (
        "_answers",
        "_client",
        "_client_life",
        "_departure",
        "_lost",
        "_network",
        "_requests",
        "_server",
        "_server_life",
        "_unsent",
        "muted",
        "on_hang_up",
        "open",
        "queue",
    )

    def __init__(self, client: Actor, server: Actor, lost: Callable[[], None]) -> None:
        self._network = client.machine.network
        self._client, self._client_life = client, client.life
        self._server, self._server_life = server, server.life
        self._requests, self._answers = Flow(), Flow()
        self._departure = self._unsent = 0
        self._lost = lost
        self.open = True
        self.muted = False
        self.on_hang_up: Callable[[], None] | None = None
        self.queue: deque[Any] = deque()
        client.life.endings[self] = self._client_died
        server.life.endings[self] = self._server_died

    def to_server(self, size_bytes: int, function: Callable[..., object], *arguments: Any) -> None:
        """Send to the server, where `function` is called on arrival; nothing once the client has hung up."""
        if self.open:
            self._network.transmit(
                self._client.host,
                self._server.host,
                size_bytes,
                self._requests,
                self._server_life,
                function,
                *arguments,
            )

    def to_client(self, departure: int, size_bytes: int, function: Callable[..., object], *arguments: Any) -> None:
        """Send to the client when the server has got to `departure`, in the order of these calls.

        Nothing once the client has hung up, nor when the server dies before.
        """
        clock = self._server.clock
        if departure > self._departure:
            self._departure = departure
        if self._unsent or self._departure > clock._now:
            self._unsent += 1
            clock.call_at(self._departure, self._server_life.run, self._depart, size_bytes, function, arguments)
        else:
            self._answer(size_bytes, function, arguments)

    def _depart(self, size_bytes: int, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        self._unsent -= 1
        self._answer(size_bytes, function, arguments)

    def _answer(self, size_bytes: int, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        if self.open:
            self._network.transmit(
                self._server.host,
                self._client.host,
                size_bytes,
                self._answers,
                self._client_life,
                self._arrive,
                function,
                arguments,
            )

    def _arrive(self, function: Callable[..., object], arguments: tuple[Any, ...]) -> None:
        if self.open:
            function(*arguments)

    def close(self) -> None:
        """The client hangs up; what has left its host before is still read by the server, answers are dropped."""
        self._requests.held.clear()
        self._tell_server()
        self._client_life.endings.pop(self, None)
        self._server_life.endings.pop(self, None)

    def drop(self) -> None:
        """The server hangs up; the client notices after the time that the message needs.

        Answers not yet sent are void.
        """
        self._answer(RESET_SIZE_BYTES, self._reset, ())
        self._server_life.endings.pop(self, None)

    def _client_died(self) -> None:
        self._tell_server()
        self._server_life.endings.pop(self, None)

    def _tell_server(self) -> None:
        if self.open and self.on_hang_up is not None:
            self.to_server(RESET_SIZE_BYTES, self.on_hang_up)
        self.open = False

    def _server_died(self) -> None:
        """Its operating system closes what it had open once it has cleared the process away."""
        self._server.clock.call_at(self._server.now + self._server.clearing, self.drop)

    def _reset(self) -> None:
        self._client_life.endings.pop(self, None)
        if self.open:
            self.open = False
            self._lost()
