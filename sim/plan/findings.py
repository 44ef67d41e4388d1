"""What a sweep has found, in a sentence with its error bars."""

from typing import Any

from sim.plan.factors import named
from sim.plan.statistics import Interval
from sim.plan.tables import differences, summary

__all__ = ["finding", "finding_of_sensitivity"]

LITTLE = 0.1


def finding(table: Any, measure: str | None = None) -> str:
    """Where a measure is least and most, and how much the same seeds differ between the two."""
    name = measure or table.attrs["measure"]
    found = summary(table, name)
    if not len(found):
        return f"no run has {name}"
    least, most = found.loc[found["mean"].idxmin()], found.loc[found["mean"].idxmax()]
    if len(found) == 1 or least["mean"] == most["mean"]:
        return f"{name} is {_interval(least)} {'everywhere' if len(found) > 1 else 'in all'}"
    knobs = table.attrs["knobs"]
    told = f"{name} is least with {named(least[knobs])}: {_interval(least)}"
    told += f"; most with {named(most[knobs])}: {_interval(most)}"
    pairs = differences(table, name, int(least["configuration"]))
    own = pairs[(pairs[knobs] == most[knobs]).all(axis=1)]
    if not len(own):
        return told
    apart = _interval(own.iloc[0])
    differ = f"the same seeds differ by {apart}"
    return f"{told}; {differ if apart.low > 0 else f'{differ}, which may be chance'}"


def finding_of_sensitivity(table: Any) -> str:
    """Which setting matters most for the measure, and which hardly do."""
    first, index = table.iloc[0], table.columns[1]
    if not first[index]:
        return f"none of the settings changes {table.attrs['measure']}"
    what = {
        "effect": "over its range {measure} changes by {value} on average",
        "total": "with it goes a share of {value} of the variance of {measure}",
    }[index]
    value = Interval(first[index], first["confidence"], 0)
    told = f"{first['setting']} matters most: {what.format(measure=table.attrs['measure'], value=value)}"
    hardly = table[table[index] + table["confidence"] < LITTLE * first[index]]["setting"].tolist()
    if hardly:
        told += f"; less than a tenth of that: {', '.join(hardly)}"
    ends = table.attrs["ends"]
    return f"{told}; of {', '.join(ends)} the ends were compared, as the steps between are uneven" if ends else told


def _interval(row: Any) -> Interval:
    return Interval(float(row["mean"]), float(row["half_width"]), int(row["n"]))
