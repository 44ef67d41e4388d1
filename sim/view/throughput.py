"""Records produced per topic and delivered per group in each second, and how far they fell."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy
from matplotlib.figure import Figure

from sim.view import panels
from sim.view.curves import Curve, Curves
from sim.view.timeline import sentence, timeline

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]


def draw(run: "Run", path: Path | None = None) -> Figure:
    """Draw throughput in records and in bytes per second, and write it to `path` as PNG if one is given."""
    curves, plan = Curves(run.metrics.samples), run.flight.plan
    frame = timeline(run, title(run, curves), (1.6, 1.0), 6.2, keys=panels.legend_lines(plan))
    panels.throughput(frame.panels[0], plan, curves)
    panels.throughput_bytes(frame.panels[1], plan, curves)
    picture = frame.finish(run)
    if path is not None:
        picture.save(path)
    return picture


def title(run: "Run", curves: Curves) -> str:
    """Of the busiest topic: the median second, and the worst between its first and its last record."""
    produced = {topic.name: curves.total("MessagesInPerSec", topic=topic.name) for topic in run.flight.plan.topics}
    busiest = max(produced, key=lambda name: float(produced[name].sum()), default=None)
    if busiest is None or not produced[busiest].any():
        return "no record was produced"
    curve = produced[busiest]
    sending = numpy.flatnonzero(curve)
    first, last = int(sending[0]), int(sending[-1])
    usual = float(numpy.median(curve[first : last + 1]))
    said = [f"{busiest}: {usual:,.0f} records/s in the median second"]
    inner = curve[first + 1 : last]
    if len(inner):
        begin, silent = _longest_silence(inner)
        worst = first + 1 + int(inner.argmin())
        least = f"{inner.min():,.0f} in the worst, at {curves.times[worst]:.0f} s"
        said.append(f"none for {silent} s from {curves.times[first + begin]:.0f} s" if silent > 1 else least)
    for group in run.flight.plan.groups:
        delivered = curves.total("MessagesOutPerSec", group=group.group_id)
        if delivered.any():
            peak = int(delivered.argmax())
            said.append(f"{group.group_id} got at most {delivered[peak]:,.0f}/s, at {curves.times[peak]:.0f} s")
    return sentence([", ".join(said[:2]), *said[2:]])


def _longest_silence(curve: Curve) -> tuple[int, int]:
    """Where the longest row of seconds without a record begins, and how many they are."""
    silences = [(0, 0)]
    for second, value in enumerate(curve.tolist()):
        begin, length = silences[-1]
        silences.append((begin, length + 1) if value == 0 else (second + 1, 0))
    return max(silences, key=lambda silence: silence[1])
