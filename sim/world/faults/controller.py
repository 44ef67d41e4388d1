"""What befalls the processes of controllers, the voters of the metadata quorum."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.world.faults.fault import Fault, require_known

if TYPE_CHECKING:
    from sim.actors.controller.controller import Controller
    from sim.world.flight import Flight

__all__ = ["ControllerCrash", "ControllerHang"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerFault(Fault):
    """A fault of one controller's process."""

    controller: int = 100

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"controller {self.controller}"

    @property
    def holds(self) -> tuple[str, ...]:
        """The process."""
        return (f"the process of controller {self.controller}",)

    def check(self, flight: "Flight") -> None:
        """Refuse a controller that does not exist."""
        require_known(self, "controller", self.controller, flight.cluster.controllers)

    def process(self, flight: "Flight") -> "Controller":
        """The controller that is meant."""
        return flight.cluster.controllers[self.controller]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerCrash(ControllerFault):
    """A controller's process is killed and, at the end, started again; its disk keeps the metadata log."""

    def begin(self, flight: "Flight") -> None:
        """Kill it."""
        self.process(flight).stop()

    def end(self, flight: "Flight") -> None:
        """Start its process again."""
        self.process(flight).start()


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerHang(ControllerFault):
    """A controller's process is stopped with its sockets open, and goes on at the end."""

    @property
    def predicate(self) -> str:
        """What happens to it."""
        return "hangs"

    def begin(self, flight: "Flight") -> None:
        """Stop it."""
        self.process(flight).pause()

    def end(self, flight: "Flight") -> None:
        """Let it go on."""
        self.process(flight).resume()
