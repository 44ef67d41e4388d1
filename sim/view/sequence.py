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
from sim.view.exchanges import WELL, Window, chosen_time, window_at
from sim.view.latency import milliseconds
from sim.view.picture import Picture
from sim.view.timeline import head

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["draw"]

WIDTH_IN, LEFT_IN, RIGHT_IN, BOTTOM_IN, NAMES_IN = 11.0, 1.15, 0.9, 0.45, 0.5
LEAST_STEP_IN, MOST_STEP_IN, LEAST_HEIGHT_IN = 0.135, 0.42, 1.5
SCALE_IN_PER_MS, LEVEL_IN = 0.12, 0.07
MOST_FONT_COLUMNS = 105
"""So many columns would have names of one point."""
KINDS = {"Produce": colours.BLUE, "FetchConsumer": "#00684C", "FetchFollower": "#A1527B"}
OTHER = colours.GREY


class Heights:
    """How far down each event stands, in inches: to scale, but no two closer or further apart than is legible.

    Arrows that begin at one time on one lifeline have a height each, unless they are labelled alike.
    """

    def __init__(self, window: Window, faults: Sequence[int]) -> None:
        begins: dict[int, list[tuple[str, str]]] = {}
        for fact in window.requests:
            for time, label in (
                (fact.sent_at, (fact.client, _asked(fact))),
                (fact.answered_at, (fact.server, _told(fact))),
            ):
                if window.holds(time) and label not in begins.setdefault(time, []):
                    begins[time].append(label)
        ends = {time for fact in window.requests for time in (fact.arrived_at, fact.returned_at) if window.holds(time)}
        self._at: dict[int, float] = {}
        self._labels: dict[tuple[int, tuple[str, str]], float] = {}
        down_in, before = 0.12, window.begin
        for time in sorted({*begins, *ends, *faults}):
            down_in += min(MOST_STEP_IN, max(LEAST_STEP_IN, (time - before) / 1e6 * SCALE_IN_PER_MS))
            self._at[time] = down_in
            taken: dict[str, int] = {}
            for place, text in begins.get(time, ()):
                taken[place] = taken.get(place, -1) + 1
                self._labels[time, (place, text)] = self._at[time] + taken[place] * LEAST_STEP_IN
            down_in += max(taken.values(), default=0) * LEAST_STEP_IN
            before = time
        self.depth_in = max(LEAST_HEIGHT_IN, down_in + 0.25)

    def of(self, time: int) -> float | None:
        """Where a time stands; None for one that is not shown."""
        return self._at.get(time)

    def begin(self, time: int, place: str, text: str) -> float | None:
        """Where an arrow begins on a lifeline; None for one that begins at no time that is shown."""
        return self._labels.get((time, (place, text)))


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
    heights = Heights(window, [moment for moment in faults if window.holds(moment)])
    title = finding(run, window, time)
    keys = _keys()
    probe_in = head(Picture(WIDTH_IN, 20.0), run, title, keys)
    picture = Picture(WIDTH_IN, probe_in + NAMES_IN + heights.depth_in + BOTTOM_IN)
    head(picture, run, title, keys)
    box = (LEFT_IN / WIDTH_IN, BOTTOM_IN / picture.get_figheight())
    size = (1 - (LEFT_IN + RIGHT_IN) / WIDTH_IN, heights.depth_in / picture.get_figheight())
    axes = picture.add_axes((*box, *size))
    columns = _columns(run, window)
    axes.set(xlim=(-0.5, max(1, len(columns)) - 0.5), ylim=(heights.depth_in, 0))
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
        told = told if fact.outcome in WELL else told.replace(" took ", f": {fact.outcome} after ")
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


