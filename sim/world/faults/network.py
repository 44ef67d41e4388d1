"""What befalls the network between two sides: cuts, in both directions or one, and bad links.

A side lists hosts by name (`broker-1`, `controller`, an application's name) or all of a kind: `brokers`,
`controllers`, `clients`; nothing stands for everybody else.
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sim.machine.clock import parse_duration
from sim.machine.impediments import Impediment
from sim.rules.errors import ConfigError
from sim.world.faults.fault import Fault, require_known

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["CloggedLink", "LatencySpike", "LossyLink", "NetworkPartition"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkFault(Fault):
    """A fault of every path between two sides; with `one_way` only of what the first sends to the other."""

    side: tuple[str, ...]
    other: tuple[str, ...] = ()
    one_way: bool = False

    @property
    def subject(self) -> str:
        """What breaks."""
        arrow = "to" if self.one_way else "between"
        other = " and ".join(self.other) or "everybody else"
        if self.one_way:
            return f"the network from {' and '.join(self.side)} {arrow} {other}"
        return f"the network {arrow} {' and '.join(self.side)} and {other}"

    def check(self, flight: "Flight") -> None:
        """Refuse hosts that do not exist, and a side that is empty or on both sides."""
        known = ["brokers", "controllers", "clients", *flight.cluster.hosts()]
        for name in (*self.side, *self.other):
            require_known(self, "host", name, known)
        side, other = self.sides(flight)
        if not side or not other or side & other:
            raise ConfigError(f"fault {str(self)!r}: name hosts on one side, and others on the other")

    def begin(self, flight: "Flight") -> None:
        """Impede what goes between the sides."""
        side, other = self.sides(flight)
        impediment = replace(self.effect, sources=side, targets=other, one_way=self.one_way)
        flight.machine.network.impede(repr(self), impediment)

    def end(self, flight: "Flight") -> None:
        """Let everything pass again."""
        flight.machine.network.relieve(repr(self))

    @property
    def effect(self) -> Impediment:
        """What the network does meanwhile."""
        raise TypeError(f"{type(self).__name__} impedes nothing")

    def sides(self, flight: "Flight") -> tuple[frozenset[str], frozenset[str]]:
        """The hosts on both sides."""
        hosts = flight.cluster.hosts()
        kinds = {"brokers": "broker", "controllers": "controller", "clients": "client"}

        def named(names: tuple[str, ...]) -> frozenset[str]:
            wanted = [kinds.get(name, name) for name in names]
            return frozenset(host for host, kind in hosts.items() if host in wanted or kind in wanted)

        side = named(self.side)
        other = named(self.other) - side if self.other else frozenset(hosts) - side
        return side, other


@dataclass(frozen=True, slots=True, kw_only=True)
class NetworkPartition(NetworkFault):
    """No packet passes between the two sides; what is sent waits, as TCP does, and comes after the end."""

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "is cut"

    @property
    def effect(self) -> Impediment:
        """A cut."""
        return Impediment(cut=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LatencySpike(NetworkFault):
    """Every message takes longer by `latency`, and by up to `jitter` more."""

    latency: str = "100ms"
    jitter: str = "0ms"

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"is slower by {self.latency}"

    @property
    def effect(self) -> Impediment:
        """More latency."""
        latency, jitter = parse_duration(self.latency), parse_duration(self.jitter)
        return Impediment(latency=latency, jitter=jitter)


@dataclass(frozen=True, slots=True, kw_only=True)
class LossyLink(NetworkFault):
    """A share of all messages is lost and sent again, each time after TCP's retransmission time-out."""

    loss: float = 0.05

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"loses {self.loss:.3g} of all messages"

    def check(self, flight: "Flight") -> None:
        """Refuse what is no share, too."""
        NetworkFault.check(self, flight)
        if not 0 < self.loss < 1:
            raise ConfigError(f"fault {str(self)!r}: loss is a share between 0 and 1, such as 0.05")

    @property
    def effect(self) -> Impediment:
        """Losses."""
        return Impediment(loss=self.loss)


@dataclass(frozen=True, slots=True, kw_only=True)
class CloggedLink(NetworkFault):
    """All that passes in one direction shares so many bytes per second, one message after the other."""

    bytes_per_s: float = 100_000.0

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"carries {self.bytes_per_s:,.0f} bytes per second only"

    def check(self, flight: "Flight") -> None:
        """Refuse no bandwidth, too."""
        NetworkFault.check(self, flight)
        if not self.bytes_per_s > 0:
            raise ConfigError(f"fault {str(self)!r}: bytes_per_s must be more than 0; a cut is a NetworkPartition")

    @property
    def effect(self) -> Impediment:
        """A narrow place."""
        return Impediment(bytes_per_s=self.bytes_per_s)
