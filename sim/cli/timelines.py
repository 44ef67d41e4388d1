"""`kafkasim timelines`: recordings of a real cluster, flown again and compared figure by figure."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from sim.timelines.comparing import Case, Range

__all__ = ["timelines"]


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--runs", default=8, show_default=True, metavar="N", type=click.IntRange(1), help="Flights of each.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def timelines(paths: tuple[Path, ...], runs: int, as_json: bool) -> None:
    """Fly recordings of a real cluster again and show measured and simulated figures side by side.

    PATH is a recording (of faults, or of a consumer group) or a folder of them; without one the bundled recordings are
    taken. A figure is inside if the simulated median lies in the measured range, somewhat widened. The exit code is 0
    whatever lies inside.
    """
    from sim.timelines.comparing import compared
    from sim.timelines.reading import BUNDLED, quantities, recording_files

    cases: list[Case] = []
    console = Console(highlight=False)
    for file in list(recording_files(paths or (BUNDLED,))):
        if file.kind is None:
            click.echo(f"passed over {file.path}: no recording of faults or of a group", err=True)
            continue
        found = [compared(quantity) for quantity in quantities(file, runs)]
        cases += found
        if not as_json:
            console.print(table(file.path.name, found))
    if as_json:
        click.echo(json.dumps(report_object(cases)))
    else:
        console.print(f"{summary(cases)} of the counted figures lie inside")


def report_object(cases: "list[Case]") -> dict[str, Any]:
    """The one JSON object; what is not counted says why."""
    counted = [case for case in cases if case.quantity.counted]
    return {
        "cases": [case_object(case) for case in cases],
        "inside": sum(case.inside for case in counted),
        "total": len(counted),
    }


def case_object(case: "Case") -> dict[str, Any]:
    """One figure: least value, median and greatest value of each side, null where no run has one."""
    told: dict[str, Any] = {
        "id": case.quantity.case,
        "quantity": case.quantity.quantity,
        "measured": values(case.measured),
        "simulated": values(case.simulated),
        "inside": case.inside,
    }
    if not case.quantity.counted:
        told |= {"counted": False, "reason": case.quantity.reason}
    return told


def values(found: "Range | None") -> list[float | None]:
    """Three numbers, to the thousandth."""
    return [None, None, None] if found is None else [round(value, 3) for value in found]


def table(name: str, cases: "list[Case]") -> Table:
    """One recording for people: what is not counted in grey, what lies outside in red."""
    shown = Table("case", "quantity", title=f"{name}: {summary(cases)}", title_justify="left")
    for column in ("measured", "simulated"):
        shown.add_column(column, justify="right")
    shown.add_column("")
    for case in cases:
        word = "inside" if case.inside else "outside"
        style = None if case.inside else "bold red"
        if not case.quantity.counted:
            word, style = "not counted", "dim"
        quantity = case.quantity
        shown.add_row(quantity.case, quantity.quantity, told(case.measured), told(case.simulated), word, style=style)
    return shown


def told(found: "Range | None") -> str:
    """The range with its median between."""
    return "none" if found is None else " … ".join(f"{value:.0f}" for value in found)


def summary(cases: "list[Case]") -> str:
    """How many of those that count lie inside."""
    counted = [case for case in cases if case.quantity.counted]
    return f"{sum(case.inside for case in counted)} of {len(counted)}"
