"""Clusters that could be bought: what each costs against how quick it is, and how soon it recovers from a loss."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.ticker import MaxNLocator, StrMethodFormatter

from sim.view import colours
from sim.view.picture import Picture

__all__ = ["Mark", "draw_candidates"]

SHAPES = ((colours.BLUE, "o"), (colours.ORANGE, "s"), (colours.GREEN, "^"), (colours.PURPLE, "D"), (colours.SKY, "v"))


@dataclass(frozen=True, slots=True)
class Mark:
    """One cluster: its cost, and means with half widths of its p99 and of its recovery (None for never)."""

    name: str
    cost: float
    p99_ms: tuple[float, float]
    recovery_s: tuple[float, float] | None
    chosen: bool


def draw_candidates(marks: Sequence[Mark], cost: str, allowed_ms: float, title: str) -> Picture:
    """Two panels over the cost, which is in the unit named; `allowed_ms` is drawn as a line."""
    picture = Picture(9.0, 4.2)
    left, right = picture.add_axes((0.08, 0.14, 0.40, 0.66)), picture.add_axes((0.57, 0.14, 0.40, 0.66))
    for number, mark in enumerate(marks):
        colour, shape = SHAPES[number % len(SHAPES)]
        style: dict[str, Any] = {"color": colour, "fmt": shape, "markersize": 9, "capsize": 4}
        label = f"{mark.name} (chosen)" if mark.chosen else mark.name
        left.errorbar([mark.cost], [mark.p99_ms[0]], yerr=[mark.p99_ms[1]], label=label, **style)
        if mark.recovery_s is not None:
            right.errorbar([mark.cost], [mark.recovery_s[0]], yerr=[mark.recovery_s[1]], **style)
    left.axhline(allowed_ms, color=colours.GREY, linestyle="--", linewidth=1, label=f"allowed: {allowed_ms:g} ms")
    for axes, name in (
        (left, "p99 from send to acknowledgement (ms)"),
        (right, "recovery from a loss at the peak (s)"),
    ):
        axes.set_xlabel(cost)
        axes.set_ylabel(name)
        axes.set_xlim(0, 1.2 * max(mark.cost for mark in marks))
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_locator(MaxNLocator(5))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
        axes.grid(axis="y", color=colours.PALE)
        axes.spines[["top", "right"]].set_visible(False)
    left.set_ylim(0, 1.25 * max(allowed_ms, *(sum(mark.p99_ms) for mark in marks)))
    recoveries = [sum(mark.recovery_s) for mark in marks if mark.recovery_s is not None]
    right.set_ylim(0, 1.25 * max(recoveries, default=1.0))
    left.legend(frameon=False, fontsize=8, loc="best")
    picture.write(0.3, 0.15, title, fontsize=12, weight="bold", va="top")
    picture.write(0.3, 0.42, "Bars are 95 % intervals over seeds", fontsize=9, color=colours.GREY, va="top")
    return picture
