"""The panels of the picture of a run; each draws one thing on axes that share the time (seconds from the start)."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

from sim.view import colours
from sim.view.colours import Stroke
from sim.view.curves import Curve, Curves
from sim.view.episodes import Span, effects

if TYPE_CHECKING:
    from sim.world.plan import Plan

__all__ = [
    "lag_records",
    "lag_seconds",
    "latency",
    "legend_lines",
    "name_axes",
    "replication",
    "throughput",
    "throughput_bytes",
]

LONGEST_NAME, MOST_NAMES = 32, 8
LONGEST_GAP_S = 5.0
"""A latency line is drawn across seconds without records, but not across more than these."""


def throughput(axes: Axes, plan: "Plan", curves: Curves) -> None:
    """Records produced per topic, and delivered per group, per second."""
    produced = [curves.total("MessagesInPerSec", topic=topic.name) for topic in plan.topics]
    delivered = [curves.total("MessagesOutPerSec", group=group.group_id) for group in plan.groups]
    _draw(axes, curves.times, produced, delivered)
    name_axes(axes, "throughput\n(records/s)", "produced per topic (broad grey), delivered per group")
    _count_axis(axes)
    _cut_peaks(axes, curves.times, [*produced, *delivered])


def throughput_bytes(axes: Axes, plan: "Plan", curves: Curves) -> None:
    """Bytes appended per topic, per second, in kilobytes."""
    produced = [curves.total("BytesInPerSec", topic=topic.name) / 1e3 for topic in plan.topics]
    _draw(axes, curves.times, produced, [])
    name_axes(axes, "produced\n(kB/s)", "record batches as they stand in the log, per topic")
    _count_axis(axes)
    _cut_peaks(axes, curves.times, produced)


def lag_records(axes: Axes, plan: "Plan", curves: Curves, episodes: Sequence[Span]) -> None:
    """Log end offset minus committed offset, over all partitions of a group."""
    lags = [curves.last_known("records-lag", group=group.group_id) for group in plan.groups]
    _draw(axes, curves.times, [], lags)
    name_axes(axes, "consumer lag\n(records)", "log end offset minus committed offset, all partitions of a group")
    _count_axis(axes)
    _label_peaks(axes, curves.times, lags, episodes, lambda value: f"{value:,.0f} records")


def lag_seconds(axes: Axes, plan: "Plan", curves: Curves, episodes: Sequence[Span]) -> None:
    """Age of the oldest record that a group has not committed, over all partitions."""
    lags = [curves.highest("records-lag-seconds", group=group.group_id) for group in plan.groups]
    _draw(axes, curves.times, [], lags)
    name_axes(axes, "consumer lag\n(s)", "age of the oldest record that a group has not committed")
    _count_axis(axes)
    _label_peaks(axes, curves.times, lags, episodes, lambda value: f"{value:.2g} s" if value < 10 else f"{value:.0f} s")


def latency(axes: Axes, plan: "Plan", curves: Curves, quantile: str = "p95") -> None:
    """A quantile of each second, logarithmic: until acknowledged per topic, until delivered per group."""
    acknowledged = [curves.highest("produce-latency-ms", topic=topic.name, quantile=quantile) for topic in plan.topics]
    delivered = [
        curves.highest("end-to-end-latency-ms", group=group.group_id, quantile=quantile) for group in plan.groups
    ]
    _draw(axes, curves.times, acknowledged, delivered)
    caption = "from send to acknowledgement per topic (broad grey), to poll per group; log scale"
    name_axes(axes, f"latency, {quantile}\n(ms)", caption)
    known = numpy.concatenate([[], *acknowledged, *delivered])
    known = numpy.log10(known[known > 0]) if (known > 0).any() else numpy.array([0.0, 1.0])
    axes.set_yscale("log")
    axes.set_ylim(0.7 * 10.0 ** numpy.floor(known.min()), 1.5 * 10.0 ** numpy.ceil(known.max()))
    axes.yaxis.set_major_locator(LogLocator(numticks=5))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))


def replication(axes: Axes, plan: "Plan", curves: Curves) -> None:
    """How many partitions lack replicas in their ISR, and how many have no leader."""
    partitions = sum(topic.partitions for topic in plan.topics)
    for metric, colour, hatch in (
        ("UnderReplicatedPartitions", colours.YELLOW, "////"),
        ("OfflinePartitionsCount", colours.BLACK, ""),
    ):
        count = curves.total(metric)
        axes.fill_between(
            curves.times, count, step="pre", facecolor=colour, edgecolor=colours.GREY, linewidth=0.5, hatch=hatch
        )
    axes.set_ylim(0, 1.1 * max(1, partitions))
    axes.set_yticks([0, partitions] if partitions else [0])
    name_axes(axes, "partitions", "under-replicated (hatched) and offline (black)")


def legend_lines(plan: "Plan", topics: bool = True) -> list[Line2D]:
    """The key to all panels, or only to those of groups; of very many topics and groups only the first."""
    shown = plan.topics if topics else ()
    named = [(colours.topic_stroke(n), f"topic {topic.name}") for n, topic in enumerate(shown)]
    named += [(colours.group_stroke(n), f"group {group.group_id}") for n, group in enumerate(plan.groups)]
    lines = [
        _key(stroke, label if len(label) <= LONGEST_NAME else f"{label[:LONGEST_NAME]}…")
        for stroke, label in named[:MOST_NAMES]
    ]
    if len(named) > MOST_NAMES:
        lines.append(Line2D([], [], linestyle="", label=f"and {len(named) - MOST_NAMES} more"))
    return lines


def _key(stroke: Stroke, label: str) -> Line2D:
    return Line2D([], [], color=stroke.colour, linestyle=stroke.style, linewidth=stroke.width, label=label)


def _draw(axes: Axes, times: Curve, topics: Sequence[Curve], groups: Sequence[Curve]) -> None:
    stroked = [(curve, colours.topic_stroke(n)) for n, curve in enumerate(topics)]
    stroked += [(curve, colours.group_stroke(n)) for n, curve in enumerate(groups)]
    for curve, stroke in stroked:
        x, y = _joined(times, curve)
        axes.plot(x, y, color=stroke.colour, linestyle=stroke.style, linewidth=stroke.width)


def _joined(times: Curve, curve: Curve) -> tuple[Curve, Curve]:
    """The known points, with a hole where there are none for longer than LONGEST_GAP_S."""
    known = ~numpy.isnan(curve)
    x, y = times[known], curve[known]
    holes = numpy.flatnonzero(numpy.diff(x) > LONGEST_GAP_S) + 1
    return numpy.insert(x, holes, numpy.nan), numpy.insert(y, holes, numpy.nan)


def name_axes(axes: Axes, label: str, caption: str) -> None:
    """A label with the unit, and a line above that tells what is drawn."""
    axes.set_ylabel(label, fontsize=9.5)
    axes.set_title(caption, loc="left", fontsize=8.5, color=colours.GREY, pad=3)


def _count_axis(axes: Axes) -> None:
    axes.yaxis.set_major_locator(MaxNLocator(4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,g}"))
    axes.set_ylim(0, max(1.0, axes.get_ylim()[1]))


def _cut_peaks(axes: Axes, times: Curve, curves: Sequence[Curve]) -> None:
    """Keep a short burst from flattening all the rest: cut it, and say how high it goes."""
    if not len(times) or not curves:
        return
    usual = max(float(numpy.percentile(curve, 97)) for curve in curves)
    highest = max(curves, key=lambda curve: float(curve.max()))
    peak, time = float(highest.max()), float(times[highest.argmax()])
    if usual > 0 and peak > 2 * usual:
        axes.set_ylim(0, 1.3 * usual)
        _note(axes, time, 1.04 * usual, f"up to {peak:,.0f}" if peak >= 10 else f"up to {peak:.2g}", colours.BLACK)


def _label_peaks(
    axes: Axes, times: Curve, curves: Sequence[Curve], episodes: Sequence[Span], say: Callable[[float], str]
) -> None:
    """Write the highest value of each fault beside its peak, where it stands out."""
    top = max((float(numpy.nanmax(curve, initial=0.0)) for curve in curves), default=0.0)
    axes.set_ylim(0, max(1.0, 1.3 * top))
    for span, until_s in effects(episodes):
        during = (times > span.begin_s) & (times <= until_s)
        peaks = [numpy.where(during, numpy.nan_to_num(curve), 0.0) for curve in curves]
        index = max(range(len(peaks)), key=lambda n: float(peaks[n].max(initial=0.0)), default=None)
        if index is not None and peaks[index].max(initial=0.0) > 0.2 * top:
            where = int(peaks[index].argmax())
            value = float(peaks[index][where])
            _note(axes, float(times[where]), value, say(value), colours.group_stroke(index).colour)


def _note(axes: Axes, time: float, value: float, text: str, colour: str) -> None:
    """A few words above a point, on a white ground; they stay within the axes."""
    share = time / axes.get_xlim()[1]
    side = "left" if share < 0.1 else "right" if share > 0.9 else "center"
    note = axes.annotate(text, (time, value), (0, 4), textcoords="offset points", ha=side, va="bottom")
    note.set(fontsize=9, color=colour, weight="bold", path_effects=[withStroke(linewidth=2.5, foreground="white")])
