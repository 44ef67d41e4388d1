"""The figures of a run by name: all numbers of its summary, and steady means of what was sampled over time."""

from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from math import isfinite
from typing import TYPE_CHECKING

from sim.machine.clock import SECOND
from sim.plan.statistics import Interval, batch_means, steady_mean, warm_up
from sim.rules.errors import ConfigError

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["long_run", "main_measure", "measures"]

STEADY = "steady"
SUMMARY = ("simulated_s", "records_produced", "records_consumed", "verdict", "invariants", "metrics", "results")
LATENCIES = ("produce-latency-ms", "end-to-end-latency-ms")
RATES = ("MessagesInPerSec", "BytesInPerSec", "MessagesOutPerSec", "BytesOutPerSec")
MAIN = ("steady/end-to-end-latency-ms/", "steady/produce-latency-ms/")


def measures(run: "Run") -> dict[str, float]:
    """Every figure of a run, by a name of parts with slashes; yes is 1 and no is 0, so that a mean is a chance.

    - `records_produced`, `verdict/lost`, `produce-latency-ms/orders/p99`, `records-lag-max/readers/records`, ...: the
      numbers of the summary, of the whole run from its first moment;
    - `steady/end-to-end-latency-ms/readers/orders/p99`, `steady/records-lag/readers`, `steady/MessagesInPerSec/orders`,
      ...: means over the seconds of the load without their warm-up, which MSER-5 removes; of a quantile it is the mean
      of that of each second;
    - `results/...`: the scenario's own numbers.
    """
    summary = run.summary()
    whole = {key: value for key in SUMMARY if (value := summary.get(key)) is not None}
    metrics = whole.pop("metrics", {})
    return dict(_numbers({**whole, **metrics})) | _steady(run)


def long_run(run: "Run", measure: str | None = None, batches: int = 20, confidence: float = 0.95) -> Interval:
    """The steady mean of one long run with its interval by batch means, where a sweep has replicates.

    `measure` is the name of a steady one or a part of it, as in `main_measure`. Raises ConfigError, one line, for one
    that is not there, and for a run that is too short for so many batches.
    """
    series = _series(run)
    name = main_measure(dict.fromkeys(series, 0.0), measure)
    values = series.get(name, [])
    kept = values[warm_up(values) :] if values else values
    try:
        return batch_means(kept, batches, confidence)
    except ValueError as error:
        raise ConfigError(f"{name}: {error}, or fly longer") from error


def main_measure(known: Mapping[str, float], wanted: str | None = None) -> str:
    """The measure of this name or the only one with such a part; without one, the steady p99 of the first group.

    Where nothing is read it is the p99 of the first topic's acknowledgements, or else the records that were produced.
    Raises ConfigError, one line, for one that is not there.
    """
    if wanted is None:
        names = [name for start in MAIN for name in known if name.startswith(start) and name.endswith("/p99")]
        return names[0] if names else "records_produced"
    if wanted in known:
        return wanted
    found = [name for name in known if wanted in name]
    if len(found) == 1:
        return found[0]
    near = found[:3] or get_close_matches(wanted, known, n=3, cutoff=0.3)
    there_are = f"did you mean {' or '.join(near)}?" if near else f"there are {', '.join(list(known)[:5])} and more"
    raise ConfigError(f"--measure {wanted}: is {'several measures' if found else 'no measure'} here; {there_are}")


def _numbers(content: object, path: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(content, Mapping):
        for name, value in content.items():
            yield from _numbers(value, f"{path}/{name}" if path else str(name))
    elif isinstance(content, int | float) and isfinite(content):
        yield path, float(content)


def _steady(run: "Run") -> dict[str, float]:
    return {name: steady_mean(values) for name, values in _series(run).items()}


def _series(run: "Run") -> dict[str, list[float]]:
    """What was sampled in the seconds of the load, by the name of the measure, in the order of the names."""
    duration = run.flight.plan.duration
    end_s = run.simulated_s if duration is None else duration / SECOND
    sums: dict[str, dict[float, float]] = {}
    found: dict[tuple[str, object], dict[float, float] | None] = {}
    for time_s, metric, labels, value in run.metrics.samples:
        if time_s > end_s:
            continue
        key = metric, labels
        if key not in found:
            name = _series_of(metric, dict(labels))
            found[key] = None if name is None else sums.setdefault(name, {})
        values = found[key]
        if values is not None:
            before = values.get(time_s, 0.0)
            values[time_s] = max(before, value) if metric == "records-lag-seconds" else before + value
    return {f"{STEADY}/{name}": list(values.values()) for name, values in sorted(sums.items())}


def _series_of(metric: str, labels: Mapping[str, str]) -> str | None:
    """The series that a sample belongs to: partitions of a group and brokers of a topic together."""
    if metric in LATENCIES:
        return "/".join((metric, *labels.values()))
    if metric in ("records-lag", "records-lag-seconds"):
        return f"{metric}/{labels['group']}"
    if metric in RATES:
        return "/".join((metric, *(value for label, value in labels.items() if label != "broker")))
    return None
