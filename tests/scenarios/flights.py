"""Questions that several tests ask of a run."""

from typing import TypeVar

from sim.run import Run
from sim.scenario import Scenario

__all__ = ["facts", "has_trace_of_its_seed", "moment"]

Kind = TypeVar("Kind")


def facts(run: Run, kind: type[Kind]) -> list[tuple[float, Kind]]:
    """The facts of one kind with their times in seconds."""
    return [(time / 1e9, fact) for time, fact in run.facts if isinstance(fact, kind)]


def moment(run: Run, kind: type) -> float:
    """When the only fact of one kind came, in seconds."""
    ((time, _),) = facts(run, kind)
    return time


def has_trace_of_its_seed(scenario: Scenario) -> bool:
    """Whether the same seed flies the same once more, and another seed something else, in the first twelve seconds."""
    one, again, other = (scenario.run(seed=seed, until="12s").journal.sha256() for seed in (0, 0, 1))
    return one == again != other
