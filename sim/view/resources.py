"""How busy processors, disks and network cards of the brokers were."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from sim.view.panels import name_axes
from sim.view.strokes import draw_numbered, numbered_key
from sim.view.timeline import timeline

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]

DEVICES = ("cpu", "disk", "network")
LABELS = {"cpu": "CPU (%)", "disk": "disk (%)", "network": "network (%)"}
CAPTIONS = {
    "cpu": "work given to the request handlers in each second, of what they can do in it; above 100 % it queues",
    "disk": "bytes written and read by the busiest disk, of its bandwidth",
    "network": "bytes on the network card, the busier direction, of its bandwidth",
}
MOST_BROKERS = 8
LIMIT = 0.9


def draw(run: "Run", path: Path | None = None) -> Figure:
    """Draw the utilisation of each broker's devices, and write it to `path` as PNG if one is given.

    Of many brokers the busiest are drawn.
    """
    loads = run.recorded().loads
    busiest = sorted(loads, key=lambda broker: -max((max(load[1:]) for load in loads[broker]), default=0.0))
    shown = sorted(busiest[:MOST_BROKERS])
    keys = [numbered_key(number, f"broker {broker}") for number, broker in enumerate(shown)]
    title = finding(run)
    if len(shown) < len(loads):
        title += f"; shown are the {len(shown)} busiest of {len(loads)} brokers"
    frame = timeline(run, title, (1, 1, 1), 7.4, keys=keys)
    for axes, device in zip(frame.panels, DEVICES, strict=True):
        for number, broker in enumerate(shown):
            times = numpy.array([load.time_s for load in loads[broker]])
            values = numpy.array([100 * getattr(load, device) for load in loads[broker]])
            draw_numbered(axes, number, times, values)
        axes.set_ylim(0, max(axes.get_ylim()[1], 1e-9))
        name_axes(axes, LABELS[device], CAPTIONS[device])
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.3g}"))
    picture = frame.finish(run)
    if path is not None:
        picture.save(path)
    return picture


def finding(run: "Run") -> str:
    """The device that was nearest to its limit, then the others, each at its busiest second."""
    peaks: list[tuple[float, str]] = []
    for device in DEVICES:
        loads = [(load, broker) for broker, found in run.recorded().loads.items() for load in found]
        if loads:
            load, broker = max(loads, key=lambda pair: float(getattr(pair[0], device)))
            share, name = float(getattr(load, device)), LABELS[device].removesuffix(" (%)")
            peaks.append((share, f"{name} of broker {broker} at most {_percent(share)} busy, at {load.time_s:.0f} s"))
    if not peaks:
        return "nothing was measured"
    peaks.sort(key=lambda peak: -peak[0])
    (share, busiest), *others = peaks
    verdict = "A device at its limit" if share >= LIMIT else "No device near its limit"
    return "; ".join([f"{verdict}: {busiest}", *(text for _, text in others)])


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %" if share < 0.1 else f"{100 * share:.0f} %"
