"""Which knobs matter: elementary effects or shares of the variance, over the whole space of their ranges.

Sources: M. D. Morris, "Factorial sampling plans for preliminary computational experiments", Technometrics 33(2), 1991;
A. Saltelli et al., "Variance based sensitivity analysis of model output", Computer Physics Communications 181, 2010;
both as SALib has them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from sim.machine.clock import parse_duration
from sim.plan.designs import drawn, unique
from sim.plan.experiment import Experiment, Stopping
from sim.plan.factors import Configuration, Factor, check, factor_of, named
from sim.plan.flights import Outcome
from sim.plan.sweeping import Told, checked_pool, gather
from sim.rules.errors import ConfigError
from sim.scenario import Scenario

__all__ = ["METHODS", "sensitivity"]


@dataclass(frozen=True, slots=True)
class Method:
    """How points are drawn and what is told of each knob: `points` if nobody says, columns by SALib's names."""

    points: int
    columns: Mapping[str, str]
    sampling: Mapping[str, object]
    analysis: Mapping[str, object]


METHODS: Mapping[str, Method] = {
    "morris": Method(10, {"effect": "mu_star", "confidence": "mu_star_conf", "spread": "sigma"}, {}, {}),
    "sobol": Method(
        64,
        {"total": "ST", "confidence": "ST_conf", "alone": "S1", "alone_confidence": "S1_conf"},
        {"calc_second_order": False},
        {"calc_second_order": False},
    ),
}
STEP = 2 / 3
"""The share of its range by which Morris's ways move a setting; of a few values the nearest one is taken."""
REPS = 3
MOST_SEED = (1 << 31) - 1


def sensitivity(
    scenario: Scenario,
    vary: Mapping[str, object],
    method: str = "morris",
    points: int | None = None,
    reps: int = REPS,
    seed: int | None = None,
    set: Mapping[str, object] | None = None,
    until: str | int | None = None,
    faults: bool = True,
    measure: str | None = None,
    jobs: int = 1,
    dask: str | None = None,
    out: str | Path | None = None,
    progress: Told = lambda _, __: None,
    told: Callable[[str], object] = lambda _: None,
) -> Any:
    """Which of these settings matter for a measure; returns a pandas table with a row for each, the strongest first.

    `morris`: effect is how much the measure changes on average, up or down, over the whole range of the setting, in the
    measure's unit, and spread tells of curves and of settings that act together. Of a list with uneven steps, such as
    0,5,100, the ends are compared, as no step of it stands for the rest. `points` are ways through the space, 10 if not
    said, each of one configuration more than there are settings.
    `sobol`: total is the share of the measure's variance that goes with the setting, alone or with others; alone is
    without others. `points` are 64 if not said, a power of two, each of two configurations more than settings.
    Confidences are half widths at 95 %. Each configuration is flown with the same `reps` seeds, and its mean counts.
    The rest is as in `sweep`. Raises ConfigError, one line.
    """
    pool = checked_pool(jobs, dask, told)
    factors = [factor_of(name, values) for name, values in vary.items()]
    base, fixed = scenario.seed if seed is None else seed, dict(set or {})
    check(scenario, factors, fixed)
    sample = _sample(factors, method, points, base)
    configurations = drawn(factors, _nearest(factors, sample) if method == "morris" else sample)
    end = None if until is None else parse_duration(until)
    experiment = Experiment(scenario, unique(configurations), fixed, base, end, faults)
    found = gather(experiment, Stopping(reps), measure, pool, None if out is None else Path(out), progress)
    results = _means(configurations, found.outcomes, found.measure)
    table = _table(factors, method, sample, results, base)
    table.attrs |= {"measure": found.measure, "flown": found.flown, "runs": len(found.outcomes)}
    table.attrs["ends"] = [factor.name for factor in factors if method == "morris" and not factor.is_even]
    return table


def _sample(factors: Sequence[Factor], method: str, points: int | None, seed: int) -> Any:
    """SALib's points in the unit cube."""
    if method not in METHODS:
        raise ConfigError(f"--sensitivity {method}: there are {' and '.join(METHODS)}")
    if len(factors) < 2:
        raise ConfigError("--sensitivity compares settings; vary two or more")
    for factor in factors:
        factor.check_order(f"--sensitivity {method}")
    number = METHODS[method].points if points is None else points
    if not 2 <= number <= 10_000 or (method == "sobol" and number & (number - 1)):
        raise ConfigError(f"--points {number}: between 2 and 10,000, and for sobol a power of two such as 64")
    sampling = import_module(f"SALib.sample.{method}")
    return sampling.sample(_problem(factors), number, seed=_number(seed), **METHODS[method].sampling)


def _number(seed: int) -> int:
    """A seed for SALib, to which 0 would mean that there is none."""
    return 1 + seed % MOST_SEED


def _problem(factors: Sequence[Factor]) -> dict[str, Any]:
    names = [factor.name for factor in factors]
    return {"num_vars": len(names), "names": names, "bounds": [[0.0, 1.0]] * len(names)}


def _nearest(factors: Sequence[Factor], sample: Any) -> list[list[float]]:
    return [[factor.nearest(float(share)) for factor, share in zip(factors, each, strict=True)] for each in sample]


def _means(configurations: Sequence[Configuration], outcomes: Sequence[Outcome], measure: str) -> list[float]:
    """The mean of the measure at each point. Raises ConfigError where a run has no such measure."""
    values: dict[tuple[object, ...], list[float]] = {}
    for outcome in outcomes:
        if measure not in outcome.measures:
            raise ConfigError(f"--measure {measure}: with {named(outcome.varied)} a run has none; choose another")
        values.setdefault(tuple(outcome.varied.values()), []).append(outcome.measures[measure])
    found = [values[tuple(configuration.values())] for configuration in configurations]
    return [sum(each) / len(each) for each in found]


def _table(factors: Sequence[Factor], method: str, sample: Any, results: list[float], seed: int) -> Any:
    import numpy
    from pandas import DataFrame

    columns, problem = METHODS[method].columns, _problem(factors)
    moved = [factor.nearest(STEP) or STEP if method == "morris" else STEP for factor in factors]
    if len({*results}) == 1:
        found: dict[str, Any] = {name: numpy.zeros(problem["num_vars"]) for name in columns.values()}
    else:
        analysis = import_module(f"SALib.analyze.{method}")
        numbers = {"seed": _number(seed), **METHODS[method].analysis}
        given = (sample, numpy.array(results)) if method == "morris" else (numpy.array(results),)
        found = analysis.analyze(problem, *given, **numbers)
    stretched = {name: list(numpy.array(found[key]) * STEP / moved) for name, key in columns.items()}
    table = DataFrame({"setting": problem["names"], **stretched})
    return table.sort_values(next(iter(columns)), ascending=False, kind="stable", ignore_index=True)
