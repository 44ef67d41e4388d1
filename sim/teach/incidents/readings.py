"""Readings of a run as a graph needs them: for each line, one value for each second that has one."""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from sim.machine.clock import SECOND

if TYPE_CHECKING:
    from sim.observe.metrics import Sample
    from sim.run import Run

__all__ = [
    "Event",
    "Lines",
    "app_of",
    "counted",
    "held",
    "highest",
    "largest",
    "of",
    "quantile",
    "sampled",
    "stepwise",
    "summed",
    "up_to",
]

Lines = Mapping[str, list[tuple[float, float]]]
"""By label, pairs of time (seconds from the start) and value."""


class Event(NamedTuple):
    """Something that happened at a time (nanoseconds) and counts for a line."""

    time: int
    label: str
    amount: float = 1.0


def up_to(lines: Lines, end_s: float) -> Lines:
    """What had been read by a time; lines of which nothing had are left out."""
    cut = {label: [point for point in points if point[0] <= end_s] for label, points in lines.items()}
    return {label: points for label, points in sorted(cut.items()) if points}


def sampled(samples: Iterable["Sample"], *names: str, largest: bool = False) -> Lines:
    """Samples added up, or the largest of them, for each value of these labels; without any there is one line."""
    found: dict[str, dict[float, float]] = {}
    for sample in samples:
        labels = dict(sample.labels)
        label = " ".join(labels.get(name, "") for name in names) or "all"
        points = found.setdefault(label, {})
        before = points.get(sample.time_s)
        if before is None:
            points[sample.time_s] = sample.value
        else:
            points[sample.time_s] = max(before, sample.value) if largest else before + sample.value
    return {label: sorted(points.items()) for label, points in found.items()}


def counted(run: "Run", events: Iterable[Event], labels: Iterable[str] = ()) -> Lines:
    """The amounts of each second, 0 where nothing was; `labels` are lines that are there in any case."""
    seconds = int(run.simulated_s)
    found = {label: [0.0] * seconds for label in labels}
    for event in events:
        second = event.time // SECOND
        if second < seconds:
            found.setdefault(event.label, [0.0] * seconds)[second] += event.amount
    return {label: [(second + 1.0, value) for second, value in enumerate(line)] for label, line in found.items()}


def highest(events: Iterable[Event]) -> Lines:
    """The largest amount of each second that has one."""
    found: dict[str, dict[float, float]] = {}
    for event in events:
        points, second = found.setdefault(event.label, {}), event.time // SECOND + 1.0
        points[second] = max(points.get(second, event.amount), event.amount)
    return {label: sorted(points.items()) for label, points in found.items()}


def held(run: "Run", events: Iterable[Event], before: Mapping[str, float] | None = None) -> Lines:
    """What an event says holds until the next one of its line; `before` is what held at first."""
    seconds = int(run.simulated_s)
    changes: dict[str, list[Event]] = {label: [] for label in before or {}}
    for event in events:
        changes.setdefault(event.label, []).append(event)
    found: dict[str, list[tuple[float, float]]] = {}
    for label, line in changes.items():
        value, points, left = (before or {}).get(label), [], iter([*line, None])
        following = next(left)
        for second in range(1, seconds + 1):
            while following is not None and following.time <= second * SECOND:
                value, following = following.amount, next(left)
            if value is not None:
                points.append((float(second), value))
        found[label] = points
    return found


def app_of(run: "Run", client_id: str) -> str | None:
    """The application of the plan, or the member started since, whose client this is; None for any other."""
    app = client_id.partition("-producer-")[0].partition("-consumer-")[0].partition("-share-consumer-")[0]
    known = run.flight.cluster.apps.get(app)
    stages = {spec.name for spec in run.flight.plan.apps} | {group.group_id for group in run.flight.plan.groups}
    return app if known is not None and (app in stages or app.rpartition("-")[0] in stages) else None


def of(run: "Run", metric: str) -> "list[Sample]":
    """The samples of one metric, perhaps none."""
    return [sample for sample in run.metrics.samples if sample.metric == metric]


def summed(metric: str, *labels: str) -> Callable[["Run"], Lines]:
    """Reads a metric of the run, added up over all labels but these."""
    return lambda run: sampled(of(run, metric), *labels)


def largest(metric: str, *labels: str) -> Callable[["Run"], Lines]:
    """Reads a metric of the run, the largest over all labels but these."""
    return lambda run: sampled(of(run, metric), *labels, largest=True)


def quantile(metric: str, label: str) -> Callable[["Run"], Lines]:
    """Reads the 95th percentile of a latency."""
    return lambda run: sampled([s for s in of(run, metric) if ("quantile", "p95") in s.labels], label)


def stepwise(metric: str) -> Callable[["Run"], Lines]:
    """Reads a metric that is noted when it changes."""
    return lambda run: held(
        run, [Event(round(s.time_s * SECOND), dict(s.labels)["partition"], s.value) for s in of(run, metric)]
    )
