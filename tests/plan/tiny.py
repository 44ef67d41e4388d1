"""Small scenarios whose results are known: a formula of its knobs, and a queue that theory knows."""

from collections.abc import Mapping

import numpy

from sim.machine.clock import MICROSECOND, MILLISECOND
from sim.machine.devices import Cpu
from sim.machine.streams import Streams
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.plan import Plan
from sim.world.settings import Knob, Settings

__all__ = ["FORMULA", "SERVICE", "waits"]

SERVICE = 100 * MICROSECOND
ONE_BROKER = ClusterSpec(brokers=1, racks=1)


def formula(settings: Settings) -> Plan:
    """height = 4 strong + weak + noise, whatever idle is; the noise depends on the seed only."""
    noise = settings["noise"] * Streams(settings.seed)["noise"].gauss(0, 1)

    def results(_: bool) -> Mapping[str, object]:
        return {"height": 4 * settings["strong"] + settings["weak"] + noise, "words": settings["word"], "none": None}

    return Plan(duration=MILLISECOND, cluster=ONE_BROKER, wrap_up=results)


FORMULA = Scenario(
    name="formula",
    summary="A number that some knobs decide and others do not.",
    story="",
    make=formula,
    knobs={
        "strong": Knob(1.0, "counts four times", 0, 10),
        "weak": Knob(1.0, "counts once", 0, 10),
        "idle": Knob(1, "counts not at all", 0, 10),
        "noise": Knob(0.0, "standard deviation of the chance in it", 0, 10),
        "word": Knob("a", "a word"),
        "lasts": Knob("5s", "a duration"),
    },
)


def waits(seed: int, load: float, jobs: int) -> list[int]:
    """Waiting times in nanoseconds of the first jobs at one server, which begins idle: M/M/1."""
    streams, cpu = Streams(seed), Cpu(1)
    times = numpy.cumsum(streams.columns("arrivals").exponential(SERVICE / load, jobs)).astype(int).tolist()
    costs = streams.columns("costs").exponential(SERVICE, jobs).astype(int).tolist()
    return [cpu.work(now, cost) - cost - now for now, cost in zip(times, costs, strict=True)]
