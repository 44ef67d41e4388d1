"""The outcome of a sweep or a sensitivity study on the terminal, as JSON and as a picture."""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sim.plan.statistics import Interval

__all__ = ["Shown", "show_sensitivity", "show_sweep"]


@dataclass(frozen=True, slots=True)
class Shown:
    """What there is to show: the finding, a table, JSON, and how to draw it."""

    finding: str
    table: Table
    content: dict[str, Any]
    draw: Callable[[Path], object]

    def tell(self) -> None:
        """The finding and the table on standard output."""
        console = Console(highlight=False)
        console.print(self.finding, markup=False)
        console.print(self.table)

    def as_json(self) -> dict[str, Any]:
        """For programs; what is not known is null."""
        return {**self.content, "finding": self.finding}


def show_sweep(name: str, table: Any) -> Shown:
    """The intervals of the main measure, and of each configuration against the first one."""
    from sim.plan.findings import finding
    from sim.plan.tables import differences, summary

    main, knobs, told = table.attrs["measure"], table.attrs["knobs"], finding(table)
    intervals, pairs = summary(table, main), differences(table)
    apart = {row["configuration"]: row for row in pairs.to_dict("records")}
    shown = Table(*knobs, "mean", "runs", "more than the first", title_justify="left")
    for row in intervals.to_dict("records"):
        pair = apart.get(row["configuration"])
        more = "" if pair is None else str(interval_of(pair))
        shown.add_row(*(str(row[knob]) for knob in knobs), str(interval_of(row)), f"{row['n']:,}", more)

    def draw(path: Path) -> object:
        from sim.view.sweeping import draw

        return draw(intervals, told, path)

    content = {
        "scenario": name,
        "measure": main,
        "runs": len(table),
        "flown": table.attrs["flown"],
        "knobs": knobs,
        "summary": [plain(row) for row in summary(table).to_dict("records")],
        "differences": [plain(row) for row in pairs.to_dict("records")],
    }
    return Shown(told, shown, content, draw)


def show_sensitivity(name: str, table: Any) -> Shown:
    """The indices of each setting."""
    from sim.plan.findings import finding_of_sensitivity

    told, rows = finding_of_sensitivity(table), table.to_dict("records")
    shown = Table(*table.columns, title_justify="left")
    for row in rows:
        shown.add_row(*(value if isinstance(value, str) else f"{value:.3g}" for value in row.values()))

    def draw(path: Path) -> object:
        from sim.view.sweeping import draw_sensitivity

        return draw_sensitivity(table, told, path)

    attrs = table.attrs
    content = {"scenario": name, "measure": attrs["measure"], "runs": attrs["runs"], "flown": attrs["flown"]}
    return Shown(told, shown, {**content, "settings": [plain(row) for row in rows]}, draw)


def interval_of(row: dict[str, Any]) -> Interval:
    """The interval in a row of a summary."""
    return Interval(row["mean"], row["half_width"], row["n"])


def plain(row: dict[str, Any]) -> dict[str, Any]:
    """A row as JSON has it."""
    return {key: None if isinstance(value, float) and not isfinite(value) else value for key, value in row.items()}
