"""What the faults of a flight can do at most to leaders, requests and disks, whatever the timing."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from sim.world import faults
from sim.world.faults import Fault
from sim.world.faults.network import NetworkFault
from sim.world.flight import Flight
from sim.world.topics import Topic

__all__ = ["Troubles", "troubles_of"]

SERVERS: tuple[type[Fault], ...] = (
    faults.BrokerCrash,
    faults.BrokerHang,
    faults.BrokerShutdown,
    faults.ControllerCrash,
    faults.ControllerHang,
    faults.DiskFailed,
    faults.DiskFull,
    faults.DiskStalled,
    faults.PowerFailure,
    faults.RollingRestart,
)
"""Faults after which another broker may lead."""

SLOW: tuple[type[Fault], ...] = (faults.CpuContention, faults.DiskSlow)
"""Faults that let requests take long."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """`leaders_move` and `requests_break` say what may happen to anybody, `frozen` to the requests of single
    applications; `powerless` are the brokers that lose power, `changes` the keys that topics get meanwhile."""

    leaders_move: bool = False
    requests_break: bool = False
    frozen: frozenset[str] = frozenset()
    powerless: frozenset[int] = frozenset()
    changes: tuple[tuple[str, str, str], ...] = ()

    def of(self, app: str) -> "Troubles":
        """As one application has them."""
        return replace(self, requests_break=self.requests_break or app in self.frozen)

    def configs(self, topic: Topic) -> Iterator[Mapping[str, object]]:
        """What a topic's configuration is overridden with, one after the other; nothing at first."""
        yield {}
        yield from ({key: value} for name, key, value in self.changes if name == topic.name)


def troubles_of(flight: Flight) -> Troubles:
    """All that the faults of a flight may lead to."""
    planned = flight.plan.faults
    kinds = flight.cluster.hosts()
    cut = [_ends(flight, fault) for fault in planned if isinstance(fault, NetworkFault)]
    between_servers = any("client" not in {kinds[host] for host in pair} for ends in cut for pair in ends)
    moves = between_servers or any(isinstance(fault, SERVERS) for fault in planned)
    return Troubles(
        leaders_move=moves,
        requests_break=moves or bool(cut) or any(isinstance(fault, SLOW) for fault in planned),
        frozen=frozenset(fault.app for fault in planned if isinstance(fault, faults.AppHang)),
        powerless=frozenset(broker for fault in planned for broker in _powerless(flight, fault)),
        changes=tuple(
            (fault.topic, fault.key, fault.value) for fault in planned if isinstance(fault, faults.ConfigChange)
        ),
    )


def _ends(flight: Flight, fault: NetworkFault) -> Iterable[tuple[str, str]]:
    side, other = fault.sides(flight)
    return [(one, another) for one in side for another in other]


def _powerless(flight: Flight, fault: Fault) -> Iterator[int]:
    if isinstance(fault, faults.PowerFailure):
        yield from (broker.node_id for broker in fault.machines(flight))
