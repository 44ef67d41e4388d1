"""What differs between two runs: figure by figure, and whether equal records arrived at equal times."""

from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

from sim.explain.leadership import outages
from sim.explain.ownership import gaps
from sim.rules.facts.journal import BatchFailed

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["Comparison", "Row", "compare"]

OUTCOMES = ("lost", "given up", "never delivered")


@dataclass(frozen=True, slots=True)
class Row:
    """One figure of both runs, with its unit."""

    name: str
    unit: str
    one: float
    other: float

    @property
    def differs(self) -> bool:
        """Whether the difference can be seen: a twentieth, and more than a rounding."""
        return abs(self.one - self.other) > 0.05 * max(abs(self.one), abs(self.other), 1.0)

    @property
    def factor(self) -> float:
        """How many times the smaller one the larger one is; what is below a tenth counts as a tenth."""
        low, high = sorted((max(self.one, 0.1), max(self.other, 0.1)))
        return high / low

    def told(self) -> str:
        """The second with the first: `worst lag of sorters 18.9 s instead of 51.9 s`."""
        return f"{self.name} {amount(self.other, self.unit)} instead of {amount(self.one, self.unit)}"


@dataclass(frozen=True, slots=True)
class Comparison:
    """The rows, and whether the same number of records was handed to producers at the same times."""

    labels: tuple[str, str]
    rows: tuple[Row, ...]
    arrivals: tuple[int, int]
    equal_arrivals: bool

    def finding(self) -> str:
        """What differs most, losses first, and whether the runs had to do the same."""
        differing = sorted(
            (row for row in self.rows if row.differs), key=lambda row: (row.name in OUTCOMES, row.factor)
        )
        told = "; ".join(row.told() for row in reversed(differing[-2:])) or "no difference to be seen"
        return f"{self.labels[1]}: {told}; {self.arrivals_told()}"

    def arrivals_told(self) -> str:
        """Equal, or how many records each had."""
        if self.equal_arrivals:
            return f"equal arrivals ({self.arrivals[0]:,} records)"
        one, other = self.arrivals
        return "arrivals at other times" if one == other else f"NOT equal arrivals: {one:,} and {other:,} records"

    def as_json(self) -> dict[str, Any]:
        """All of it as one JSON object."""
        rows = [{"name": row.name, "unit": row.unit, "a": row.one, "b": row.other} for row in self.rows]
        arrivals = {"a": self.arrivals[0], "b": self.arrivals[1], "equal": self.equal_arrivals}
        return {"labels": list(self.labels), "finding": self.finding(), "arrivals": arrivals, "rows": rows}


def compare(one: "Run", other: "Run", labels: tuple[str, str] = ("A", "B")) -> Comparison:
    """Hold one run beside another."""
    first, second = figures(one), figures(other)
    names = list(dict.fromkeys([*first, *second]))
    rows = tuple(Row(name, unit, first.get(key, 0.0), second.get(key, 0.0)) for key in names for name, unit in [key])
    heard = [run.recorded().hindsight.arrivals for run in (one, other)]
    arrived = [{topic: sorted(chain(*batches)) for topic, batches in arrivals.items()} for arrivals in heard]
    counts = (sum(map(len, arrived[0].values())), sum(map(len, arrived[1].values())))
    return Comparison(labels, rows, counts, arrived[0] == arrived[1])


def figures(run: "Run") -> dict[tuple[str, str], float]:
    """The figures of a run by name and unit."""
    verdict, metrics = run.verdict, run.metrics
    given_up = sum(fact.columns.count for _, fact in run.facts if isinstance(fact, BatchFailed))
    found: dict[tuple[str, str], float] = {
        ("acknowledged", "records"): verdict.acknowledged,
        ("lost", "records"): len(verdict.lost),
        ("given up", "records"): given_up + len(run.recorded().hindsight.exhausted),
        ("never delivered", "records"): len(verdict.undelivered),
        ("delivered again", "records"): sum(verdict.redelivered.values()),
        ("longest outage of a partition", "s"): max((outage.length_s for outage in outages(run)), default=0.0),
    }
    for group in run.flight.plan.groups:
        lags = metrics.series("records-lag", group=group.group_id)[1]
        waits = [
            sample.value
            for sample in metrics.samples
            if sample.metric == "records-lag-seconds" and ("group", group.group_id) in sample.labels
        ]
        names = [name for name in run.flight.cluster.partitions() if name.topic in group.topics]
        unowned = sum(gap.end_s - gap.begin_s for name in names for gap in gaps(run, group.group_id, name))
        found["worst lag of " + group.group_id, "records"] = max(lags, default=0.0)
        found["worst lag in time of " + group.group_id, "s"] = max(waits, default=0.0)
        found["without an owner in " + group.group_id, "partition-s"] = unowned
    for (metric, labels), histogram in metrics.histograms.items():
        name = " to ".join(value for key, value in reversed(labels) if key != "quantile")
        what = "acknowledgement of" if metric == "produce-latency-ms" else "from send to poll,"
        for quantile, value in histogram.summary().items():
            if quantile in ("p50", "p99", "max"):
                found[f"{quantile} {what} {name}", "ms"] = value
    return found


def amount(value: float, unit: str) -> str:
    """A figure with its unit."""
    return f"{value:,.0f} {unit}" if unit == "records" or value >= 100 else f"{value:.1f} {unit}"
