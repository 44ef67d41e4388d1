"""What hinders messages between hosts, and what it leaves of a route."""

from dataclasses import dataclass

from sim.machine.devices import Nic

__all__ = ["Impediment", "Impediments", "Route"]


@dataclass(frozen=True, slots=True)
class Impediment:
    """What hinders all that hosts of one set send to hosts of another, and back unless `one_way`.

    Times are nanoseconds one way; `loss` is a share of messages; all that passes in one direction shares `bytes_per_s`.
    A cut is out in the network, but for what the hosts of `filtering` send: it does not even leave them.
    """

    sources: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    one_way: bool = False
    cut: bool = False
    latency: int = 0
    jitter: int = 0
    loss: float = 0.0
    bytes_per_s: float | None = None
    filtering: frozenset[str] = frozenset()

    def direction(self, source: str, target: str) -> int | None:
        """0 on the way there, 1 on the way back, None for what it does not touch."""
        if source in self.sources and target in self.targets:
            return 0
        if not self.one_way and source in self.targets and target in self.sources:
            return 1
        return None


@dataclass(slots=True)
class Route:
    """The path between two hosts, summed up; messages queue at each of the `narrows`."""

    latency: int
    jitter: int
    delivered: float
    narrows: tuple[Nic, ...] = ()


class Impediments:
    """All impediments on a network, by name; a narrow place is a queue of its own in each direction."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[Impediment, tuple[Nic, ...]]] = {}

    def add(self, name: str, impediment: Impediment) -> None:
        """One more; one of the same name is replaced."""
        rate = impediment.bytes_per_s
        self._known[name] = impediment, () if rate is None else (Nic(rate), Nic(rate))

    def remove(self, name: str) -> None:
        """One less. Raises KeyError for an unknown name."""
        del self._known[name]

    def filtered(self, source: str, target: str) -> bool:
        """Whether what one host sends to another is dropped by the sender itself, whose TCP notices."""
        return any(
            impediment.cut and source in impediment.filtering and impediment.direction(source, target) is not None
            for impediment, _ in self._known.values()
        )

    def applied(self, route: Route, source: str, target: str) -> Route | None:
        """What they leave of a route; None behind a cut."""
        for impediment, narrows in self._known.values():
            direction = impediment.direction(source, target)
            if direction is None:
                continue
            if impediment.cut:
                return None
            route.latency += impediment.latency
            route.jitter += impediment.jitter
            route.delivered *= 1.0 - impediment.loss
            if narrows:
                route.narrows += (narrows[direction],)
        return route
