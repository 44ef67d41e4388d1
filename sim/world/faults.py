"""Faults as values: what breaks, when, and when it is mended; each prints as one sentence."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.machine.clock import format_duration, parse_duration
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import FaultBegan, FaultEnded

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["AppCrash", "BrokerCrash", "Fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that begins at a time and, unless `restart_after` is None, ends so long after; times as in `"60s"`."""

    at: str
    restart_after: str | None = None

    @property
    def begins(self) -> int:
        """Nanoseconds from the start of the run."""
        return parse_duration(self.at)

    @property
    def ends(self) -> int | None:
        """Nanoseconds from the start of the run, None for never."""
        return None if self.restart_after is None else self.begins + parse_duration(self.restart_after)

    @property
    def subject(self) -> str:
        """What breaks."""
        raise TypeError(f"{type(self).__name__} names nothing to break")

    def __str__(self) -> str:
        ends = "for good" if self.ends is None else f"until {format_duration(self.ends)}"
        return f"{self.subject} crashes at {format_duration(self.begins)}, {ends}"

    def check(self, flight: "Flight") -> None:
        """Refuse a fault aimed at nothing. Raises ConfigError, one line."""

    def begin(self, flight: "Flight") -> None:
        """Break it."""

    def end(self, flight: "Flight") -> None:
        """Mend it."""

    def schedule(self, flight: "Flight") -> None:
        """Book beginning and end."""

        def begin() -> None:
            flight.announce(FaultBegan(str(self)))
            self.begin(flight)

        def end() -> None:
            flight.announce(FaultEnded(str(self)))
            self.end(flight)

        flight.clock.call_at(self.begins, begin)
        if self.ends is not None:
            flight.clock.call_at(self.ends, end)


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerCrash(Fault):
    """A broker's process is killed (`kill -9`): connections are reset, its disk keeps the logs."""

    broker: int

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"broker {self.broker}"

    def check(self, flight: "Flight") -> None:
        """Refuse a broker that does not exist."""
        if self.broker not in flight.cluster.brokers:
            raise ConfigError(
                f"fault {str(self)!r}: there is no broker {self.broker}, only 1 to {len(flight.cluster.brokers)}"
            )

    def begin(self, flight: "Flight") -> None:
        """Kill it."""
        flight.cluster.brokers[self.broker].stop()

    def end(self, flight: "Flight") -> None:
        """Start its process again."""
        flight.cluster.brokers[self.broker].start()


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCrash(Fault):
    """An application's process is killed: nothing is flushed, committed or closed; it may be started again."""

    app: str

    @property
    def subject(self) -> str:
        """What breaks."""
        return self.app

    def check(self, flight: "Flight") -> None:
        """Refuse an application that does not exist."""
        if self.app not in flight.cluster.apps:
            raise ConfigError(
                f"fault {str(self)!r}: there is no application {self.app}, only {', '.join(flight.cluster.apps)}"
            )

    def begin(self, flight: "Flight") -> None:
        """Kill it."""
        flight.cluster.apps[self.app].stop()

    def end(self, flight: "Flight") -> None:
        """Start its process again; its behaviour begins anew."""
        flight.cluster.apps[self.app].start()
