"""A message-sequence diagram: requests and answers between clients and brokers in a few milliseconds."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from sim.machine.clock import format_duration
from sim.rules.errors import ConfigError
from sim.rules.facts.journal import FaultBegan, FaultEnded
from sim.rules.facts.requests import RequestSent
from sim.view import colours
from sim.view.episodes import fault_spans
from sim.view.exchanges import Window, chosen_time, window_at
from sim.view.latency import milliseconds
from sim.view.picture import Picture
from sim.view.timeline import head

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]

WIDTH_IN, LEFT_IN, RIGHT_IN, BOTTOM_IN, NAMES_IN = 11.0, 1.15, 0.9, 0.45, 0.5
LEAST_STEP_IN, MOST_STEP_IN, LEAST_HEIGHT_IN = 0.135, 0.42, 1.5
SCALE_IN_PER_MS = 0.12
KINDS = {"Produce": colours.BLUE, "FetchConsumer": "#00684C", "FetchFollower": "#A1527B"}
OTHER = colours.GREY

Heights = Mapping[int, float]


def draw(run: "Run", path: Path | None = None, at_s: float | None = None) -> Figure:
    """Draw who sent what to whom around a time (seconds), time running down; write it to `path` as PNG if given.

    Without a time it is that of the first trouble of a producer. The distances between events are to scale only where
    there is room. Raises ConfigError for a time that the run has not.
    """
    if at_s is not None and not 0 <= at_s <= run.simulated_s:
        raise ConfigError(f"{at_s:g} s is no time of this run, which lasts {run.simulated_s:g} s")
    time = chosen_time(run) if at_s is None else round(at_s * 1e9)
    window = window_at(run.recorded().requests, time)
    faults = [moment for moment, fact in run.facts if isinstance(fact, (FaultBegan, FaultEnded))]
    heights = _heights(window, [moment for moment in faults if window.holds(moment)])
    depth_in = max(LEAST_HEIGHT_IN, max(heights.values(), default=0.0) + 0.25)
    title = finding(run, window, time)
    keys = _keys()
    probe_in = head(Picture(WIDTH_IN, 20.0), run, title, keys)
    picture = Picture(WIDTH_IN, probe_in + NAMES_IN + depth_in + BOTTOM_IN)
    head(picture, run, title, keys)
    box = (LEFT_IN / WIDTH_IN, BOTTOM_IN / picture.get_figheight())
    size = (1 - (LEFT_IN + RIGHT_IN) / WIDTH_IN, depth_in / picture.get_figheight())
    axes = picture.add_axes((*box, *size))
    columns = _columns(run, window)
    axes.set(xlim=(-0.5, max(1, len(columns)) - 0.5), ylim=(depth_in, 0))
    _lifelines(axes, columns, window, heights)
    for fact in window.requests:
        _exchange(axes, fact, window, columns, heights, fact is window.focus)
    _faults(axes, run, heights)
    if path is not None:
        picture.save(path)
    return picture


def finding(run: "Run", window: Window, time: int) -> str:
    """What became of the request in the middle and where its time went, and what else is to be seen."""
    fact = window.focus
    width = format_duration(window.end - window.begin)
    if fact is None:
        return f"nobody sent anything within {width} of {time / 1e9:.3f} s"
    subject = f"{fact.kind} of {fact.client} to {fact.server}"
    if fact.arrived_at < 0:
        told = f"{subject} never arrived"
    elif fact.returned_at < 0:
        told = f"{subject} had no answer" if fact.answer_wanted else f"{subject} wanted no answer (acks=0)"
    else:
        told = f"{subject} took {milliseconds((fact.returned_at - fact.sent_at) / 1e6)}"
        ways = fact.arrived_at - fact.sent_at, fact.answered_at - fact.arrived_at, fact.returned_at - fact.answered_at
        there, inside, back = (milliseconds(way / 1e6) for way in ways)
        told += f"; {there} on the way, {inside} in the broker, {back} on the way back"
    faults = [span.label for span in fault_spans(run.facts, run.simulated_s) if span.begin_s <= time / 1e9 < span.end_s]
    during = f" ({', '.join(dict.fromkeys(faults))})" if faults else ""
    return f"{told}; sent at {fact.sent_at / 1e9:.4f} s{during}; shown are {width} from {window.begin / 1e9:.4f} s"


def _keys() -> list[Line2D]:
    keys = [Line2D([], [], color=colour, linewidth=1.4, label=kind) for kind, colour in KINDS.items()]
    keys.append(Line2D([], [], color=OTHER, linewidth=1.4, label="other request"))
    keys.append(Line2D([], [], color=colours.BLACK, linewidth=1.1, linestyle=(0, (4, 2)), label="answer"))
    return [*keys, Line2D([], [], color=colours.VERMILLION, marker="x", linestyle="", label="never answered")]


def _columns(run: "Run", window: Window) -> dict[str, int]:
    """Who takes part: applications that write, then brokers, then applications that only read."""
    names = {name for fact in window.requests for name in (fact.client, fact.server)}
    brokers = [f"broker-{number}" for number in run.flight.cluster.brokers if f"broker-{number}" in names]
    writers = sorted({fact.client for fact in window.requests if fact.kind == "Produce"} - set(brokers))
    readers = sorted(names - set(brokers) - set(writers))
    return {name: number for number, name in enumerate((*writers, *brokers, *readers))}


def _heights(window: Window, faults: Sequence[int]) -> dict[int, float]:
    """How far down each event stands, in inches: to scale, but no two closer or further than is legible."""
    times = {time for fact in window.requests for time in _moments(fact) if window.holds(time)}
    times |= set(faults)
    heights: dict[int, float] = {}
    down_in, before = 0.12, window.begin
    for time in sorted(times):
        down_in += min(MOST_STEP_IN, max(LEAST_STEP_IN, (time - before) / 1e6 * SCALE_IN_PER_MS))
        heights[time] = down_in
        before = time
    return heights


def _moments(fact: RequestSent) -> tuple[int, ...]:
    return fact.sent_at, fact.arrived_at, fact.answered_at, fact.returned_at


def _lifelines(axes: Axes, columns: Mapping[str, int], window: Window, heights: Heights) -> None:
    for name, x in columns.items():
        axes.axvline(x, color="#9A9A9A", linewidth=1.0, zorder=1)
        box = {"boxstyle": "round,pad=0.3", "facecolor": "#EDEDED", "edgecolor": colours.GREY}
        axes.annotate(name, (x, 0), (0, 8), textcoords="offset points", ha="center", va="bottom", fontsize=10, bbox=box)
    shown = sorted({fact.sent_at for fact in window.requests if window.holds(fact.sent_at)})
    ticks: list[int] = []
    for time in shown:
        if not ticks or heights[time] - heights[ticks[-1]] > 0.17:
            ticks.append(time)
    axes.set_yticks([heights[time] for time in ticks], [f"+{(time - window.begin) / 1e6:.2f}" for time in ticks])
    axes.set_ylabel(f"ms after {window.begin / 1e9:.4f} s, not to scale", fontsize=9.5)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _exchange(
    axes: Axes, fact: RequestSent, window: Window, columns: Mapping[str, int], heights: Heights, is_focus: bool
) -> None:
    colour, width = KINDS.get(fact.kind, OTHER), 2.2 if is_focus else 1.2
    client, server = float(columns[fact.client]), float(columns[fact.server])
    text = f"{fact.kind} {fact.content}".strip()
    if window.holds(fact.sent_at):
        got_to = server if fact.arrived_at >= 0 else (client + server) / 2
        end_in = _arrow(axes, (client, got_to), (fact.sent_at, fact.arrived_at), heights, text, colour, width, "-")
        if fact.answer_wanted and fact.returned_at < 0:
            axes.plot(got_to, end_in, "x", color=colours.VERMILLION, markersize=9, markeredgewidth=2, zorder=5)
        elif fact.returned_at >= window.end:
            later = f"answer back {milliseconds((fact.returned_at - fact.sent_at) / 1e6)} after it was sent"
            _label(axes, (server, end_in), 1 if server >= client else -1, later, OTHER)
    if window.holds(fact.returned_at):
        answered = fact.outcome or f"{fact.kind} done"
        _arrow(axes, (server, client), (fact.answered_at, fact.returned_at), heights, answered, colour, width, "--")


def _arrow(
    axes: Axes,
    across: tuple[float, float],
    times: tuple[int, int],
    heights: Heights,
    text: str,
    colour: str,
    width: float,
    style: str,
) -> float:
    """From one lifeline to another, with words at its begin; returns how far down it ends, in inches."""
    end = heights.get(times[1], heights.get(times[0], 0.0) + 0.07)
    begin = heights.get(times[0], end - 0.07)
    line = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "linestyle": style, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", (across[1], end), (across[0], begin), arrowprops=line, zorder=3)
    _label(axes, (across[0], begin), 1 if across[1] > across[0] else -1, text, colour)
    return end


def _label(axes: Axes, place: tuple[float, float], side: int, text: str, colour: str) -> None:
    """Words beside a lifeline, on its right with side 1, on its left with -1."""
    ground = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    where = place[0] + 0.03 * side, place[1]
    label = axes.annotate(text, where, ha="left" if side > 0 else "right", va="center", fontsize=7, color=colour)
    label.set(bbox=ground, zorder=4)


def _faults(axes: Axes, run: "Run", heights: Heights) -> None:
    """A line across everything where a fault begins or ends."""
    for time, fact in run.facts:
        if isinstance(fact, (FaultBegan, FaultEnded)) and time in heights:
            name = fact.fault.partition(" at ")[0]
            said = name if isinstance(fact, FaultBegan) else f"no longer: {name}"
            axes.axhline(heights[time], color=colours.FAULT, linewidth=1.4, linestyle=(0, (6, 2)), zorder=2)
            right = axes.get_xlim()[1]
            axes.text(
                right, heights[time] - 0.03, said, fontsize=9, color=colours.FAULT_TEXT, ha="right", weight="bold"
            )
