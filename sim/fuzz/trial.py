"""One flight of a fuzzer and what was wrong with it: safety while it is disturbed, liveness when all is mended."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from sim.machine.clock import SECOND
from sim.observe.anomalies import BlackBox
from sim.observe.invariants import Invariants
from sim.observe.journal import Journal
from sim.observe.problems import Problem, find_problems
from sim.observe.witness import Witness
from sim.run import no_garbage_collection
from sim.world.flight import Flight
from sim.world.plan import Plan

__all__ = ["Trial", "combined_sha256", "fly"]


@dataclass(frozen=True, slots=True)
class Trial:
    """What one flight has shown; `trace_sha256` answers for everything that happened in it."""

    seed: int
    problems: tuple[Problem, ...]
    faults: tuple[str, ...]
    simulated_s: float
    trace_sha256: str
    sizes: Mapping[str, int] = field(default_factory=dict)

    @property
    def explained(self) -> tuple[Problem, ...]:
        """The problems that the configuration allows."""
        return tuple(problem for problem in self.problems if problem.reason is not None)

    @property
    def unexplained(self) -> tuple[Problem, ...]:
        """The problems that nothing allows."""
        return tuple(problem for problem in self.problems if problem.reason is None)


def fly(plan: Plan, seed: int) -> Trial:
    """Fly a plan and judge it; an exception of the simulator itself is a problem, too."""
    flight = Flight(replace(plan, converge=True), seed)
    witness, box, invariants = Witness(flight), BlackBox(flight), Invariants(flight)
    journal = Journal(flight.machine.facts)
    problems: list[Problem] = []
    with no_garbage_collection():
        try:
            for _ in flight.fly():
                pass
            invariants.finish()
            problems += find_problems(flight, witness.verdict(), invariants, box.anomalies())
        except Exception as error:
            problems.append(Problem("exception", "", f"{type(error).__name__}: {error}"))
        journal.close(flight.now, flight.cluster)
    sizes = {"events": flight.clock.events_booked(), "facts": len(journal.facts)}
    told = tuple(str(fault) for fault in plan.faults)
    return Trial(seed, tuple(problems), told, flight.now / SECOND, journal.sha256(), sizes)


def combined_sha256(trials: list[Trial]) -> str:
    """One hash for many flights, in order of their seeds."""
    return hashlib.sha256("".join(trial.trace_sha256 for trial in trials).encode()).hexdigest()
