"""What every actor stands on."""

from sim.machine.clock import Clock
from sim.machine.facts import Facts
from sim.machine.network import Network
from sim.machine.streams import Streams

__all__ = ["Machine"]


class Machine:
    """Clock, chance, network and the board of facts of one run, all from one seed."""

    def __init__(self, seed: int) -> None:
        self.clock = Clock()
        self.streams = Streams(seed)
        self.facts = Facts()
        self.network = Network(self.clock, self.streams["network"])
