"""A connection between two processes, as TCP gives it: ordered both ways, reset when one of them dies."""

from collections import deque
from collections.abc import Callable
from typing import Any

from sim.machine.actor import Actor

__all__ = ["Connection"]

RESET_SIZE_BYTES = 60


class Connection:
    """One open connection from a client's process to a server's process, for one life of each.

    When the server dies the client's `lost` callback runs after the time that the reset needs, if the
    network lets it through; a hang or a cut cable resets nothing. `muted` and `queue` belong to the server.
    """

    __slots__ = (
        "_arrivals",
        "_client",
        "_client_life",
        "_lost",
        "_network",
        "_server",
        "_server_life",
        "muted",
        "open",
        "queue",
    )

    def __init__(self, client: Actor, server: Actor, lost: Callable[[], None]) -> None:
        self._network = client.machine.network
        self._client, self._client_life = client, client.life
        self._server, self._server_life = server, server.life
        self._arrivals = [0, 0]
        self._lost = lost
        self.open = True
        self.muted = False
        self.queue: deque[Any] = deque()
        client.life.endings[self] = self._client_died
        server.life.endings[self] = self._server_died

    def to_server(self, size_bytes: int, function: Callable[..., None], *arguments: Any) -> None:
        """Send to the server, where `function` is called on arrival."""
        client, server = self._client, self._server
        self._arrivals[0] = self._network.transmit(
            client.host, server.host, size_bytes, client.now, self._arrivals[0], self._server_life, function, *arguments
        )

    def to_client(self, departure: int, size_bytes: int, function: Callable[..., None], *arguments: Any) -> None:
        """Send to the client from `departure` on; nothing once the client has hung up."""
        if self.open:
            client, server = self._client, self._server
            self._arrivals[1] = self._network.transmit(
                server.host,
                client.host,
                size_bytes,
                departure,
                self._arrivals[1],
                self._client_life,
                function,
                *arguments,
            )

    def close(self) -> None:
        """The client hangs up; what it sent before is still read by the server, answers are dropped."""
        self.open = False
        self._client_life.endings.pop(self, None)
        self._server_life.endings.pop(self, None)

    def drop(self) -> None:
        """The server hangs up; the client notices after the time that the message needs."""
        self.to_client(self._server.now, RESET_SIZE_BYTES, self._reset)
        self._server_life.endings.pop(self, None)

    def _client_died(self) -> None:
        self.open = False
        self._server_life.endings.pop(self, None)

    def _server_died(self) -> None:
        self.drop()

    def _reset(self) -> None:
        self._client_life.endings.pop(self, None)
        if self.open:
            self.open = False
            self._lost()
