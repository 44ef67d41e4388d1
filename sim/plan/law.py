"""AWS's law in flight: three m5.large brokers with three replicas, where nothing but disk and card matters."""

from typing import NamedTuple

from sim.plan.candidates import candidate
from sim.plan.ramp import at_share
from sim.plan.requirement import read_requirement
from sim.plan.steady import fly_steady

__all__ = ["GROUPS", "Law", "fly_law"]

GROUPS = (0, 1, 2)
OFFERED = 1.15
"""What producers try to send, as a share of the law's limit."""


class Law(NamedTuple):
    """Bytes per second by the law and in flight, and the device that was busiest."""

    groups: int
    limit: float
    flown: float
    busiest: str


def fly_law(groups: int, seed: int = 0) -> Law:
    """Fly more than the law allows, with page caches that are full already, so that the disks count."""
    asked = read_requirement(None, {"groups": str(groups), "survive": "none", "headroom": "0%"})
    found = candidate(asked, "m5.large", 3)
    flown = fly_steady(at_share(found, OFFERED), seed, True)
    return Law(groups, found.aws_limit, OFFERED * found.aws_limit * flown.sent, flown.busiest)
