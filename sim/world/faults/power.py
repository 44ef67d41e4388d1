"""Loss of power: machines stop, and what was not on their disks is gone."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.rules.errors import ConfigError
from sim.world.faults.fault import Fault, require_known

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker
    from sim.world.flight import Flight

__all__ = ["PowerFailure"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PowerFailure(Fault):
    """The machines of brokers lose power at the same moment, and with it what was neither flushed nor written back.

    Named are `brokers`, or all those of a `rack`, or with nothing every broker; they are started again at the end.
    """

    brokers: tuple[int, ...] = ()
    rack: str = ""

    @property
    def subject(self) -> str:
        """What breaks."""
        if self.rack:
            return f"every broker in {self.rack}"
        if not self.brokers:
            return "every broker"
        return f"broker{'s' * (len(self.brokers) > 1)} {', '.join(map(str, self.brokers))}"

    @property
    def predicate(self) -> str:
        """What happens to them."""
        return "lose power" if len(self.brokers) > 1 else "loses power"

    @property
    def holds(self) -> tuple[str, ...]:
        """The processes; which those in a rack are is not known beforehand."""
        return tuple(f"the process of broker {broker}" for broker in self.brokers) or ("the process of every broker",)

    def check(self, flight: "Flight") -> None:
        """Refuse brokers and racks that do not exist, and both at once."""
        if self.rack and self.brokers:
            raise ConfigError(f"fault {str(self)!r}: name brokers or a rack, not both")
        for broker in self.brokers:
            require_known(self, "broker", broker, flight.cluster.brokers)
        if self.rack:
            racks = dict.fromkeys(broker.host.rack for broker in flight.cluster.brokers.values())
            require_known(self, "rack with brokers", self.rack, racks)

    def begin(self, flight: "Flight") -> None:
        """Cut the power."""
        for broker in self.machines(flight):
            broker.lose_power()

    def end(self, flight: "Flight") -> None:
        """Power is back: the brokers start."""
        for broker in self.machines(flight):
            broker.start()

    def machines(self, flight: "Flight") -> "list[Broker]":
        """The brokers that lose power."""
        brokers = flight.cluster.brokers
        if self.rack:
            return [broker for broker in brokers.values() if broker.host.rack == self.rack]
        return [brokers[broker] for broker in self.brokers or brokers]
