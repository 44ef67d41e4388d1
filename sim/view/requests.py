"""Requests per second by kind, and how long the brokers took for them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from sim.rules.facts.requests import RequestSent
from sim.view.curves import Curve
from sim.view.latency import milliseconds
from sim.view.panels import name_axes
from sim.view.strokes import draw_numbered, numbered_key
from sim.view.timeline import timeline

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw", "per_second", "times_ms"]

MOST_KINDS = 8
OTHERS = "all others"


def draw(run: "Run", path: Path | None = None) -> Figure:
    """Draw what the brokers were asked and how long they took, and write it to `path` as PNG if one is given.

    Kinds are those of Kafka's RequestMetrics; time is that from the arrival of a request to its answer, the wait of a
    fetch for records (fetch.max.wait.ms) and of a produce for replicas (acks=all) included.
    """
    asked = [fact for fact in run.recorded().requests if fact.server.startswith("broker") and fact.arrived_at >= 0]
    by_kind = _by_kind(asked)
    keys = [numbered_key(number, kind) for number, kind in enumerate(by_kind)]
    frame = timeline(run, finding(run.recorded().requests, by_kind), (1.0, 1.0), 6.8, keys=keys)
    rates, waits = frame.panels
    seconds = numpy.arange(1, max(2, int(run.simulated_s) + 1), dtype=numpy.float64)
    for number, facts in enumerate(by_kind.values()):
        draw_numbered(rates, number, seconds, per_second(facts, len(seconds)))
        draw_numbered(waits, number, seconds, numpy.maximum(times_ms(facts, len(seconds)), 0.1))
    name_axes(rates, "requests\n(1/s)", "requests that came in at the brokers; log scale above 10")
    caption = "from arrival to answer, the longest of each second: fetches wait for records, produces for replicas"
    name_axes(waits, "time in broker\n(ms, log scale)", caption)
    rates.set_yscale("symlog", linthresh=10)
    waits.set_yscale("log")
    for axes in (rates, waits):
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    rates.set_ylim(bottom=0)
    picture = frame.finish(run)
    if path is not None:
        picture.save(path)
    return picture


def finding(sent: Sequence[RequestSent], by_kind: Mapping[str, Sequence[RequestSent]]) -> str:
    """How many requests came, how many of them fetches; the usual and the longest produce; what had no answer."""
    total = sum(map(len, by_kind.values()))
    if not total:
        return "no broker was asked anything"
    fetches = sum(len(facts) for kind, facts in by_kind.items() if kind.startswith("Fetch"))
    said = [f"{total:,} requests to brokers, {100 * fetches / total:.0f} % of them fetches"]
    for kind in ("Produce", "FetchConsumer"):
        done = [(fact.answered_at - fact.arrived_at, fact.arrived_at) for fact in by_kind.get(kind, ())]
        done = [pair for pair in done if pair[0] >= 0]
        if done:
            longest, at = max(done)
            usual = milliseconds(float(numpy.median([pair[0] for pair in done])) / 1e6)
            said.append(f"{kind} took {usual} usually, {milliseconds(longest / 1e6)} at worst, at {at / 1e9:.0f} s")
    lost = [fact for fact in sent if fact.server.startswith("broker") and fact.returned_at < 0 and fact.answer_wanted]
    said.append(f"{len(lost):,} not answered by the end" if lost else "all were answered")
    return "; ".join(said)


def per_second(facts: Sequence[RequestSent], seconds: int) -> Curve:
    """How many requests came in each second."""
    counts = numpy.bincount([fact.arrived_at // 1_000_000_000 for fact in facts], minlength=seconds)
    return counts[:seconds].astype(numpy.float64)


def times_ms(facts: Sequence[RequestSent], seconds: int) -> Curve:
    """The longest time from arrival to answer among the requests that came in each second; NaN where none came."""
    longest = numpy.full(seconds, numpy.nan)
    for fact in facts:
        second = fact.arrived_at // 1_000_000_000
        if fact.answered_at >= 0 and second < seconds:
            longest[second] = numpy.fmax(longest[second], (fact.answered_at - fact.arrived_at) / 1e6)
    return longest


def _by_kind(facts: Sequence[RequestSent]) -> dict[str, list[RequestSent]]:
    """The requests by kind, the most frequent first; rare kinds are one."""
    named = [kind for kind, _ in Counter(fact.kind for fact in facts).most_common()]
    kept = named if len(named) <= MOST_KINDS else named[: MOST_KINDS - 1]
    found: dict[str, list[RequestSent]] = {kind: [] for kind in kept}
    for fact in facts:
        found.setdefault(fact.kind if fact.kind in kept else OTHERS, []).append(fact)
    return found
