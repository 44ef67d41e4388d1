"""What came out of a run: for people as tables and sentences, for programs as one JSON object."""

from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sim.machine.clock import format_duration
from sim.run import Run

__all__ = ["summary_object", "tell"]

NOT_SHOWN = ("per_minute",)
MOST_ROWS = 24


def summary_object(flown: Run) -> dict[str, Any]:
    """The one JSON object: what the scenario itself has measured is among the metrics."""
    summary = flown.summary()
    results = {name: value for name, value in summary.pop("results").items() if name not in ("sentences", "finding")}
    summary["metrics"] = {**summary["metrics"], **results}
    if not summary.pop("partial"):
        return summary
    return {**summary, "partial": True}


def tell(flown: Run, folder: Path) -> None:
    """Tables, then sentences, then where the artefacts are."""
    console = Console(highlight=False)
    summary = flown.summary()
    if flown.partial:
        say(console, "Interrupted: what follows is only a part of the run.")
    say(
        console,
        f"{summary['scenario']}, seed {summary['seed']}: {format_duration(flown.flight.now)} simulated "
        f"in {flown.wall_s:.1f} s, {summary['records_per_wall_s']:,} records per second of wall time",
    )
    for table in flown.results.get("warehouse", []):
        if table["rows"] and table["name"] not in NOT_SHOWN:
            console.print(as_table(table))
    for sentence in (*flown.sentences(), *not_reached(flown), *flown.ignored()):
        say(console, sentence)
    say(console, f"In {folder}: {', '.join(sorted(path.name for path in folder.iterdir() if path.is_file()))}")


def say(console: Console, sentence: str) -> None:
    """A sentence as it is; the terminal breaks the line."""
    console.print(sentence, markup=False, soft_wrap=True)


def not_reached(flown: Run) -> list[str]:
    """The faults that were planned for later than the end."""
    end = format_duration(flown.flight.now)
    later = [fault for fault in flown.flight.plan.faults if fault.begins >= flown.flight.now]
    return [f"Did not happen, because the run ended at {end}: {fault}." for fault in later]


def as_table(table: dict[str, Any]) -> Table:
    """A table of the scenario's results; cents are shown as money."""
    shown = Table(title=table["name"].replace("_", " "), title_justify="left")
    for column in table["columns"]:
        shown.add_column(column.removesuffix("_cents").replace("_", " "), justify="right", overflow="fold")
    for row in table["rows"][:MOST_ROWS]:
        shown.add_row(*(figure(column, value) for column, value in zip(table["columns"], row, strict=True)))
    if len(table["rows"]) > MOST_ROWS:
        shown.caption = f"and {len(table['rows']) - MOST_ROWS:,} rows more"
    return shown


def figure(column: str, value: object) -> str:
    """A value for people: thousands apart, cents as money."""
    if value is None:
        return "–"
    if column.endswith("_cents") and isinstance(value, int):
        return f"{value / 100:,.2f}"
    return f"{value:,}" if isinstance(value, int | float) else str(value)
