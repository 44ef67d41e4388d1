"""The offsets of one partition over time: log end, high watermark, last stable offset, and what groups committed."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator

from sim.machine.hardware import nearest
from sim.observe.recorder import LogStep
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import LogTruncated
from sim.rules.topics import TopicPartition
from sim.view import colours
from sim.view.curves import Curve
from sim.view.panels import name_axes
from sim.view.timeline import sentence, timeline

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw", "most_eventful"]

LOG_LINES: tuple[tuple[str, str, Any, float], ...] = (
    ("log end offset (LEO)", colours.BLACK, "-", 2.2),
    ("high watermark (HW)", colours.SKY, (0, (5, 1.5)), 2.4),
    ("last stable offset (LSO)", colours.VERMILLION, (0, (1.2, 1.2)), 2.4),
)
GROUP_LINES = (
    (colours.GREEN, "o"),
    (colours.PURPLE, "^"),
    (colours.ORANGE, "s"),
    (colours.BLUE, "D"),
    (colours.GREY, "x"),
)
MARKS = 30


def draw(run: "Run", path: Path | None = None, partition: str | None = None) -> Figure:
    """Draw the staircase of a partition such as `orders-0`, or else of the most eventful; write it to `path` if given.

    Above the offsets, below how many records each is behind the log end. Raises ConfigError for an unknown partition.
    """
    name = most_eventful(run) if partition is None else _known(run, partition)
    recorder = run.recorded()
    steps = recorder.steps.get(name, [])
    commits = {group_id: found for (group_id, of), found in recorder.commits.items() if of == name}
    stable = LOG_LINES if any(step.last_stable_offset < step.high_watermark for step in steps) else LOG_LINES[:2]
    keys = [Line2D([], [], color=c, linestyle=s, linewidth=w, label=label) for label, c, s, w in stable]
    keys += [_group_line(number, [], [], f"committed by {group_id}") for number, group_id in enumerate(commits)]
    frame = timeline(run, finding(name, steps, commits), (1.3, 1.0), 7.2, keys=keys)
    offsets, behind = frame.panels
    times = numpy.array([step.time_s for step in steps])
    ends = numpy.array([step.log_end_offset for step in steps], dtype=numpy.float64)
    for index, (_, colour, style, width) in enumerate(stable):
        values = numpy.array([step[index + 1] for step in steps], dtype=numpy.float64)
        for axes, heights in ((offsets, values), (behind, ends - values)) if index else ((offsets, values),):
            axes.step(*_to_end(times, heights, run), where="post", color=colour, linestyle=style, linewidth=width)
    for number, found in enumerate(commits.values()):
        at = numpy.array([time_s for time_s, _ in found])
        committed = numpy.array([offset for _, offset in found], dtype=numpy.float64)
        offsets.add_line(_group_line(number, *_to_end(at, committed, run)))
        if steps:
            behind.add_line(_group_line(number, *_to_end(*_lag(steps, found), run)))
    _axes(offsets, behind)
    picture = frame.finish(run)
    if path is not None:
        picture.save(path)
    return picture


def most_eventful(run: "Run") -> TopicPartition:
    """The partition that was cut most often, and of those the one on which somebody was furthest behind the log end."""
    recorder = run.recorded()
    if not recorder.steps:
        raise ConfigError(f"{run.scenario.name}: no partition has a log, so there is no staircase to draw")
    cuts = Counter(fact.partition for _, fact in run.facts if isinstance(fact, LogTruncated))
    gaps = {name: float(max(step[1] - step[3] for step in steps)) for name, steps in recorder.steps.items()}
    for (_, name), found in recorder.commits.items():
        if name in gaps:
            gaps[name] = max(gaps[name], float(_lag(recorder.steps[name], found)[1].max()))
    return max(gaps, key=lambda name: (cuts[name], gaps[name]))


def finding(name: TopicPartition, steps: Sequence[LogStep], commits: dict[str, list[tuple[float, int]]]) -> str:
    """How far each group, the high watermark and the last stable offset fell behind the log end, the furthest first."""
    if not steps:
        return f"{name} took no record"
    unreplicated = max((step.log_end_offset - step.high_watermark, step.time_s) for step in steps)
    undecided = max((step.high_watermark - step.last_stable_offset, step.time_s) for step in steps)
    said: list[tuple[float, float, str]] = [(*unreplicated, "up to {} not yet replicated")]
    if undecided[0]:
        said.append((*undecided, "up to {} held back by open transactions"))
    for group_id, found in commits.items():
        grid, lag = _lag(steps, found)
        said.append((float(lag.max()), float(grid[int(lag.argmax())]), f"{group_id} up to {{}} behind"))
    said.sort(key=lambda clause: -clause[0])
    clauses = [f"{text.format(_records(count))} at {time_s:.0f} s" for count, time_s, text in said]
    return sentence([f"{name}: {clauses[0]}", f"it grew to offset {steps[-1].log_end_offset:,}", *clauses[1:]])


def _records(count: float) -> str:
    return f"{count:,.0f} record" if count == 1 else f"{count:,.0f} records"


def _known(run: "Run", partition: str) -> TopicPartition:
    known = {str(name): name for name in run.recorded().steps}
    if partition not in known:
        raise ConfigError(f"--partition {partition}: unknown partition{nearest(partition, known)}")
    return known[partition]


def _lag(steps: Sequence[LogStep], commits: Sequence[tuple[float, int]]) -> tuple[Curve, Curve]:
    """Times from a group's first commit on, and how many records lay between its offset and the log end."""
    times, ends = (
        numpy.array(column, dtype=numpy.float64) for column in zip(*(step[:2] for step in steps), strict=True)
    )
    at, committed = (numpy.array(column, dtype=numpy.float64) for column in zip(*commits, strict=True))
    grid = numpy.union1d(times[times >= at[0]], at)
    return grid, _held(times, ends, grid) - _held(at, committed, grid)


def _held(times: Curve, values: Curve, grid: Curve) -> Curve:
    """The value of a staircase at each time of a grid; 0 before its first step."""
    where = numpy.searchsorted(times, grid, side="right") - 1
    return numpy.where(where >= 0, values[numpy.maximum(where, 0)], 0.0)


def _to_end(times: Curve, values: Curve, run: "Run") -> tuple[Curve, Curve]:
    """A staircase with its last step drawn out to the end of the run."""
    if not len(times):
        return times, values
    return numpy.append(times, run.simulated_s), numpy.append(values, values[-1])


def _group_line(number: int, x: Sequence[float] | Curve, y: Sequence[float] | Curve, label: str = "") -> Line2D:
    colour, marker = GROUP_LINES[number % len(GROUP_LINES)]
    line = Line2D(x, y, color=colour, linewidth=1.2, marker=marker, markersize=4, drawstyle="steps-post")
    line.set(markevery=max(1, len(x) // MARKS), label=label or f"_committed {number}")
    return line


def _axes(offsets: Axes, behind: Axes) -> None:
    for axes in (offsets, behind):
        axes.relim()
        axes.autoscale_view(scalex=False)
    name_axes(offsets, "offset (records)", "offsets of the leader's log, and those that groups have committed")
    name_axes(behind, "behind the log end\n(records)", "log end offset minus the other; log scale above 1")
    offsets.set_ylim(bottom=min(0, offsets.dataLim.y0))
    offsets.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    behind.set_yscale("symlog", linthresh=1)
    behind.set_ylim(0, max(1.5, 1.5 * behind.dataLim.y1))
    for axes in (offsets, behind):
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
