"""Alert rules beside what was really late: one line of time for each."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from sim.view import colours
from sim.view.curves import Curves
from sim.view.timeline import timeline

if TYPE_CHECKING:
    from sim.alerts.judging import Judgement
    from sim.run import Run

__all__ = ["draw"]

HALF_A_LOOK = 0.5


def draw(run: "Run", judgements: "Sequence[Judgement]", late_s: float, path: Path | None = None) -> Figure:
    """Draw how long the oldest record of a group waits, its limit, and when each rule fired; to `path` if given."""
    group = judgements[0].group_id
    frame = timeline(run, title(judgements), (1.4, 0.32 * len(judgements) + 0.1), 4.6 + 0.3 * len(judgements), 1.75)
    waiting, rows = frame.panels
    curves = Curves(run.metrics.samples)
    waits = curves.highest("records-lag-seconds", group=group)
    waiting.plot(curves.times, waits, color=colours.BLUE, linewidth=1.6)
    waiting.axhline(late_s, color="0.4", linewidth=1, linestyle=(0, (4, 2)))
    waiting.annotate(
        f"late: {late_s:g} s", (0.004, late_s), xycoords=("axes fraction", "data"), va="bottom", fontsize=9
    )
    waiting.set_ylabel(f"oldest record\nof {group} (s)")
    waiting.set_ylim(bottom=0)
    for number, each in enumerate(judgements):
        for begin_s, end_s in each.alerts:
            false = (begin_s, end_s) in each.false_alarms
            face = "white" if false else colours.ORANGE
            left, width = begin_s - HALF_A_LOOK, end_s - begin_s + 2 * HALF_A_LOOK
            rows.broken_barh([(left, width)], (number - 0.32, 0.64), facecolor=face, edgecolor="black", linewidth=0.8)
    for begin_s, end_s in judgements[0].late:
        for axes in (waiting, rows):
            axes.axvspan(begin_s, end_s, color="0.85", zorder=0)
    rows.set_yticks(range(len(judgements)), [str(each.rule) for each in judgements])
    rows.set_ylim(len(judgements) - 0.5, -0.5)
    picture = frame.finish(run)
    if path is not None:
        picture.save(path)
    return picture


def title(judgements: "Sequence[Judgement]") -> str:
    """Which rule told first of the longest late period, and which told nothing of it."""
    late = judgements[0].late
    if not late:
        alarms = sum(len(each.false_alarms) for each in judgements)
        return f"Nothing was late; {alarms} false alarm{'' if alarms == 1 else 's'}"
    longest = max(range(len(late)), key=lambda number: late[number][1] - late[number][0])
    begin_s, end_s = late[longest]
    delays = {str(each.rule): each.delays_s[longest] for each in judgements}
    told = min(((delay, name) for name, delay in delays.items() if delay is not None), default=None)
    silent = [name for name, delay in delays.items() if delay is None]
    first = "no rule tells" if told is None else f"{told[1]} tells {told[0]:.0f} s after it began"
    rest = f"; nothing from {', '.join(silent)}" if silent and told is not None else ""
    return f"Late from {begin_s:.0f} s to {end_s:.0f} s: {first}{rest}; grey: late, white bar: false alarm"
