"""How bad a symptom is, as a number read from a run: 0 is healthy."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from sim.machine.clock import SECOND

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["Symptom", "delivered_again", "doubled", "lag", "latency", "lost", "metric", "not_sent", "unread"]

LAST_S = 10.0
"""What comes and goes is averaged over so many seconds at the end of the run."""


@dataclass(frozen=True, slots=True)
class Symptom:
    """What is measured, in words that can follow "the", its unit, and how: from a run and the time of the fix (s)."""

    told: str
    unit: str
    measure: Callable[["Run", float], float]


def _mean_at_end(run: "Run", metric: str, **labels: str) -> float:
    times, values = run.metrics.series(metric, **labels)
    last = [value for time, value in zip(times, values, strict=True) if time > run.simulated_s - LAST_S]
    return fmean(last) if last else 0.0


def lag(group: str) -> Symptom:
    """What a group is behind at the end."""

    def measure(run: "Run", _: float) -> float:
        return _mean_at_end(run, "records-lag", group=group)

    return Symptom(f"records-lag of {group} at the end", "records", measure)


def metric(name: str, unit: str) -> Symptom:
    """A metric at the end."""
    return Symptom(f"{name} at the end", unit, lambda run, _: _mean_at_end(run, name))


def latency(name: str, **labels: str) -> Symptom:
    """The 95th percentile of a latency at the end."""
    whose = " ".join(labels.values())

    def measure(run: "Run", _: float) -> float:
        return _mean_at_end(run, name, quantile="p95", **labels)

    return Symptom(f"{name} of {whose} at the end (95th percentile)", "ms", measure)


def not_sent(topic: str, rate_per_s: float) -> Symptom:
    """How many records a second fewer than usual come in at the end."""

    def measure(run: "Run", _: float) -> float:
        return max(0.0, 0.9 * rate_per_s - _mean_at_end(run, "MessagesInPerSec", topic=topic))

    return Symptom(f"records of {topic} that do not come in at the end", "records/s", measure)


def lost(topic: str) -> Symptom:
    """How many records sent since the fix were acknowledged and are gone."""

    def measure(run: "Run", since_s: float) -> float:
        gone = [fate for fate in run.verdict.lost if fate.partition.rpartition("-")[0] == topic]
        return float(sum((fate.sent_s or 0.0) >= since_s for fate in gone))

    return Symptom(f"acknowledged records of {topic} lost after that", "records", measure)


def doubled(topic: str) -> Symptom:
    """How many records sent since the fix are in the log twice."""

    def measure(run: "Run", since_s: float) -> float:
        twice = [fate for fate in run.verdict.duplicated if fate.partition.rpartition("-")[0] == topic]
        return float(sum((fate.sent_s or 0.0) >= since_s for fate in twice))

    return Symptom(f"records of {topic} written twice after that", "records", measure)


def delivered_again(group: str) -> Symptom:
    """How many records a group gets again at the end, when what was in hand at the time of the fix is long done."""

    def measure(run: "Run", _: float) -> float:
        seen: dict[object, int] = {}
        again, begin = 0, (run.simulated_s - 2 * LAST_S) * SECOND
        for delivery in run.recorded().deliveries:
            if delivery.group_id == group:
                known = seen.get(delivery.partition, 0)
                if delivery.delivered_at > begin:
                    again += max(0, min(known, delivery.next_offset) - delivery.first_offset)
                seen[delivery.partition] = max(known, delivery.next_offset)
        return float(again)

    return Symptom(f"records that {group} got again in the last {2 * LAST_S:g} s", "records", measure)


def unread(group: str, topic: str) -> Symptom:
    """How many records sent since the fix retention has taken away before the group got them."""

    def measure(run: "Run", since_s: float) -> float:
        delivered: dict[object, int] = {}
        missed = 0
        for delivery in run.recorded().deliveries:
            if delivery.group_id == group:
                after = delivered.get(delivery.partition, 0)
                gap = delivery.first_offset - after
                if gap > 0 and delivery.delivered_at > (since_s + LAST_S) * SECOND:
                    missed += gap
                delivered[delivery.partition] = max(after, delivery.next_offset)
        return float(missed)

    return Symptom(f"records of {topic} that {group} never got after that", "records", measure)
