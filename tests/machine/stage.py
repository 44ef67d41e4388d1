"""A small stage for the stories: a machine, hosts without jitter, and actors that note what they hear."""

from typing import Any

from sim.machine.actor import Actor
from sim.machine.clock import MICROSECOND, MILLISECOND
from sim.machine.connection import Connection
from sim.machine.machine import Machine
from sim.machine.network import Host, Link

HOP = 100 * MICROSECOND
"""Latency of the link of every host on the stage; two hosts of a rack are two hops apart."""


def host(machine: Machine, name: str, rack: str = "rack-1", **figures: Any) -> Host:
    """A host whose link has no jitter, unless `figures` says otherwise."""
    return machine.network.add_host(name, rack, link=Link(**{"latency": HOP, "jitter": 0, **figures}))


class Listener(Actor):
    """Notes what it hears with the time."""

    def __init__(self, machine: Machine, at: Host) -> None:
        super().__init__(machine, at.name, at)
        self.heard: list[tuple[int, object]] = []
        self.lost: list[int] = []
        self.start()

    def hear(self, what: object) -> None:
        self.heard.append((self.now, what))

    def words(self) -> list[object]:
        return [what for _, what in self.heard]

    def connect(self, server: Actor) -> Connection:
        return Connection(self, server, lambda: self.lost.append(self.now))


def pair(seed: int = 1, **figures: Any) -> tuple[Machine, Listener, Listener, Connection]:
    """A client connected to a server in the same rack."""
    machine = Machine(seed)
    client = Listener(machine, host(machine, "client", **figures))
    server = Listener(machine, host(machine, "server", **figures))
    return machine, client, server, client.connect(server)


def run_ms(machine: Machine, until_ms: float) -> None:
    machine.clock.run(until=round(until_ms * MILLISECOND))
