"""What befalls the processes of brokers: killed, hung, asked to stop, restarted one after the other."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.machine.clock import format_duration, parse_duration
from sim.rules.facts.journal import BrokerStopped, FaultBegan, FaultEnded, IsrChanged
from sim.world.faults.fault import Crash, Fault, Hang, ProcessFault, require_known

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker
    from sim.world.flight import Flight

__all__ = ["BrokerCrash", "BrokerFault", "BrokerHang", "BrokerShutdown", "RollingRestart"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerFault(ProcessFault):
    """A fault of one broker."""

    broker: int

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"broker {self.broker}"

    def check(self, flight: "Flight") -> None:
        """Refuse a broker that does not exist."""
        require_known(self, "broker", self.broker, flight.cluster.brokers)

    def process(self, flight: "Flight") -> "Broker":
        """The broker that is meant."""
        return flight.cluster.brokers[self.broker]


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerCrash(BrokerFault, Crash):
    """A broker's process is killed (`kill -9`) and, at the end, started again; its disk keeps the logs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerHang(BrokerFault, Hang):
    """A broker's process is stopped (`kill -STOP`) with its sockets open, and goes on at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerShutdown(BrokerFault):
    """A broker is asked to stop (`kill`): it hands its leaderships over first; at the end it is started again.

    A broker that has not come to its exit by then is started as soon as it has.
    """

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "is shut down"

    def begin(self, flight: "Flight") -> None:
        """Ask it to stop."""
        self.process(flight).shut_down()

    def end(self, flight: "Flight") -> None:
        """Start its process again, once it has exited."""
        broker = self.process(flight)
        when_gone(flight, broker, broker.start)


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingRestart(Fault):
    """Brokers are shut down and started one after the other, each when all replicas are in sync again.

    `brokers` are all when none is named; each is away for `down_for`, and `pause` passes before the next one.
    The end comes by itself, so that `lasts` is not to be given.
    """

    brokers: tuple[int, ...] = ()
    down_for: str = "1s"
    pause: str = "500ms"

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"brokers {', '.join(map(str, self.brokers))}" if self.brokers else "every broker"

    @property
    def predicate(self) -> str:
        """What happens to them."""
        return "are restarted in turn" if len(self.brokers) > 1 else "is restarted in turn"

    @property
    def holds(self) -> tuple[str, ...]:
        """The processes."""
        return tuple(f"the process of broker {broker}" for broker in self.brokers) or ("the process of every broker",)

    def __str__(self) -> str:
        return f"{self.subject} {self.predicate} at {format_duration(self.begins)}, until all are in sync again"

    def check(self, flight: "Flight") -> None:
        """Refuse a broker that does not exist."""
        for broker in self.brokers:
            require_known(self, "broker", broker, flight.cluster.brokers)

    def schedule(self, flight: "Flight") -> None:
        """Book the first shutdown; the others follow."""

        def begin() -> None:
            flight.announce(FaultBegan(str(self)))
            self._restart_next(flight, self.brokers or tuple(flight.cluster.brokers))

        flight.clock.call_at(self.begins, begin)

    def _restart_next(self, flight: "Flight", brokers: tuple[int, ...]) -> None:
        if not brokers:
            flight.announce(FaultEnded(str(self)))
            return
        broker, clock = flight.cluster.brokers[brokers[0]], flight.clock

        def gone() -> None:
            clock.call_at(flight.now + parse_duration(self.down_for), back)

        def back() -> None:
            broker.start()
            when_in_sync(flight, in_sync)

        def in_sync() -> None:
            clock.call_at(flight.now + parse_duration(self.pause), self._restart_next, flight, brokers[1:])

        when_gone(flight, broker, gone)
        broker.shut_down()


def when_gone(flight: "Flight", broker: "Broker", then: Callable[[], None]) -> None:
    """Call once as soon as a broker's process does not run."""
    if not broker.life.alive:
        then()
        return

    def heard(_: int, fact: BrokerStopped) -> None:
        if fact.broker_id == broker.node_id:
            facts.ignore(BrokerStopped, heard)
            flight.clock.call_at(flight.now, then)

    facts = flight.machine.facts
    facts.listen(BrokerStopped, heard)


def when_in_sync(flight: "Flight", then: Callable[[], None]) -> None:
    """Call once when the next change of an ISR leaves every partition with all its replicas in sync."""

    def heard(_: int, __: IsrChanged) -> None:
        flight.clock.call_at(flight.now, look)

    def look() -> None:
        partitions = flight.cluster.controller.image.partitions.values()
        if waiting and not any(partition.is_under_replicated for partition in partitions):
            waiting.clear()
            facts.ignore(IsrChanged, heard)
            then()

    facts, waiting = flight.machine.facts, [True]
    facts.listen(IsrChanged, heard)
