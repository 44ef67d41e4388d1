"""The network: hosts in racks joined by links, kept as a networkx graph.

It is the only place where delay, loss and partition exist. What an actor sends leaves through its
host's NIC, takes the shortest path that is up, and arrives through the other host's NIC.
Connections behave as TCP: in order, and lost packets come late instead of never. Impediments lie on all that one
set of hosts sends to another, whatever path it takes.

Fidelity: approximate — a loss delays a whole message by one fixed retransmission time-out; a cut is tried again after
    times that double, as TCP does, and what is under way at the cut arrives; what comes in while the way back is cut
    counts as received
Left out: congestion windows, packets and their headers, switches as a bottleneck, the end of a connection that TCP has
    tried for too long.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import networkx

from sim.machine.clock import MICROSECOND, Clock
from sim.machine.devices import Cpu, Nic
from sim.machine.devices.fair_lane import FairLane
from sim.machine.impediments import Impediment, Impediments, Route
from sim.machine.life import Life
from sim.machine.retransmission import RETRANSMISSION_TIMEOUT, next_retransmission

__all__ = ["Flow", "Host", "Link", "Network"]

LOOPBACK = 20 * MICROSECOND
"""One way through the loopback interface of one host (estimated, not measured)."""


@dataclass(slots=True, eq=False)
class Host:
    """A machine on the network: a name, a rack, a full-duplex NIC, and the processors if all that runs shares them."""

    name: str
    rack: str
    nic: Nic
    cores: Cpu | None = None


@dataclass(slots=True)
class Link:
    """One edge of the graph; latency and jitter in nanoseconds one way, loss as a share of messages."""

    latency: int = 50 * MICROSECOND
    jitter: int = 10 * MICROSECOND
    loss: float = 0.0
    up: bool = True


class Flow:
    """One direction of one connection: what is sent first arrives first, whatever the network does."""

    __slots__ = ("arrival", "held", "last_byte")

    def __init__(self) -> None:
        self.arrival = self.last_byte = 0
        self.held: list[tuple[int, Life, Callable[..., object], tuple[Any, ...]]] = []


@dataclass(slots=True)
class Stranded:
    """A flow whose messages wait for the network to heal; `filtered` tells that the sender's host itself drops them."""

    source: Host
    target: Host
    flow: Flow
    since: int
    filtered: bool


