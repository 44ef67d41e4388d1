"""The picture of a sweep: a measure against the first knob that varied, with intervals; and of a sensitivity study."""

from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from sim.machine.clock import parse_duration
from sim.view import colours
from sim.view.picture import Picture

__all__ = ["draw", "draw_sensitivity"]

WIDTH_IN, HEIGHT_IN = 9.5, 5.4
MOST_LINES = 5
UNITS = (("-ms/", "ms"), ("-seconds", "s"), ("_s", "s"), ("BytesInPerSec", "bytes/s"), ("BytesOutPerSec", "bytes/s"),
         ("PerSec", "records/s"), ("records", "records"))  # fmt: skip


def draw(summary: Any, title: str, path: Path) -> Figure:
    """Draw the intervals of one measure, a line for each combination of the other knobs, and write it as PNG.

    More than five combinations are points without lines.
    """
    knobs, measure = summary.attrs["knobs"], summary["measure"].iloc[0]
    picture = Picture(WIDTH_IN, HEIGHT_IN)
    axes = _axes(picture, title)
    summary = summary.assign(place=_places(axes, knobs[0], list(summary[knobs[0]])))
    groups = summary.groupby(knobs[1:], sort=False) if knobs[1:] else [((), summary)]
    is_many = len(groups) > MOST_LINES
    for number, (values, own) in enumerate(groups):
        own = own.sort_values("place")
        stroke = colours.group_stroke(0 if is_many else number)
        label = ", ".join(f"{knob} = {value}" for knob, value in zip(knobs[1:], values, strict=True))
        axes.errorbar(
            own["place"],
            own["mean"],
            yerr=own["half_width"].where(own["n"] > 1, 0.0),
            color=stroke.colour,
            linestyle="none" if is_many else stroke.style,
            linewidth=stroke.width,
            marker="o",
            markersize=4,
            capsize=3,
            elinewidth=1.2,
            label=label if number == 0 or not is_many else None,
        )
    axes.set_ylabel(fill(labelled(measure), 60), fontsize=9)
    if (summary["mean"] >= 0).all():
        axes.set_ylim(0.0, axes.get_ylim()[1] + 0.05 * summary["mean"].max() or 1.0)
    if knobs[1:] and not is_many:
        axes.legend(frameon=False, fontsize=9, loc="center left", bbox_to_anchor=(1.01, 0.5))
        picture.subplots_adjust(right=0.78)
    _note(picture, _counts(summary["n"].tolist()))
    picture.save(path)
    return picture


def draw_sensitivity(table: Any, title: str, path: Path) -> Figure:
    """Draw the index of each setting with its confidence, the strongest on top, and write it as PNG."""
    picture = Picture(WIDTH_IN, 1.9 + 0.4 * len(table))
    axes = _axes(picture, title)
    index = table.columns[1]
    lines = range(len(table) - 1, -1, -1)
    axes.barh(lines, table[index], xerr=table["confidence"], color=colours.BLUE, height=0.55, capsize=3)
    axes.set_yticks(list(lines), table["setting"].tolist())
    measure = table.attrs["measure"]
    is_effect = index == "effect"
    what = f"mean effect over the range on {labelled(measure)}" if is_effect else f"share of the variance of {measure}"
    axes.set_xlabel(fill(what, 100), fontsize=9)
    axes.set_xlim(left=0)
    picture.subplots_adjust(left=0.2, bottom=0.28, top=1 - 0.6 / picture.get_figheight())
    picture.write(0.2, picture.get_figheight() - 0.1, "Bars: 95 % of resamplings.", fontsize=8, va="bottom")
    picture.save(path)
    return picture


def labelled(measure: str) -> str:
    """A measure with its unit, where its name tells one."""
    unit = next((unit for part, unit in UNITS if part in measure), None)
    return measure if unit is None else f"{measure}  ({unit})"


def _axes(picture: Picture, title: str) -> Axes:
    picture.suptitle(fill(title, 100), x=0.02, ha="left", fontsize=10.5, weight="bold")
    axes = picture.subplots()
    picture.subplots_adjust(left=0.1, right=0.97, top=0.84, bottom=0.13)
    axes.grid(color=colours.PALE)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _places(axes: Axes, knob: str, values: Sequence[Any]) -> list[float]:
    """Where each value lies along the axis: numbers and durations to scale, words side by side."""
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        axes.set_xlabel(knob)
        axes.xaxis.set_major_locator(MaxNLocator(integer=all(isinstance(value, int) for value in values)))
        return [float(value) for value in values]
    try:
        seconds = [parse_duration(str(value)) / 1e9 for value in values]
    except ValueError:
        known = list(dict.fromkeys(map(str, values)))
        axes.set_xticks(range(len(known)), known)
        axes.set_xlabel(knob)
        return [float(known.index(str(value))) for value in values]
    axes.set_xlabel(f"{knob}  (s)")
    return seconds


def _counts(counts: Sequence[int]) -> str:
    runs = f"{min(counts)}" if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"
    return f"Bars: 95 % Student-t intervals of the mean, {runs} runs each; the same seeds everywhere."


def _note(picture: Picture, text: str) -> None:
    picture.write(0.2, picture.get_figheight() - 0.1, text, fontsize=8, color=colours.GREY, va="bottom")
