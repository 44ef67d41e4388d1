"""What befalls the processors of brokers: others take their share, or the collector of garbage all of it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.rules.errors import ConfigError
from sim.world.faults.broker import BrokerFault, BrokerHang

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["CpuContention", "StopTheWorldPause"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CpuContention(BrokerFault):
    """Others use the broker's machine (noisy neighbours): the work of every request takes `factor` times as long."""

    factor: float = 4.0

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"the processor of broker {self.broker}"

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"is {self.factor:g} times as slow"

    @property
    def holds(self) -> tuple[str, ...]:
        """The processor."""
        return (self.subject,)

    def check(self, flight: "Flight") -> None:
        """Refuse a factor that stops or turns time, too."""
        BrokerFault.check(self, flight)
        if not self.factor > 0:
            raise ConfigError(f"fault {str(self)!r}: factor must be more than 0, such as 4")

    def begin(self, flight: "Flight") -> None:
        """Slow it down."""
        self.process(flight).cpu.slowness = self.factor

    def end(self, flight: "Flight") -> None:
        """The broker has its machine to itself again."""
        self.process(flight).cpu.slowness = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class StopTheWorldPause(BrokerHang):
    """A broker's Java machine stops all threads to collect garbage: a hang, from inside, that ends by itself."""

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "stops to collect garbage"

    def check(self, flight: "Flight") -> None:
        """Refuse a pause without end."""
        BrokerHang.check(self, flight)
        if self.lasts is None:
            raise ConfigError(f"fault {str(self)!r}: lasts must say how long, such as 500ms")
