"""The answer: each candidate with what its flights have shown, where the formulas were wrong, and which is cheapest."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import inf, isfinite
from typing import Any

from sim.plan.candidates import Candidate
from sim.plan.deploying import Deployment
from sim.plan.failing import Failover, Return
from sim.plan.lagging import Outage
from sim.plan.ramp import Ramp
from sim.plan.requirement import Requirement
from sim.plan.statistics import Interval, interval
from sim.plan.steady import Steady

__all__ = ["FAR", "Answer", "Comparison", "Flown"]

FAR = 0.2
"""A formula that is wrong by more than that is told, with the reason."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """A quantity by the formula and in flight, in `unit`, and why they differ."""

    quantity: str
    unit: str
    formula: float
    flown: float
    reason: str

    @property
    def is_far(self) -> bool:
        """Whether they differ by more than a fifth of the formula's."""
        return not abs(self.flown - self.formula) <= FAR * self.formula


@dataclass(frozen=True, slots=True)
class Flown:
    """A candidate, how many brokers the formulas wanted and which resource bound, and its flights, one of each seed."""

    candidate: Candidate
    by_formula: int
    binding: str
    tried: tuple[tuple[int, float], ...]
    steady: tuple[Steady, ...]
    failovers: tuple[Failover, ...]
    back: Return
    outage: Outage | None
    ramp: Ramp
    month: float | None

    @property
    def p99_ms(self) -> Interval:
        """99th percentile from send() to acknowledgement at the planned peak."""
        return interval(flown.publish_p99_ms for flown in self.steady)

    @property
    def recovery_s(self) -> Interval | None:
        """From the loss until acknowledgements are as quick as required; None if they never were, or none is lost."""
        found = [flown.recovered_s for flown in self.failovers]
        return interval(value for value in found if value is not None) if found and None not in found else None

    def share(self, device: str) -> Interval:
        """How much of a device the busiest broker used at the planned peak."""
        return interval(flown.shares[device] for flown in self.steady)

    @property
    def busiest(self) -> str:
        """The device that was used most in flight."""
        return max(self.steady[0].shares, key=lambda device: self.share(device).mean)

    @property
    def failings(self) -> tuple[str, ...]:
        """What is required and was not so in flight; empty for a candidate that meets all."""
        asked = self.candidate.requirement
        found = []
        if self.p99_ms.mean > asked.p99 * 1000:
            found.append("p99")
        if not all(flown.keeps_up for flown in self.steady):
            found.append("does not keep up")
        if self.failovers and self.recovery_s is None:
            found.append(f"loss of a {asked.survive}")
        if any(flown.lost for flown in self.failovers):
            found.append("records lost")
        if self.outage is not None and self.outage.times is None:
            found.append("catch-up of a group")
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Answer:
    """All candidates, machines that were refused and why, deployments by protocol, and how many seeds."""

    requirement: Requirement
    candidates: tuple[Flown, ...]
    refused: tuple[str, ...]
    deployments: Mapping[str, Deployment]
    seeds: int
    currency: str

    @property
    def chosen(self) -> Flown | None:
        """The cheapest that meets all, or where prices are missing the one with the fewest brokers; None for none."""
        good = [flown for flown in self.candidates if not flown.failings]
        priced = [flown for flown in good if flown.month is not None]
        if priced:
            return min(priced, key=lambda flown: flown.month if flown.month is not None else inf)
        return min(good, key=lambda flown: flown.candidate.brokers, default=None)

    def as_json(self, sentences: Sequence[str], assumptions: Sequence[str]) -> dict[str, Any]:
        """Everything, as JSON takes it."""
        chosen = self.chosen
        return {
            "requirement": {**asdict(self.requirement), "hardware": list(self.requirement.machines)},
            "chosen": None if chosen is None else chosen.candidate.machine,
            "candidates": [_row(flown) for flown in self.candidates],
            "refused": list(self.refused),
            "deployments": {name: asdict(flown) for name, flown in self.deployments.items()},
            "currency": self.currency,
            "seeds": self.seeds,
            "plan": list(sentences),
            "assumptions": list(assumptions),
        }


def _row(flown: Flown) -> dict[str, Any]:
    from sim.plan.comparing import comparisons

    candidate, ramp = flown.candidate, flown.ramp
    return {
        "machine": candidate.machine,
        "brokers": candidate.brokers,
        "brokers_by_formula": flown.by_formula,
        "binding": flown.binding,
        "partitions": candidate.partitions,
        "consumers_per_group": candidate.consumers,
        "disk_bytes_per_broker": candidate.space_bytes,
        "producer": candidate.producing.config(),
        "publish_p99_ms": _interval(flown.p99_ms),
        "busiest_device": flown.busiest,
        "shares": {device: _interval(flown.share(device)) for device in flown.steady[0].shares},
        "recovery_s": None if flown.recovery_s is None else _interval(flown.recovery_s),
        "return": asdict(flown.back),
        "outage": None if flown.outage is None else asdict(flown.outage),
        "ramp": {"limit_by_law": ramp.limit, "taken": ramp.taken, "slow_at": ramp.slow_at, "breaks": ramp.breaks},
        "month": flown.month,
        "failings": list(flown.failings),
        "formula_and_flight": [asdict(each) for each in comparisons(flown)],
    }


def _interval(value: Interval) -> dict[str, float | None]:
    return {"mean": value.mean, "half_width": value.half_width if isfinite(value.half_width) else None}
