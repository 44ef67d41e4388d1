"""One flight of an experiment, wherever it is flown, and what is kept of it."""

import gc
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from multiprocessing import parent_process
from threading import current_thread, main_thread
from typing import Any

from sim.plan.factors import Configuration, Value, named
from sim.plan.measures import measures
from sim.rules.errors import ConfigError
from sim.run import no_garbage_collection
from sim.scenario import Scenario

__all__ = ["Outcome", "Task", "fly"]


@dataclass(frozen=True, slots=True)
class Task:
    """The flight of a configuration and a replicate, which are numbered from 0; `until` is in nanoseconds.

    The seed is that of the replicate, so every configuration meets the same chance. A task is sent to other processes
    as it is: a scenario of the library as its name, the one of a file with its text.
    """

    scenario: Scenario
    configuration: int
    replicate: int
    seed: int
    varied: Configuration
    fixed: Mapping[str, object]
    until: int | None
    faults: bool


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a flight has shown, by the name of the measure; the manifest is all that is needed to fly it again."""

    configuration: int
    replicate: int
    seed: int
    varied: Mapping[str, Value]
    measures: Mapping[str, float]
    wall_s: float
    manifest: Mapping[str, Any]


def fly(task: Task) -> Outcome:
    """Fly, in this process. Raises ConfigError, one line, and KeyboardInterrupt: half a run counts as none."""
    if parent_process() is not None and current_thread() is main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    with no_garbage_collection():
        outcome = _flown(task)
    gc.collect(0)
    return outcome


def _flown(task: Task) -> Outcome:
    try:
        run = task.scenario.run(task.seed, {**task.fixed, **task.varied}, task.until, task.faults)
    except ConfigError as error:
        raise ConfigError(f"with {named(task.varied)}, seed {task.seed}: {error}") from error
    if run.partial:
        raise KeyboardInterrupt
    return Outcome(
        task.configuration, task.replicate, task.seed, task.varied, measures(run), run.wall_s, run.manifest()
    )
