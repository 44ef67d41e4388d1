"""A question's experiment, run live."""

from collections.abc import Callable

from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Question, Runs

__all__ = ["Find", "fly"]

Find = Callable[[str], Scenario]
"""How a scenario of the library is found by its name."""


def fly(question: Question, find: Find) -> Runs:
    """Run each flight of a question, in order. Raises ConfigError, one line, for what cannot be set."""
    return {name: _flown(experiment, find) for name, experiment in question.flights.items()}


def _flown(experiment: Experiment, find: Find) -> Run:
    scenario = find(experiment.scenario) if isinstance(experiment.scenario, str) else experiment.scenario
    return scenario.run(
        experiment.seed,
        experiment.set,
        experiment.until,
        experiment.faults,
        recorded=experiment.recorded,
    )
