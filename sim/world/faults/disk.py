"""What befalls the disks of brokers, each of which holds one log directory: slow, stalled, full, failed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.machine.devices import FOREVER, Disk
from sim.rules.errors import ConfigError
from sim.world.faults.broker import BrokerFault
from sim.world.faults.fault import require_known

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["DiskFailed", "DiskFault", "DiskFull", "DiskSlow", "DiskStalled"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFault(BrokerFault):
    """A fault of the disk under one of a broker's log directories, which are numbered from 0.

    The metadata log lies in directory 0, so that a broker which loses that one halts.
    """

    directory: int = 0

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"disk {self.directory} of broker {self.broker}"

    @property
    def holds(self) -> tuple[str, ...]:
        """The disk."""
        return (f"disk {self.directory} of broker {self.broker}",)

    def check(self, flight: "Flight") -> None:
        """Refuse a disk that does not exist."""
        BrokerFault.check(self, flight)
        require_known(self, "log directory", self.directory, range(flight.plan.cluster.log_dirs))

    def disk(self, flight: "Flight") -> Disk:
        """The disk that is meant."""
        return self.process(flight).log_directories.disks[self.directory]


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskSlow(DiskFault):
    """Every access takes `factor` times as long; felt where the page cache does not help: flushes, many dirty pages."""

    factor: float = 10.0

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"is {self.factor:g} times as slow"

    def check(self, flight: "Flight") -> None:
        """Refuse a factor that stops or turns time, too."""
        DiskFault.check(self, flight)
        if not self.factor > 0:
            raise ConfigError(f"fault {str(self)!r}: factor must be more than 0, such as 10")

    def begin(self, flight: "Flight") -> None:
        """Slow it down."""
        self.disk(flight).slow_down(flight.now, self.factor)

    def end(self, flight: "Flight") -> None:
        """As fast as before."""
        self.disk(flight).slow_down(flight.now, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskStalled(DiskFault):
    """No access completes; what waits, or comes meanwhile, completes at the end, in order."""

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "stalls"

    def begin(self, flight: "Flight") -> None:
        """Let everything wait."""
        self.disk(flight).stall(flight.now, FOREVER if self.ends is None else self.ends)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFull(DiskFault):
    """Nothing can be written; to Kafka that is an error like any other, and the directory goes offline.

    It comes back when the broker is started after the end; one that has halted is started at the end.
    """

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "is full"

    def begin(self, flight: "Flight") -> None:
        """Fill it."""
        self.disk(flight).full = True

    def end(self, flight: "Flight") -> None:
        """There is room again."""
        self.disk(flight).full = False
        self._start_if_halted(flight)

    def _start_if_halted(self, flight: "Flight") -> None:
        broker = self.process(flight)
        if broker.log_directories.must_halt:
            broker.start()


@dataclass(frozen=True, slots=True, kw_only=True)
class DiskFailed(DiskFull):
    """Neither writes nor reads are possible; what was written is there again at the end.

    The directory comes back when the broker is started after the end; one that has halted is started at the end.
    """

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "fails"

    def begin(self, flight: "Flight") -> None:
        """Break it."""
        self.disk(flight).failed = True

    def end(self, flight: "Flight") -> None:
        """Mend it."""
        self.disk(flight).failed = False
        self._start_if_halted(flight)
