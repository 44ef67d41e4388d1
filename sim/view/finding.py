"""The finding of a run in one sentence: what became of the records, and what each fault cost."""

from typing import TYPE_CHECKING

import numpy
from numpy.typing import NDArray

from sim.machine.clock import format_duration
from sim.rules.facts.journal import AppStopped, BatchFailed
from sim.view.curves import Curve, Curves
from sim.view.episodes import Span, effects, episodes, fault_spans

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["finding"]

Mask = NDArray[numpy.bool_]

MOST_COSTS = 3


def finding(run: "Run") -> str:
    """`108,214 payments, none lost; broker 2 down: acknowledgements 8.7 s late`, all of it from the run.

    A fault's cost is the worst that was seen from its beginning to the next fault's, if it is at least twice
    what was usual before: the longest wait for an acknowledgement, and the lag of the group furthest behind.
    A scenario whose story is another one says so in `results["finding"]`.
    """
    own = run.results.get("finding")
    if own is not None:
        return str(own)
    curves = Curves(run.metrics.samples)
    spans = episodes(fault_spans(run.facts, run.simulated_s))
    if not spans:
        return f"{_fate(run)}; {_calm(run, curves)}"
    costs = [_Cost(run, curves, span, until_s) for span, until_s in effects(spans)]
    dearest = sorted(costs, key=lambda cost: -cost.seconds)[:MOST_COSTS]
    return "; ".join([_fate(run), *(cost.told() for cost in costs if cost in dearest)])


class _Cost:
    """What one fault cost, as far as metrics show it between its beginning and `until_s`."""

    def __init__(self, run: "Run", curves: Curves, span: Span, until_s: float) -> None:
        self.label = span.label
        before = curves.times <= span.begin_s
        during = (curves.times > span.begin_s) & (curves.times <= until_s)
        waits = curves.highest("produce-latency-ms", quantile="max") / 1e3
        self.wait_s = _excess(waits, before, during, least=0.1)
        self.silence_s = _silence(run, curves.times, waits) if until_s > run.simulated_s else 0.0
        self.offline_s = int((curves.total("OfflinePartitionsCount")[during] > 0).sum())
        self.lag_s, self.group_id, self.lag_records = 0.0, "", 0
        for group in run.flight.plan.groups:
            lag_s = _excess(curves.highest("records-lag-seconds", group=group.group_id), before, during, least=1.0)
            if lag_s > self.lag_s:
                lag = curves.last_known("records-lag", group=group.group_id)
                self.lag_s, self.group_id, self.lag_records = lag_s, group.group_id, int(lag[during].max())

    @property
    def seconds(self) -> float:
        """The largest of all, to rank faults by."""
        return max(self.wait_s, self.lag_s, self.silence_s, self.offline_s)

    def told(self) -> str:
        """One clause; lag that only follows from late acknowledgements is not told."""
        costs = []
        if self.wait_s > 0.2 * self.lag_s:
            costs.append(f"acknowledgements {_seconds(self.wait_s)} late")
        if self.silence_s:
            costs.append(f"none acknowledged in the last {_seconds(self.silence_s)}")
        if self.offline_s:
            costs.append(f"partitions offline for {self.offline_s} s")
        if self.lag_s > 2 * self.wait_s:
            costs.append(f"{self.group_id} {_seconds(self.lag_s)} ({self.lag_records:,} records) behind")
        return f"{self.label}: {', '.join(costs) or 'no cost to be seen'}"


def _excess(curve: Curve, before: Mask, during: Mask, least: float) -> float:
    """The highest value during a fault, 0 when it is less than `least` or than twice what was usual before it."""
    known = curve[before][~numpy.isnan(curve[before])]
    usual = max(float(numpy.median(known)), float(known[-1])) if len(known) else 0.0
    peak = float(numpy.nanmax(curve[during], initial=0.0))
    return peak if peak >= max(least, 2 * usual) else 0.0


def _silence(run: "Run", times: Curve, waits: Curve) -> float:
    """Seconds from the last acknowledgement to the end of a run whose sources had more to send, if out of the usual."""
    ended = {fact.app for _, fact in run.facts if isinstance(fact, AppStopped) and fact.finished}
    known = times[~numpy.isnan(waits)]
    if not len(known) or all(app.name in ended for app in run.flight.plan.apps if app.finite):
        return 0.0
    silence_s, usual_s = run.simulated_s - float(known[-1]), float(numpy.diff(known, prepend=0.0).max())
    return silence_s if silence_s >= max(2.0, 2 * usual_s) else 0.0


def _fate(run: "Run") -> str:
    """How many records were acknowledged in the busiest topic, and what went wrong with records of any topic."""
    verdict = run.verdict
    undelivered = "not delivered" if run.until is None and not run.partial else "not yet delivered"
    wrong = [
        f"{len(records):,} {fate}"
        for fate, records in (
            ("lost", verdict.lost),
            ("duplicated", verdict.duplicated),
            ("out of order", verdict.reordered),
            (undelivered, verdict.undelivered),
        )
        if records
    ]
    failed = sum(fact.columns.count for _, fact in run.facts if isinstance(fact, BatchFailed))
    if failed:
        wrong.append(f"{failed:,} given up by their producer")
    if not verdict.lost:
        wrong.insert(0, "none lost")
    return ", ".join([_acknowledged(run), *wrong])


def _acknowledged(run: "Run") -> str:
    counts = {
        topic.name: histogram.count
        for topic in run.flight.plan.topics
        if (histogram := run.metrics.histograms.get(("produce-latency-ms", (("topic", topic.name),))))
    }
    if not counts:
        return "no records"
    topic = max(counts, key=lambda name: counts[name])
    is_plural = topic.isalpha() and topic.endswith("s") and not topic.endswith(("ss", "us"))
    return f"{counts[topic]:,} {topic}" if is_plural else f"{counts[topic]:,} records in {topic}"


def _calm(run: "Run", curves: Curves) -> str:
    """What there is to say without faults: the highest lag and the slowest acknowledgement."""
    wait_s = float(numpy.nanmax(curves.highest("produce-latency-ms", quantile="max"), initial=0.0)) / 1e3
    lags = {
        group.group_id: float(curves.last_known("records-lag", group=group.group_id).max(initial=0.0))
        for group in run.flight.plan.groups
    }
    said = [f"acknowledged within {_seconds(wait_s)}"]
    if lags:
        group_id = max(lags, key=lambda name: lags[name])
        said.append(f"{group_id} at most {lags[group_id]:,.0f} records behind")
    return "no faults: " + ", ".join(said)


def _seconds(value: float) -> str:
    """Two digits are enough: `8.7 s`, `49 s`, `105 ms`."""
    if 1 <= value < 10:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if 10 <= value < 60 else format_duration(round(value * 1e9))
