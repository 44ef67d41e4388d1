"""A question's experiment, run live."""

from collections.abc import Callable, Mapping

from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Question, Runs

__all__ = ["Find", "Notice", "fly", "fly_all"]

Find = Callable[[str], Scenario]
"""How a scenario of the library is found by its name."""

Notice = Callable[[str], None]
"""Told the name of each flight before it begins."""


def fly(question: Question, find: Find, notice: Notice = lambda _: None) -> Runs:
    """Run each flight of a question, in order. Raises ConfigError, one line, for what cannot be set."""
    return fly_all(question.flights, find, notice)


def fly_all(flights: Mapping[str, Experiment], find: Find, notice: Notice = lambda _: None) -> Runs:
    """Run each flight, in order. Raises KeyboardInterrupt after Ctrl-C, as half a flight proves nothing."""
    runs = {}
    for name, experiment in flights.items():
        notice(name)
        runs[name] = _flown(experiment, find)
        if runs[name].partial:
            raise KeyboardInterrupt
    return runs


def _flown(experiment: Experiment, find: Find) -> Run:
    scenario = find(experiment.scenario) if isinstance(experiment.scenario, str) else experiment.scenario
    return scenario.run(
        experiment.seed,
        experiment.set,
        experiment.until,
        experiment.faults,
        recorded=experiment.recorded,
    )
