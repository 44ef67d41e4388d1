"""Outcomes as pandas tables: a row for each run, the interval of each measure, and differences between pairs."""

from collections.abc import Sequence
from typing import Any

from sim.plan.flights import Outcome
from sim.plan.statistics import interval, paired

__all__ = ["differences", "summary", "table_of"]

RUN = ("configuration", "replicate", "seed")


def table_of(outcomes: Sequence[Outcome], measure: str, flown: int) -> Any:
    """One row for each run: configuration, replicate, seed, what varied, and every measure, NaN where there is none.

    `attrs` holds the names of the `knobs` and `measures`, the main `measure`, and how many runs were `flown` for it.
    """
    from pandas import DataFrame

    knobs = list(outcomes[0].varied)
    names = list(dict.fromkeys(name for outcome in outcomes for name in outcome.measures))
    rows = [
        [each.configuration, each.replicate, each.seed, *each.varied.values(), *map(each.measures.get, names)]
        for each in outcomes
    ]
    table = DataFrame(rows, columns=[*RUN, *knobs, *names])
    table[names] = table[names].astype(float)
    table.attrs |= {"knobs": knobs, "measures": names, "measure": measure, "flown": flown}
    return table


def summary(table: Any, measure: str | None = None, confidence: float = 0.95) -> Any:
    """One row for each configuration and measure: mean, half_width of its Student-t interval, low, high and n.

    All measures, or only one. Runs that have it not are left out of a mean; n counts those that have.
    """
    from pandas import DataFrame

    knobs = table.attrs["knobs"]
    rows = []
    for number, own in table.groupby("configuration", sort=True):
        varied = own[knobs].iloc[0].tolist()
        for name in table.attrs["measures"] if measure is None else [measure]:
            values = own[name].dropna()
            if len(values):
                found = interval(values, confidence)
                rows.append([number, *varied, name, found.mean, found.half_width, found.low, found.high, found.count])
    columns = ["configuration", *knobs, "measure", "mean", "half_width", "low", "high", "n"]
    found = DataFrame(rows, columns=columns)
    found.attrs |= table.attrs
    return found


def differences(table: Any, measure: str | None = None, against: int = 0, confidence: float = 0.95) -> Any:
    """One row for each configuration but the one it is compared with: how much more it has of a measure.

    Replicates are compared pair by pair, as those of one seed meet the same chance; n is the number of pairs.
    """
    from pandas import DataFrame

    knobs, name = table.attrs["knobs"], measure or table.attrs["measure"]
    own = table[table["configuration"] == against].set_index("replicate")[name].dropna()
    rows = []
    for number, other in table[table["configuration"] != against].groupby("configuration", sort=True):
        values = other.set_index("replicate")[name].dropna()
        common = own.index.intersection(values.index)
        if len(common):
            found = paired(values[common], own[common], confidence)
            varied = other[knobs].iloc[0].tolist()
            rows.append([number, *varied, found.mean, found.half_width, found.low, found.high, found.count])
    columns = ["configuration", *knobs, "mean", "half_width", "low", "high", "n"]
    return DataFrame(rows, columns=columns)
