"""A run told in sentences; every number in them is computed from it."""

from sim.machine.clock import format_duration
from sim.observe.metrics import Metrics
from sim.observe.verdict import MOST_LISTED, Verdict
from sim.world.flight import Flight

__all__ = ["tell"]


def tell(flight: Flight, metrics: Metrics, verdict: Verdict) -> list[str]:
    """What happened to the records, how long it took them, and what the faults did."""
    return [
        _fate(verdict),
        *_deliveries(verdict),
        *_given_up(verdict),
        *_not_acknowledged(metrics),
        *_latencies(metrics),
        *_lags(flight, metrics),
        *_availability(metrics),
        *_failures(flight),
    ]


def _fate(verdict: Verdict) -> str:
    wrong = [
        f"{len(records):,} {name}"
        for name, records in (
            ("lost", verdict.lost),
            ("duplicated", verdict.duplicated),
            ("out of order", verdict.reordered),
            ("undelivered (counted per group)", verdict.undelivered),
        )
        if records
    ]
    removed = f" Retention or compaction has removed {verdict.removed:,} of them." if verdict.removed else ""
    aborted = f" The transactions of {verdict.aborted:,} were aborted: nobody needs to get them." * bool(
        verdict.aborted
    )
    if not wrong:
        are = "were" if removed else "are"
        return (
            f"Verdict: all {verdict.acknowledged:,} acknowledged records {are} in the log once, in order, "
            f"and delivered.{removed}{aborted}"
        )
    most = max(map(len, (verdict.lost, verdict.duplicated, verdict.reordered, verdict.undelivered)))
    listed = "each" if most <= MOST_LISTED else f"the first {MOST_LISTED:,} of each kind"
    told = f"Verdict: of {verdict.acknowledged:,} acknowledged records {', '.join(wrong)}; verdict.json lists {listed}."
    return told + removed + aborted


def _deliveries(verdict: Verdict) -> list[str]:
    again = [f"{count:,} to {group}" for group, count in verdict.redelivered.items() if count]
    return [f"Delivered a second time, as at-least-once allows: {', '.join(again)}."] if again else []


def _given_up(verdict: Verdict) -> list[str]:
    counts = [f"{count:,} by {group}" for group, count in verdict.given_up.items()]
    return [f"Given up, as rejected or delivered too often: {', '.join(counts)}."] if counts else []


def _not_acknowledged(metrics: Metrics) -> list[str]:
    counts = [f"{count:,} for {error}" for error, count in metrics.records_given_up.items()]
    return [f"Given up by their producers, without an acknowledgement: {', '.join(counts)}."] if counts else []


def _latencies(metrics: Metrics) -> list[str]:
    told = []
    for (metric, labels), histogram in metrics.histograms.items():
        found = histogram.summary()
        if found:
            values = dict(labels)
            what = (
                f"Acknowledgement of {values['topic']}"
                if metric == "produce-latency-ms"
                else f"From send() on {values['topic']} to {values['group'] or 'readers without a group'}"
            )
            spread = ", ".join(f"{name} {format_duration(round(value * 1e6))}" for name, value in found.items())
            told.append(f"{what}: {spread}.")
    return told


def _lags(flight: Flight, metrics: Metrics) -> list[str]:
    told = []
    for group in flight.plan.groups:
        times, lags = metrics.series("records-lag", group=group.group_id)
        if lags and max(lags) > 0:
            at = times[lags.index(max(lags))]
            told.append(f"Lag of {group.group_id}: at most {max(lags):,.0f} records, at {at:g} s.")
    return told


def _availability(metrics: Metrics) -> list[str]:
    told = []
    for metric, words in (
        ("UnderReplicatedPartitions", "some partition had fewer in-sync replicas than replicas"),
        ("OfflinePartitionsCount", "some partition had no leader"),
    ):
        seconds = sum(value > 0 for value in metrics.series(metric)[1])
        if seconds:
            told.append(f"For {seconds} s {words}.")
    return told


def _failures(flight: Flight) -> list[str]:
    apps = flight.cluster.apps.values()
    return [f"{app.name} died of an error that it did not catch: {app.failure}." for app in apps if app.failure]
