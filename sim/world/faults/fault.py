"""What all faults have in common: a time to begin, a time to end, a sentence, and what they take hold of."""

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches
from typing import TYPE_CHECKING

from sim.machine.actor import Actor
from sim.machine.clock import format_duration, parse_duration
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import FaultBegan, FaultEnded

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["Crash", "Fault", "Hang", "ProcessFault", "require_known"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that begins at a time and, unless `lasts` is None, ends so long after; times as in `"60s"`.

    `subject` and `predicate` make the sentence that it prints as. `holds` names what it alone may act on while it
    lasts: two faults that hold the same at the same time contradict each other.
    """

    at: str
    lasts: str | None = None

    @property
    def begins(self) -> int:
        """Nanoseconds from the start of the run."""
        return self._nanoseconds("at", self.at)

    @property
    def ends(self) -> int | None:
        """Nanoseconds from the start of the run, None for never."""
        return None if self.lasts is None else self.begins + self._nanoseconds("lasts", self.lasts)

    def _nanoseconds(self, name: str, text: str) -> int:
        try:
            return parse_duration(text)
        except ValueError as error:
            raise ConfigError(f"fault {type(self).__name__}: {name}: {error}") from error

    @property
    def subject(self) -> str:
        """What breaks."""
        raise TypeError(f"{type(self).__name__} names nothing to break")

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "crashes"

    @property
    def holds(self) -> tuple[str, ...]:
        """What no other fault may act on meanwhile; a fault without end holds it for good."""
        return ()

    def __str__(self) -> str:
        ends = "for good" if self.ends is None else f"until {format_duration(self.ends)}"
        return f"{self.subject} {self.predicate} at {format_duration(self.begins)}, {ends}"

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
class ProcessFault(Fault):
    """What befalls one process, whichever `process` says; it holds the process."""

    @property
    def holds(self) -> tuple[str, ...]:
        """The process."""
        return (f"the process of {self.subject}",)

    def process(self, flight: "Flight") -> Actor:  # noqa: ARG002
        """The process that is meant."""
        raise TypeError(f"{type(self).__name__} names no process")


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash(ProcessFault):
    """A process is killed (`kill -9`) and, at the end, started again."""

    def begin(self, flight: "Flight") -> None:
        """Kill it: connections are reset."""
        self.process(flight).stop()

    def end(self, flight: "Flight") -> None:
        """Start it again."""
        self.process(flight).start()


@dataclass(frozen=True, slots=True, kw_only=True)
class Hang(ProcessFault):
    """A process is stopped (`kill -STOP`) with its sockets open, and goes on at the end."""

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "hangs"

    def begin(self, flight: "Flight") -> None:
        """Stop it: messages pile up."""
        self.process(flight).pause()

    def end(self, flight: "Flight") -> None:
        """Let it go on."""
        self.process(flight).resume()


def require_known(fault: Fault, what: str, name: object, known: Iterable[object]) -> None:
    """Refuse a name that nothing has. Raises ConfigError, one line with the nearest name that there is."""
    names = [str(each) for each in known]
    if str(name) in names:
        return
    near = get_close_matches(str(name), names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names) or 'none'}"
    raise ConfigError(f"fault {str(fault)!r}: there is no {what} {name}; {hint}")
