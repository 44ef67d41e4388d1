"""The network: hosts in racks joined by links, kept as a networkx graph.

It is the only place where delay, loss and partition exist. What an actor sends leaves through its
host's NIC, takes the shortest path that is up, and arrives through the other host's NIC.
Connections behave as TCP: in order, and lost packets come late instead of never.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import networkx

from sim.machine.clock import MICROSECOND, MILLISECOND, Clock
from sim.machine.devices import Nic
from sim.machine.life import Life

__all__ = ["RETRANSMISSION_TIMEOUT", "Host", "Link", "Network", "Route"]

RETRANSMISSION_TIMEOUT = 200 * MILLISECOND
"""What a lost packet costs: TCP's minimum retransmission time-out on Linux (RFC 6298 asks for one second)."""

LOOPBACK = 20 * MICROSECOND
"""One way through the loopback interface of one host (estimated, not measured)."""


@dataclass(slots=True, eq=False)
class Host:
    """A machine on the network: a name, a rack and a full-duplex NIC."""

    name: str
    rack: str
    nic: Nic


@dataclass(slots=True)
class Link:
    """One edge of the graph; latency and jitter in nanoseconds one way, loss as a share of messages."""

    latency: int = 50 * MICROSECOND
    jitter: int = 10 * MICROSECOND
    loss: float = 0.0
    up: bool = True


@dataclass(slots=True)
class Route:
    """The path between two hosts, summed up."""

    latency: int
    jitter: int
    delivered: float


@dataclass(slots=True)
class Stranded:
    """A message that waits for the network to heal."""

    source: Host
    target: Host
    send: Callable[[], None] = field(repr=False)


class Network:
    """Hosts, links and the way of a message between them."""

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self.graph = networkx.Graph()
        self._clock = clock
        self._chance = chance
        self._routes: dict[tuple[str, str], Route | None] = {}
        self._stranded: list[Stranded] = []

    def add_host(self, name: str, rack: str = "rack-1", nic: Nic | None = None, link: Link | None = None) -> Host:
        """Attach a host to its rack's switch; a new rack's switch is joined to the core."""
        if rack not in self.graph:
            self.graph.add_node("core", kind="switch")
            self.graph.add_node(rack, kind="switch")
            self.graph.add_edge("core", rack, link=Link())
        host = Host(name, rack, nic or Nic())
        self.graph.add_node(name, kind="host", host=host)
        self.graph.add_edge(name, rack, link=link or Link())
        self._routes.clear()
        return host

    def link(self, one: str, other: str) -> Link:
        """The link between two neighbours of the graph. Raises KeyError where there is none."""
        found: Link = self.graph.edges[one, other]["link"]
        return found

    def set_up(self, one: str, other: str, up: bool) -> None:
        """Cut or mend a link; what waited for it is sent again."""
        self.link(one, other).up = up
        self._routes.clear()
        waiting, self._stranded = self._stranded, []
        for message in waiting:
            if self.reachable(message.source, message.target):
                self._clock.call_at(int(self._clock.now) + RETRANSMISSION_TIMEOUT, message.send)
            else:
                self._stranded.append(message)

    def reachable(self, source: Host, target: Host) -> bool:
        """Whether a path of links that are up joins two hosts."""
        return source is target or self._route(source, target) is not None

    def round_trip(self, one: Host, other: Host) -> int | None:
        """Twice the latency between two hosts, in nanoseconds; None when they cannot reach each other."""
        if one is other:
            return 2 * LOOPBACK
        route = self._route(one, other)
        return None if route is None else 2 * route.latency + route.jitter

    def transmit(
        self,
        source: Host,
        target: Host,
        size_bytes: int,
        departure: int,
        earliest: int,
        life: Life,
        function: Callable[..., None],
        *arguments: Any,
    ) -> int:
        """Send a message so that `function` is called in the target's life when its last byte is in.

        `departure` is when it is handed to the sender's NIC, now or later; `earliest` is the first moment
        at which it may arrive, which keeps the messages of one connection in order. Returns the time of
        arrival; for a message that the network cannot deliver yet, `earliest`.
        """
        if source is target:
            arrival = max(departure + LOOPBACK, earliest)
            self._clock.call_at(arrival, life.run, function, *arguments)
            return arrival
        route = self._route(source, target)
        if route is None:

            def again() -> None:
                now = int(self._clock.now)
                self.transmit(source, target, size_bytes, now, earliest, life, function, *arguments)

            self._stranded.append(Stranded(source, target, again))
            return earliest
        sent = source.nic.send(departure, size_bytes)
        arrival = max(target.nic.receive(sent + self._flight(route), size_bytes), earliest)
        self._clock.call_at(arrival, life.run, function, *arguments)
        return arrival

    def _flight(self, route: Route) -> int:
        flight = route.latency
        if route.jitter:
            flight += int(self._chance.random() * route.jitter)
        while route.delivered < 1.0 and self._chance.random() > route.delivered:
            flight += RETRANSMISSION_TIMEOUT
        return flight

    def _route(self, source: Host, target: Host) -> Route | None:
        key = (source.name, target.name)
        if key not in self._routes:
            self._routes[key] = self._find_route(*key)
        return self._routes[key]

    def _find_route(self, source: str, target: str) -> Route | None:
        usable = networkx.subgraph_view(self.graph, filter_edge=lambda a, b: self.link(a, b).up)
        try:
            path = networkx.shortest_path(usable, source, target)
        except networkx.NetworkXNoPath:
            return None
        links = [self.link(a, b) for a, b in pairwise(path)]
        delivered = 1.0
        for link in links:
            delivered *= 1.0 - link.loss
        return Route(sum(link.latency for link in links), sum(link.jitter for link in links), delivered)
