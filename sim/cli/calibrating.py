"""`kafkasim calibrate`: a hardware profile from what performance tools have measured."""

import json
from importlib.resources import files
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from sim.calibration import Calibration, calibrate, read_measurements
from sim.machine.machine_file import write_machine
from sim.observe.whole_files import check_path, write_whole
from sim.rules.errors import ConfigError

__all__ = ["calibrate_command"]


@click.command("calibrate")
@click.argument("path", type=click.Path(path_type=Path), required=False, metavar="FILE.toml")
@click.option("--example", is_flag=True, help="Print a file with everything explained.")
@click.option("--json", "as_json", is_flag=True, help="Print figures and errors as JSON.")
@click.option("--out", type=click.Path(path_type=Path), metavar="FILE", help="Leave machine.toml, or all as JSON.")
def calibrate_command(path: Path | None, example: bool, as_json: bool, out: Path | None) -> None:
    """Fit a machine to outputs of kafka-producer-perf-test, kafka-consumer-perf-test and OpenMessaging Benchmark.

    FILE.toml names the outputs and what the tools do not print of their runs. Says how well it fits, what could not be
    told, and what only together with something else. A machine that is left in a TOML file is what
    `kafkasim plan --hardware` takes; the `hardware` of the JSON is the same for a case of `kafkasim validate`.
    """
    if example:
        click.echo(files("sim.calibration").joinpath("example.toml").read_text(encoding="utf-8"), nl=False)
        return
    if path is None:
        raise ConfigError("name a file of measurements; kafkasim calibrate --example prints one")
    if out is not None:
        check_path(out, "machine.toml")
    measurements = read_measurements(path)
    with Console(stderr=True).status("flying") as status:
        found = calibrate(measurements, status.update)
    text = json.dumps(_as_json(found), indent=1)
    if out is not None:
        write_whole(out, write_machine(found.hardware()) if out.suffix == ".toml" else text + "\n")
    if as_json:
        click.echo(text)
        return
    console = Console()
    console.print(_errors(found), _figures(found), sep="\n")
    for sentence in _sentences(found):
        console.print(sentence)


def _as_json(found: Calibration) -> dict[str, object]:
    return {
        "hardware": found.hardware(),
        "fitted": dict(found.fitted),
        "not_told": list(found.untold),
        "told_only_together": [list(pair) for pair in found.together],
        "figures": [row._asdict() for row in found.rows],
        "worst_error_pct": round(found.worst_error_pct(), 2),
    }


def _errors(found: Calibration) -> Table:
    table = Table(title=f"how well it fits, from {found.base}")
    for name in ("output", "figure", "measured", "before", "after", "error"):
        table.add_column(name, justify="left" if name in ("output", "figure") else "right")
    for row in found.rows:
        error = f"{100 * (row.after / row.measured - 1):+.1f} %"
        table.add_row(row.output, row.figure, *(f"{value:,.4g}" for value in row[2:]), error)
    return table


def _figures(found: Calibration) -> Table:
    table = Table(title="fitted: costs and latencies in nanoseconds, capacities in bytes per second")
    table.add_column("figure")
    table.add_column("value", justify="right")
    for name, value in found.fitted.items():
        table.add_row(name, f"{value:,.4g}")
    return table


def _sentences(found: Calibration) -> list[str]:
    told = [f"Only together: {one} and {other}; the first was fitted." for one, other in found.together]
    untold = ", ".join(found.untold)
    return [*told, f"Not told by these measurements, as in {found.base}: {untold}."] if untold else told
