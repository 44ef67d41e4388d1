"""`kafkasim validate`: predictions against published measurements and recordings."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from sim.capacity.cases import Case
    from sim.capacity.validation import Validation

__all__ = ["validate_command"]


@click.command("validate")
@click.argument("paths", nargs=-1, metavar="[CASES.json]...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--write", is_flag=True, help="Write sim/machine/README.md of this checkout, too.")
def validate_command(paths: tuple[Path, ...], as_json: bool, write: bool) -> None:
    """Recreate capacity cases and print what was measured, what is predicted, and the error.

    Without CASES.json the bundled cases are taken.
    """
    from sim.capacity.cases import BUNDLED, read_cases
    from sim.capacity.validation import validate

    cases = [case for path in (paths or BUNDLED) for case in read_cases(path)]
    found = validate(cases, tell_progress)
    if write:
        write_readme(found)
    if as_json:
        click.echo(json.dumps(found.as_json()))
    else:
        tell(found)


def write_readme(found: "Validation") -> None:
    """The page about the machines and its pictures, beside their code."""
    import sim
    from sim.bench import curves
    from sim.capacity import utilisation
    from sim.capacity.readme import render

    folder = Path(sim.__file__).parent / "machine"
    (folder / "pictures").mkdir(exist_ok=True)
    hockey, speeds = utilisation.hockey_stick(), curves.speeds()
    utilisation.draw(hockey).save(folder / "pictures" / "latency.png")
    curves.draw(speeds).save(folder / "pictures" / "speed.png")
    page = render(found, hockey.sentence(), curves.sentence(speeds))
    (folder / "README.md").write_text(page, encoding="utf-8")


def tell_progress(case: "Case") -> None:
    """Which case is flown now, on standard error, where somebody watches."""
    if sys.stderr.isatty():
        click.echo(f"\r\x1b[K{case.id}", nl=False, err=True)


def tell(found: "Validation") -> None:
    """The table, the median, and what is not predicted."""
    from sim.capacity.reasons import FAR_PCT

    console = Console(highlight=False)
    table = Table("case", "quantity", title="Predicted and measured", title_justify="left")
    for name in ("measured", "predicted", "error %"):
        table.add_column(name, justify="right")
    table.add_column("")
    for each in found.comparisons:
        far = not each.calibration and abs(each.error_pct) > FAR_PCT
        note = "calibration" if each.calibration else "far" if far else ""
        figures = (f"{each.measured:,.6g}", f"{each.predicted:,.6g}", f"{each.error_pct:+.1f}")
        table.add_row(each.id, each.quantity, *figures, note, style="red" if far else None)
    console.print(table)
    middle = found.median_abs_error_pct
    if middle is not None:
        console.print(f"median absolute error of what nothing was fitted on: {middle:.1f} %")
    for missing in found.unpredicted:
        console.print(f"not predicted: {missing.id} {missing.quantity}: {missing.reason}", markup=False, soft_wrap=True)
