"""What befalls the processes of controllers, the voters of the metadata quorum."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.world.faults.fault import Crash, Hang, ProcessFault, require_known

if TYPE_CHECKING:
    from sim.actors.controller.controller import Controller
    from sim.world.flight import Flight

__all__ = ["ControllerCrash", "ControllerHang"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerFault(ProcessFault):
    """A fault of one controller's process."""

    controller: int = 100

    @property
    def subject(self) -> str:
        """What breaks."""
        return f"controller {self.controller}"

    def check(self, flight: "Flight") -> None:
        """Refuse a controller that does not exist."""
        require_known(self, "controller", self.controller, flight.cluster.controllers)

    def process(self, flight: "Flight") -> "Controller":
        """The controller that is meant."""
        return flight.cluster.controllers[self.controller]


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerCrash(ControllerFault, Crash):
    """A controller's process is killed and, at the end, started again; its disk keeps the metadata log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerHang(ControllerFault, Hang):
    """A controller's process is stopped with its sockets open, and goes on at the end."""