def _lifelines(axes: Axes, columns: Mapping[str, int], window: Window, heights: Heights) -> None:
    for name, x in columns.items():
        axes.axvline(x, color="#9A9A9A", linewidth=1.0, zorder=1)
        box = {"boxstyle": "round,pad=0.3", "facecolor": "#EDEDED", "edgecolor": colours.GREY}
        label = axes.annotate(name, (x, 0), (0, 8), textcoords="offset points", ha="center", va="bottom", bbox=box)
        label.set_fontsize(min(10, MOST_FONT_COLUMNS / len(columns)))
    ticks: list[tuple[float, str]] = []
    for time in sorted({fact.sent_at for fact in window.requests}):
        height = heights.of(time)
        if height is not None and (not ticks or height - ticks[-1][0] > 0.17):
            ticks.append((height, f"+{(time - window.begin) / 1e6:.2f}"))
    axes.set_yticks([height for height, _ in ticks], [label for _, label in ticks])
    axes.set_ylabel(f"ms after {window.begin / 1e9:.4f} s, not to scale", fontsize=9.5)
    axes.tick_params(axis="y", labelsize=8)
    axes.set_xticks([])
    axes.spines[["top", "right", "bottom"]].set_visible(False)


def _asked(fact: RequestSent) -> str:
    return f"{fact.kind} {fact.content}".strip()


def _told(fact: RequestSent) -> str:
    return fact.outcome or f"{fact.kind} done"


def _exchange(
    axes: Axes, fact: RequestSent, window: Window, columns: Mapping[str, int], heights: Heights, is_focus: bool
) -> None:
    colour, width = KINDS.get(fact.kind, OTHER), 2.2 if is_focus else 1.2
    client, server = float(columns[fact.client]), float(columns[fact.server])
    begin = heights.begin(fact.sent_at, fact.client, _asked(fact))
    if begin is not None:
        got_to = server if fact.arrived_at >= 0 else client + (0.5 if server > client else -0.5)
        end = heights.of(fact.arrived_at) or begin + LEVEL_IN
        _arrow(axes, (client, begin), (got_to, end), _asked(fact), colour, width, "-")
        if fact.answer_wanted and fact.returned_at < 0:
            axes.plot(got_to, end, "x", color=colours.VERMILLION, markersize=9, markeredgewidth=2, zorder=5)
        elif fact.returned_at >= window.end and not fact.kind.startswith("Fetch"):
            later = f"answer back {milliseconds((fact.returned_at - fact.sent_at) / 1e6)} after it was sent"
            _label(axes, (server, end), 1 if server >= client else -1, later, OTHER)
    back = heights.of(fact.returned_at)
    if back is not None:
        start = heights.begin(fact.answered_at, fact.server, _told(fact))
        _arrow(
            axes,
            (server, back - LEVEL_IN if start is None else start),
            (client, back),
            _told(fact),
            colour,
            width,
            "--",
        )


def _arrow(
    axes: Axes, begin: tuple[float, float], end: tuple[float, float], text: str, colour: str, width: float, style: str
) -> None:
    """From one lifeline to another, with words where it begins."""
    line = {"arrowstyle": "-|>", "color": colour, "linewidth": width, "linestyle": style, "shrinkA": 0, "shrinkB": 0}
    axes.annotate("", end, begin, arrowprops=line, zorder=3)
    _label(axes, begin, 1 if end[0] > begin[0] else -1, text, colour)


def _label(axes: Axes, place: tuple[float, float], side: int, text: str, colour: str) -> None:
    """Words beside a lifeline, on its right with side 1, on its left with -1."""
    ground = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none", "alpha": 0.8}
    where = place[0] + 0.03 * side, place[1]
    label = axes.annotate(text, where, ha="left" if side > 0 else "right", va="center", fontsize=7, color=colour)
    label.set(bbox=ground, zorder=4)


def _faults(axes: Axes, run: "Run", heights: Heights) -> None:
    """A line across everything where a fault begins or ends."""
    for time, fact in run.facts:
        height = heights.of(time)
        if height is None or not isinstance(fact, (FaultBegan, FaultEnded)):
            continue
        name = fact.fault.partition(" at ")[0]
        said = name if isinstance(fact, FaultBegan) else f"no longer: {name}"
        axes.axhline(height, color=colours.FAULT, linewidth=1.4, linestyle=(0, (6, 2)), zorder=2)
        place = axes.get_xlim()[1], height - 0.03
        axes.text(*place, said, fontsize=9, color=colours.FAULT_TEXT, ha="right", weight="bold")