class Network:
    """Hosts, links and the way of a message between them.

    With `socket_buffer_bytes` a message takes a round trip for each buffer that it fills, if the card is not slower.
    """

    def __init__(self, clock: Clock, chance: random.Random) -> None:
        self.graph = networkx.Graph()
        self._clock = clock
        self._chance = chance
        self._routes: dict[tuple[str, str], Route | None] = {}
        self._stranded: list[Stranded] = []
        self._impediments = Impediments()
        self.socket_buffer_bytes = 0

    def add_host(
        self,
        name: str,
        rack: str = "rack-1",
        nic: Nic | None = None,
        link: Link | None = None,
        cores: Cpu | None = None,
    ) -> Host:
        """Attach a host to its rack's switch; a new rack's switch is joined to the core.

        Raises ValueError for a name that is taken, by a host or by a switch.
        """
        if rack not in self.graph:
            self.graph.add_node("core", kind="switch")
            self.graph.add_node(rack, kind="switch")
            self.graph.add_edge("core", rack, link=Link())
        if name in self.graph:
            raise ValueError(f"the network has a node named {name!r} already")
        host = Host(name, rack, nic or Nic(), cores)
        self.graph.add_node(name, kind="host", host=host)
        self.graph.add_edge(name, rack, link=link or Link())
        self._routes.clear()
        return host

    def link(self, one: str, other: str) -> Link:
        """The link between two neighbours of the graph. Raises KeyError where there is none.

        Routes are remembered: after changing the link's figures call `set_up`.
        """
        found: Link = self.graph.edges[one, other]["link"]
        return found

    def set_up(self, one: str, other: str, up: bool) -> None:
        """Cut or mend a link; what waited for it is sent again."""
        self.link(one, other).up = up
        self._changed()

    def impede(self, name: str, impediment: Impediment) -> None:
        """Lay an impediment on the network, under a name by which it is taken away again."""
        self._impediments.add(name, impediment)
        self._changed()

    def relieve(self, name: str) -> None:
        """Take an impediment away; what waited because of it is sent again. Raises KeyError for an unknown name."""
        self._impediments.remove(name)
        self._changed()

    def _changed(self) -> None:
        """Look for new routes; where there is one again, TCP finds it at its next attempt."""
        self._routes.clear()
        waiting, self._stranded = self._stranded, []
        for stranded in waiting:
            if self.reachable(stranded.source, stranded.target):
                attempt = next_retransmission(stranded.since, self._clock._now, stranded.filtered)
                self._clock.call_at(attempt, self._send_again, stranded)
            else:
                self._stranded.append(stranded)

    def reachable(self, source: Host, target: Host) -> bool:
        """Whether a path of links that are up leads from one host to another."""
        return source is target or self._route(source, target) is not None

    def filtered(self, source: Host, target: Host) -> bool:
        """Whether the source itself drops what it sends to the target."""
        return self._impediments.filtered(source.name, target.name)

    def round_trip(self, one: Host, other: Host) -> int | None:
        """The latency there and back, in nanoseconds; None when one of them cannot reach the other."""
        if one is other:
            return 2 * LOOPBACK
        there, back = self._route(one, other), self._route(other, one)
        if there is None or back is None:
            return None
        return there.latency + back.latency + max(there.jitter, back.jitter)

    def transmit(
        self,
        source: Host,
        target: Host,
        size_bytes: int,
        flow: Flow,
        life: Life,
        function: Callable[..., object],
        *arguments: Any,
    ) -> None:
        """Hand a message to the sender's NIC now; `function` is called in the target's life when its last byte is in.

        A message that finds no path waits, with all that follow it in its flow, and is sent again when the
        network has healed.
        """
        now = self._clock._now
        if source is target:
            flow.arrival = max(now + LOOPBACK, flow.arrival)
            self._clock.call_at(flow.arrival, life.run, function, *arguments)
            return
        card, other_card = source.nic, target.nic
        route = None if flow.held else self._route(source, target)
        if route is None:
            if not flow.held:
                self._stranded.append(Stranded(source, target, flow, now, self.filtered(source, target)))
            flow.held.append((size_bytes, life, function, arguments))
            return
        flight = self._flight(route)
        if self.socket_buffer_bytes:
            windowed = size_bytes // self.socket_buffer_bytes * 2 * route.latency
            flight += max(0, windowed - card.time_for(size_bytes))
        if card.lanes is not None and other_card.lanes is not None and not route.narrows:
            flow.arrival = max(now + flight, flow.arrival)
            card.sent_bytes += size_bytes
            other_card.received_bytes += size_bytes
            out, into = card.lanes[0], other_card.lanes[1]
            self._share(out, into, flow, size_bytes, lambda: life.run(function, *arguments))
            return
        left = card.send(now, size_bytes)
        for narrow in route.narrows:
            left = narrow.send(left, size_bytes)
        arrival = left + flight
        if arrival > flow.arrival:
            flow.arrival = arrival
        self._clock.call_at(flow.arrival, self._arrive, other_card, size_bytes, life, function, arguments)

    def _share(self, out: FairLane, into: FairLane, flow: Flow, size_bytes: int, deliver: Callable[[], object]) -> None:
        """Carry a message through two cards at once; the second begins when the first byte is there."""
        first_byte, under_way = flow.arrival, 2

        def through() -> None:
            nonlocal under_way
            under_way -= 1
            if not under_way:
                deliver()

        flight = first_byte - self._clock._now

        def left() -> None:
            flow.last_byte = max(flow.last_byte, self._clock._now + flight)
            self._clock.call_at(flow.last_byte, through)

        out.carry(flow, size_bytes, left)
        self._clock.call_at(first_byte, into.carry, flow, size_bytes, through)

    def _arrive(
        self, nic: Nic, size_bytes: int, life: Life, function: Callable[..., object], arguments: tuple[Any, ...]
    ) -> None:
        """The last byte is at the target's NIC, which may still be busy with what came before."""
        now = self._clock._now
        received = nic.receive(now, size_bytes)
        if received > now:
            self._clock.call_at(received, life.run, function, *arguments)
        elif life.alive and not life.paused:
            function(*arguments)
        else:
            life.run(function, *arguments)

    def _send_again(self, stranded: Stranded) -> None:
        if not self.reachable(stranded.source, stranded.target):
            self._stranded.append(stranded)
            return
        flow = stranded.flow
        held, flow.held = flow.held, []
        for size_bytes, life, function, arguments in held:
            self.transmit(stranded.source, stranded.target, size_bytes, flow, life, function, *arguments)

    def _flight(self, route: Route) -> int:
        flight = route.latency
        if route.jitter:
            flight += int(self._chance.random() * route.jitter)
        if route.delivered < 1.0:
            while self._chance.random() > route.delivered:
                flight += RETRANSMISSION_TIMEOUT
        return flight

    def _route(self, source: Host, target: Host) -> Route | None:
        key = (source.name, target.name)
        try:
            return self._routes[key]
        except KeyError:
            found = self._routes[key] = self._find_route(*key)
            return found

    def _find_route(self, source: str, target: str) -> Route | None:
        def usable(one: str, other: str) -> bool:
            link = self.link(one, other)
            return link.up and link.loss < 1.0

        try:
            path = networkx.bidirectional_shortest_path(
                networkx.subgraph_view(self.graph, filter_edge=usable), source, target
            )
        except networkx.NetworkXNoPath:
            return None
        links = [self.link(a, b) for a, b in pairwise(path)]
        found = Route(sum(link.latency for link in links), sum(link.jitter for link in links), 1.0)
        for link in links:
            found.delivered *= 1.0 - link.loss
        return self._impediments.applied(found, source, target)
