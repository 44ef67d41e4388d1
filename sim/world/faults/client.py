"""What befalls applications: killed, hung, doubled, slowed down, with a wrong clock, fed what they cannot handle."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App
from sim.machine.clock import parse_duration
from sim.rules.errors import ConfigError
from sim.world.faults.fault import Crash, Fault, Hang, ProcessFault, require_known

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["AppCrash", "AppFault", "AppHang", "ClockSkew", "PoisonRecord", "SlowHandler", "ZombieProducer"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppFault(ProcessFault):
    """A fault of one application."""

    app: str

    @property
    def subject(self) -> str:
        """What breaks."""
        return self.app

    def check(self, flight: "Flight") -> None:
        """Refuse an application that does not exist."""
        require_known(self, "application", self.app, flight.cluster.apps)

    def process(self, flight: "Flight") -> App:
        """The application that is meant."""
        return flight.cluster.apps[self.app]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppCrash(AppFault, Crash):
    """An application's process is killed: nothing is flushed, committed or closed; at the end it begins anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppHang(AppFault, Hang):
    """An application's process is stopped with its sockets open, heartbeats and all, and goes on at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ZombieProducer(AppHang):
    """An application hangs, somebody starts another one in its place, and at the end the first goes on: a zombie."""

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "hangs and is replaced by a twin"

    def begin(self, flight: "Flight") -> None:
        """Stop it, and start its twin, which has the same configuration and so the same transactional.id."""
        original = self.process(flight)
        original.pause()
        flight.visitor(f"{self.app}-twin-{self.at}", original.behaviour, original.host.rack)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowHandler(AppFault):
    """An application's own work (`app.busy`) takes `factor` times as long."""

    factor: float = 10.0

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"works {self.factor:g} times as slowly"

    @property
    def holds(self) -> tuple[str, ...]:
        """How fast it works."""
        return (f"the speed of {self.app}",)

    def check(self, flight: "Flight") -> None:
        """Refuse a factor that stops or turns time, too."""
        AppFault.check(self, flight)
        if not self.factor > 0:
            raise ConfigError(f"fault {str(self)!r}: factor must be more than 0, such as 10")

    def begin(self, flight: "Flight") -> None:
        """Slow it down."""
        self.process(flight).conditions.slowness = self.factor

    def end(self, flight: "Flight") -> None:
        """As usual again."""
        self.process(flight).conditions.slowness = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockSkew(AppFault):
    """The clock of an application's host is wrong, and so are the timestamps of its records; a `-` in front is slow."""

    by: str = "1h"

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"the clock of {self.app}"

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return f"is {self.by.lstrip('-')} {'behind' if self.by.startswith('-') else 'ahead'}"

    @property
    def holds(self) -> tuple[str, ...]:
        """The clock."""
        return (f"the clock of {self.app}",)

    def begin(self, flight: "Flight") -> None:
        """Set it wrong."""
        skew = parse_duration(self.by.lstrip("-"))
        self.process(flight).conditions.clock_skew = -skew if self.by.startswith("-") else skew

    def end(self, flight: "Flight") -> None:
        """Set it right."""
        self.process(flight).conditions.clock_skew = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PoisonRecord(Fault):
    """Somebody sends a record that the applications which read the topic cannot handle."""

    topic: str
    partition: int = 0
    value: str = "\x00poison"

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"{self.topic}-{self.partition}"

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "gets a poison record"

    def check(self, flight: "Flight") -> None:
        """Refuse a partition that does not exist."""
        require_known(self, "topic", self.topic, flight.cluster.topics)
        require_known(self, "partition", self.partition, range(flight.cluster.topics[self.topic].partitions))

    def begin(self, flight: "Flight") -> None:
        """Send it, as a client of its own."""
        flight.visitor(f"poisoner-{self.topic}-{self.partition}-{self.at}", self._send)

    def _send(self, app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all")
        yield from producer.send(self.topic, self.value.encode(), partition=self.partition)
        yield from producer.close()
