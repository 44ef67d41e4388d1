"""A sweep: the same scenario in many configurations, each with the same seeds, as one table."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.machine.clock import parse_duration
from sim.plan.designs import configurations_of
from sim.plan.experiment import Experiment, Stopping
from sim.plan.extras import require
from sim.plan.factors import check, factor_of
from sim.plan.flights import Outcome
from sim.plan.measures import main_measure
from sim.plan.pool import Pool
from sim.plan.store import Store
from sim.plan.tables import table_of
from sim.rules.errors import ConfigError
from sim.scenario import Scenario

__all__ = ["Gathered", "Told", "checked_pool", "gather", "sweep"]

Told = Callable[[int, int], object]
"""Hears how many runs are finished, and how many there may be in the end."""

REPS = 20


@dataclass(frozen=True, slots=True)
class Gathered:
    """The runs of an experiment in the order of configuration and replicate, and how many of them were flown now.

    `measure` is the one that decided when a configuration had enough.
    """

    outcomes: list[Outcome]
    measure: str
    flown: int


def sweep(
    scenario: Scenario,
    vary: Mapping[str, object],
    design: str = "grid",
    points: int | None = None,
    reps: int = REPS,
    seed: int | None = None,
    set: Mapping[str, object] | None = None,
    until: str | int | None = None,
    faults: bool = True,
    measure: str | None = None,
    precision: float | None = None,
    jobs: int = 1,
    dask: str | None = None,
    out: str | Path | None = None,
    progress: Told = lambda _, __: None,
    told: Callable[[str], object] = lambda _: None,
) -> Any:
    """Fly a scenario in many configurations; returns a pandas table with a row for each run.

    `vary` has values by setting: `{"consumers": "1..12", "linger.ms": [0, 5, 20]}`; `points` are drawn of a design
    other than grid; `set` holds for all. Replicate r has seed + r everywhere. Columns are configuration, replicate,
    seed, the settings that vary, and the measures (see `sim.plan.measures`); `table.attrs` tells which are which.
    With a `precision` (0.05) a configuration ends early, once the interval of its `measure` is that narrow.
    `out` is a DuckDB file, or a Parquet one with that beside it: runs that are in it are not flown again. Neither
    `jobs` nor a `dask` scheduler's address changes the table. `told` hears of workers that died. Raises ConfigError,
    one line.
    """
    pool = checked_pool(jobs, dask, told)
    factors = [factor_of(name, values) for name, values in vary.items()]
    base, fixed = scenario.seed if seed is None else seed, dict(set or {})
    check(scenario, factors, fixed)
    configurations = configurations_of(factors, design, points, base)
    end = None if until is None else parse_duration(until)
    experiment = Experiment(scenario, configurations, fixed, base, end, faults)
    found = gather(experiment, Stopping(reps, precision), measure, pool, None if out is None else Path(out), progress)
    return table_of(found.outcomes, found.measure, found.flown)


def checked_pool(jobs: int, dask: str | None, told: Callable[[str], object]) -> Pool:
    """Where to fly. Raises ConfigError, one line, also for a package that is missing."""
    require("analysis", *(("dask",) if dask is not None else ()))
    if not 1 <= jobs <= 1_000:
        raise ConfigError(f"--jobs {jobs}: between 1 and 1,000 processes")
    if dask is not None and jobs > 1:
        raise ConfigError(f"--jobs {jobs} with --dask: the cluster has its own workers; leave --jobs out")
    return Pool(jobs, dask, told)


def gather(
    experiment: Experiment,
    stopping: Stopping,
    measure: str | None,
    pool: Pool,
    out: Path | None = None,
    progress: Told = lambda _, __: None,
) -> Gathered:
    """Fly what is missing in the file `out`, and give all runs that belong to the experiment.

    The first run is flown alone: it decides which measure is meant, and what cannot fly is known at once.
    """
    done: dict[tuple[int, int], Outcome] = {}
    open_ones = list(range(len(experiment.configurations)))
    enough: dict[int, int] = {}
    flown = 0
    with ExitStack() as stack:
        store = None if out is None else Store(out, experiment.identity())
        if store is not None:
            stack.callback(store.close)
            done.update({(each.configuration, each.replicate): each for each in store.outcomes()})

        def fly(wanted: list[tuple[int, int]], total: int) -> None:
            nonlocal flown
            tasks = [experiment.task(*key) for key in wanted if key not in done]
            finished = len(wanted) - len(tasks) + sum(enough.values())
            progress(finished, total)
            for outcome in pool.fly(tasks):
                done[outcome.configuration, outcome.replicate] = outcome
                if store is not None:
                    store.add(outcome)
                flown, finished = flown + 1, finished + 1
                progress(finished, total)

        fly([(0, 0)], len(open_ones) * stopping.reps)
        main = main_measure(done[0, 0].measures, measure)
        for look in stopping.looks():
            total = sum(enough.values()) + len(open_ones) * stopping.reps
            fly([(number, replicate) for replicate in range(look) for number in open_ones], total)
            for number in list(open_ones):
                values = [done[number, replicate].measures.get(main) for replicate in range(look)]
                if look == stopping.reps or stopping.is_enough(values):
                    enough[number] = look
                    open_ones.remove(number)
        if store is not None:
            store.finish()
    kept = [done[number, replicate] for number in sorted(enough) for replicate in range(enough[number])]
    return Gathered(kept, main, flown)
