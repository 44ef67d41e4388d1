"""`kafkasim compare` and `kafkasim fork`: two runs side by side, in a table and a picture."""

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from sim.cli.options import read_pairs
from sim.cli.subjects import flown
from sim.machine.clock import parse_duration
from sim.rules.errors import ConfigError

if TYPE_CHECKING:
    from sim.forks import Comparison
    from sim.run import Run

__all__ = ["compare_command", "fork_command"]


@click.command("compare")
@click.argument("one", metavar="A")
@click.argument("other", metavar="B")
@click.option("--set-a", "pairs_a", multiple=True, metavar="KEY=VALUE", help="A setting of the first one.")
@click.option("--set-b", "pairs_b", multiple=True, metavar="KEY=VALUE", help="A setting of the second one.")
@click.option("--seed", type=int, help="One seed for both.")
@click.option("--out", metavar="FILE", default="compare.png", show_default=True, help="The picture.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def compare_command(
    one: str, other: str, pairs_a: tuple[str, ...], pairs_b: tuple[str, ...], seed: int | None, out: str, as_json: bool
) -> None:
    """Fly A and B, folders of runs or names of scenarios, perhaps the same one with other settings.

    What differs is shown as a table and as a picture.
    """
    path = checked(out)
    given = read_pairs(pairs_a), read_pairs(pairs_b)
    runs = flown(one, seed, given[0], True)[0], flown(other, seed, given[1], True)[0]
    labels = (label("A", one, pairs_a), label("B", other, pairs_b))
    show(runs, labels, None, path, as_json)


@click.command("fork")
@click.argument("run", metavar="RUN|NAME")
@click.option("--at", required=True, metavar="TIME", help="When it leaves the run's way, such as 20s.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="What changes then; may be repeated.")
@click.option("--out", metavar="FILE", default="fork.png", show_default=True, help="The picture.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def fork_command(run: str, at: str, pairs: tuple[str, ...], out: str, as_json: bool) -> None:
    """Fly RUN again to a time, and from then on with other settings; what came before is equal to the byte.

    Topic settings change by an administrator's request, those of clients with a restart. Knobs and broker settings
    hold from the start: compare is for them.
    """
    path, given = checked(out), read_pairs(pairs)
    first, _ = flown(run, recorded=True)
    second = first.fork(at, given)
    labels = (f"A: {first.scenario.name}", f"B: {', '.join(pairs)} from {at} on")
    show((first, second), labels, parse_duration(at) / 1e9, path, as_json)


def checked(out: str) -> Path:
    """Where the picture goes. Raises ConfigError for what is no file to write."""
    path = Path(out)
    if path.suffix != ".png" or not path.parent.is_dir():
        raise ConfigError(f"--out {out}: name a .png in a folder that exists")
    return path


def label(letter: str, name: str, pairs: tuple[str, ...]) -> str:
    """Which run a line is: `B: rebalance with session.timeout.ms=10000`."""
    return f"{letter}: {Path(name).name}" + (f" with {', '.join(pairs)}" if pairs else "")


def show(runs: "tuple[Run, Run]", labels: tuple[str, str], fork_s: float | None, path: Path, as_json: bool) -> None:
    """Table or JSON, and the picture."""
    from sim.forks import compare
    from sim.view.comparing import draw

    found = compare(*runs, labels)
    draw(runs, labels, found.finding(), fork_s, path)
    if as_json:
        click.echo(json.dumps({**found.as_json(), "picture": str(path)}))
        return
    console = Console(highlight=False)
    console.print(found.finding(), markup=False)
    console.print(table(found))
    console.print(f"In {path}: the picture", markup=False)


def table(found: "Comparison") -> Table:
    """The figures of both; those that differ in bold."""
    from sim.forks.comparing import amount

    shown = Table("", *(label.partition(":")[0] for label in found.labels), title_justify="left")
    for row in found.rows:
        style = "bold" if row.differs else "dim"
        shown.add_row(row.name, amount(row.one, row.unit), amount(row.other, row.unit), style=style)
    return shown
