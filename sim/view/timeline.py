"""A picture with time from left to right: title, legend, panels with the faults shaded, and what the cluster did."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import TYPE_CHECKING

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, MultipleLocator

from sim.machine.clock import format_duration
from sim.view import colours
from sim.view.episodes import Span, fault_spans, reactions
from sim.view.marks import TimeScale, label_faults, mark_reactions, shade_faults
from sim.view.picture import Picture

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["GAP_IN", "Timeline", "head", "sentence", "timeline"]

WIDTH_IN, RIGHT_IN, BOTTOM_IN, GAP_IN = 11.0, 0.2, 0.5, 0.24
STRIP_IN, MOST_HEAD_LEFT_IN = 0.52, 0.95
TITLE_CHARACTERS, CLAUSE_CHARACTERS, MOST_CLAUSES = 68, 100, 4
TITLE_LINE_IN, CLAUSE_LINE_IN = 0.3, 0.23
UNIT = re.compile(r"(\d) (s|ms|%)\b")
TICK_STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200, 86400)


@dataclass(slots=True)
class Timeline:
    """The picture, its panels from top to bottom, the strip of reactions, and the faults; all share the time axis."""

    picture: Picture
    panels: list[Axes]
    strip: Axes
    spans: list[Span]
    scale: TimeScale

    @property
    def inches_per_s(self) -> float:
        """How wide a second is."""
        return self.scale.inch(1.0) - self.scale.inch(0.0)

    def finish(self, run: "Run", full: bool = False) -> Picture:
        """Shade the faults and mark the reactions, once all is drawn; in `full` panels their edges lie on top."""
        shade_faults((*self.panels, self.strip), self.spans)
        for axes in self.panels if full else ():
            for span in self.spans:
                for edge_s in (span.begin_s, *([span.end_s] if span.ended else [])):
                    axes.axvline(edge_s, color=colours.FAULT, linewidth=1.2, linestyle=(0, (4, 2)), zorder=5)
        mark_reactions(self.picture, self.panels, self.strip, reactions(run.facts), self.scale)
        return self.picture


def timeline(
    run: "Run",
    title: str,
    heights: Sequence[float],
    height_in: float = 8.0,
    left_in: float = 0.95,
    keys: Sequence[Artist] = (),
) -> Timeline:
    """An empty picture of a run for panels of these relative heights.

    `title` states the finding; what follows a semicolon stands below it, smaller. `keys` make the legend.
    """
    picture = Picture(WIDTH_IN, height_in)
    end_s = max(run.simulated_s, 0.1)
    spans, scale = fault_spans(run.facts, end_s), TimeScale(left_in, WIDTH_IN - RIGHT_IN, end_s)
    head_in = head(picture, run, title, keys, min(left_in, MOST_HEAD_LEFT_IN))
    down_in = label_faults(picture, spans, scale, head_in) + GAP_IN
    gaps_in = GAP_IN * len(heights)
    unit_in = (height_in - BOTTOM_IN - STRIP_IN - down_in - gaps_in) / sum(heights)
    stack: list[Axes] = []
    for panel_in in (*(unit_in * height for height in heights), STRIP_IN):
        down_in += panel_in
        box = (left_in, height_in - down_in, scale.right_in - left_in, panel_in)
        share = tuple(inch / whole for inch, whole in zip(box, (WIDTH_IN, height_in) * 2, strict=True))
        stack.append(_panel(picture, share, stack[0] if stack else None))
        down_in += GAP_IN
    *panels, strip = stack
    for axes in panels:
        axes.yaxis.set_label_coords(-0.6 / (scale.right_in - left_in), 0.5)
    _time_axis(strip, end_s)
    strip.set_ylabel("reactions", fontsize=9.5, rotation=0, ha="right", va="center")
    strip.yaxis.set_label_coords(-0.2 / (scale.right_in - left_in), 0.5)
    return Timeline(picture, panels, strip, spans, scale)


def head(picture: Picture, run: "Run", title: str, keys: Sequence[Artist] = (), left_in: float = 0.95) -> float:
    """The finding, a subtitle and the legend; returns how far down they reach, in inches."""
    fate, *costs = title.split("; ")
    down_in = 0.13
    for line in _wrapped(fate, TITLE_CHARACTERS):
        picture.write(left_in, down_in, line, fontsize=17, weight="bold", va="top")
        down_in += TITLE_LINE_IN
    down_in += 0.04
    for line in _lines(costs):
        picture.write(left_in, down_in, line, fontsize=11.2, weight="bold", va="top")
        down_in += CLAUSE_LINE_IN
    partial = ", stopped early" if run.partial else ""
    simulated = format_duration(round(run.simulated_s * 1e9))
    subtitle = f"{run.scenario.name}, seed {run.settings.seed}, {simulated} simulated{partial}"
    picture.write(left_in, down_in, subtitle, fontsize=9.5, color=colours.GREY, va="top")
    return _legend(picture, keys, left_in, down_in + 0.25)


def sentence(clauses: Sequence[str]) -> str:
    """A title of these clauses; of very many only the first are told."""
    untold = len(clauses) - MOST_CLAUSES
    return "; ".join([*clauses[:MOST_CLAUSES], *([f"and {untold} more"] if untold > 0 else [])])


def _wrapped(text: str, characters: int) -> list[str]:
    """Lines in which no number stands apart from its unit."""
    bound = UNIT.sub("\\1\N{NO-BREAK SPACE}\\2", text)
    return [line.replace("\N{NO-BREAK SPACE}", " ") for line in wrap(bound, characters)]


def _lines(clauses: Sequence[str]) -> list[str]:
    """As many clauses to a line as fit; one that is too long for a line is broken."""
    lines: list[str] = []
    for clause in clauses:
        if lines and len(lines[-1]) + 2 + len(clause) <= CLAUSE_CHARACTERS:
            lines[-1] += f"; {clause}"
        else:
            lines += _wrapped(clause, CLAUSE_CHARACTERS)
    return lines


def _legend(picture: Picture, keys: Sequence[Artist], left_in: float, down_in: float) -> float:
    """One legend for all panels, in as many columns as fit."""
    if not keys:
        return down_in
    for columns in range(len(keys), 0, -1):
        legend = picture.legend(
            handles=list(keys),
            ncols=columns,
            loc="upper left",
            fontsize=9.5,
            frameon=False,
            handlelength=3.2,
            bbox_to_anchor=(left_in / WIDTH_IN, 1 - down_in / picture.get_figheight()),
            borderaxespad=0,
            borderpad=0,
        )
        if picture.width_of(legend) <= WIDTH_IN - left_in - RIGHT_IN or columns == 1:
            break
        legend.remove()
    return down_in + picture.height_of(legend) + 0.08


def _panel(picture: Picture, share: tuple[float, ...], first: Axes | None) -> Axes:
    axes = picture.add_axes((share[0], share[1], share[2], share[3]), sharex=first)
    axes.tick_params(labelsize=9, labelbottom=False)
    axes.grid(axis="y", color=colours.PALE, linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_axisbelow(True)
    return axes


def _time_axis(axes: Axes, end_s: float) -> None:
    unit, unit_s = ("s", 1) if end_s <= 600 else ("min", 60) if end_s <= 3 * 3600 else ("h", 3600)
    step = next((step for step in TICK_STEPS if end_s / step <= 10), TICK_STEPS[-1])
    axes.set_xlim(0, end_s)
    axes.xaxis.set_major_locator(MultipleLocator(step))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value / unit_s:g}"))
    axes.set_xlabel(f"simulated time from the start ({unit})", fontsize=10)
    axes.tick_params(labelbottom=True)
    axes.set_yticks([])
