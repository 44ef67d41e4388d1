"""Small charts of text for a terminal, where a picture cannot be shown."""

from collections.abc import Mapping, Sequence

from sim.run import Run
from sim.teach.interview.numbers import plain
from sim.view.curves import Curve, Curves

__all__ = ["bars", "sparks"]

WIDTH, MOST_POINTS = 40, 12
SPARKS = "▁▂▃▄▅▆▇█"


def bars(curves: Mapping[str, Sequence[tuple[float, float]]], x: str, y: str) -> list[str]:
    """A line of text for each point: its x, a bar, its y; of many points some."""
    most = max((value for points in curves.values() for _, value in points), default=0)
    lines = [f"{y}, by {x}"]
    for name, points in curves.items():
        lines += [name] if len(curves) > 1 else []
        step = -(-len(points) // MOST_POINTS) or 1
        shown = [(plain(place), value) for place, value in points[::step]]
        wide = max((len(place) for place, _ in shown), default=0)
        for place, value in shown:
            bar = "█" * round(WIDTH * max(value, 0) / most) if most > 0 else ""
            lines.append(f"  {place:>{wide}} {bar} {plain(value)}")
    return lines


def sparks(run: Run) -> list[str]:
    """Throughput and lag of a run from its beginning to its end, each in a line."""
    curves = Curves(run.metrics.samples)
    lag = curves.total("records-lag")
    for group in run.flight.plan.groups[:1]:
        lag = curves.last_known("records-lag", group=group.group_id)
    told = (("records/s written", curves.total("MessagesInPerSec")), ("records of lag", lag))
    names = max(len(name) for name, _ in told)
    return [f"{name:<{names}} {_spark(curve)} up to {plain(float(curve.max()))}" for name, curve in told if len(curve)]


def _spark(curve: Curve) -> str:
    """One character for each second, or for so many that the line is not too long; the highest value of each."""
    step = -(-len(curve) // (WIDTH + 20)) or 1
    values = [float(curve[begin : begin + step].max()) for begin in range(0, len(curve), step)]
    most = max(values)
    return "".join(SPARKS[min(len(SPARKS) - 1, int(value / most * len(SPARKS)))] if most > 0 else SPARKS[0]
                   for value in values)  # fmt: skip
