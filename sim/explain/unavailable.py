"""Why records could not be written: the longest time in which a partition took none."""

from typing import TYPE_CHECKING

from sim.explain.chain import Chain, Link
from sim.explain.leadership import outages, told
from sim.explain.loss import of_buffer
from sim.observe.metrics import Sample

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["unavailable"]

LEAST_S = 0.5


def unavailable(run: "Run", at_s: float | None = None) -> Chain:
    """The chain behind the longest outage, or behind the one that was on at a time."""
    found = [
        outage
        for outage in outages(run)
        if outage.length_s >= LEAST_S and (at_s is None or outage.begin_s <= at_s <= outage.end_s)
    ]
    exhausted = run.recorded().hindsight.exhausted
    if not found and not exhausted:
        return Chain("unavailable", "none", (Link(0.0, "Every partition could be written to at any time", "facts"),))
    if not found:
        time, app = exhausted[0]
        what = f"{app} could not send {len(exhausted):,} records from {time / 1e9:.1f} s on"
        return of_buffer(run, "unavailable", Link(time / 1e9, what, "BufferExhausted"))
    worst = max(found, key=lambda outage: outage.length_s)
    also = len({outage.partition for outage in found if abs(outage.begin_s - worst.begin_s) < 1}) - 1
    others = f" and {also} more partition{'s' * (also > 1)}" if also else ""
    what = f"{worst.partition}{others} could not be written to from {worst.begin_s:.1f} s on"
    links, remedy = told(run, worst)
    first = Link(worst.begin_s, what, _evidence(run))
    return Chain("unavailable", worst.cause, (first, *links), remedy, longest_outage_s, weight_s=worst.length_s)


def longest_outage_s(run: "Run") -> float:
    """The length of the longest outage."""
    return max((outage.length_s for outage in outages(run)), default=0.0)


def _evidence(run: "Run") -> str:
    waits: list[Sample] = [sample for sample in run.metrics.samples if sample.metric == "produce-latency-ms"]
    highest = max((sample.value for sample in waits), default=0.0)
    return f"produce-latency-ms up to {highest:,.0f} ms"
