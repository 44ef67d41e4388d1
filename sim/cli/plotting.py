"""`kafkasim plot`: pictures of a run that has been flown, or of a scenario that is flown for them."""

from pathlib import Path
from typing import Any

import click

from sim.cli.options import read_duration, read_pairs
from sim.cli.subjects import flown, manifest_of
from sim.machine.clock import format_duration
from sim.rules.errors import ConfigError
from sim.run import Run, prepare_folder
from sim.view.catalogue import RECORDED, VIEWS, draw_view, known_view

__all__ = ["plot"]

PLOTS = Path("plots")


@click.command()
@click.argument("source", metavar="RUN|NAME")
@click.option("--what", default="overview", show_default=True, metavar="VIEWS", help="Which, with commas: see above.")
@click.option("--at", metavar="TIME", help="Around which time the sequence is drawn, such as 31s.  [default: trouble]")
@click.option("--partition", metavar="NAME", help="Whose staircase, such as orders-0.  [default: the most eventful]")
@click.option("--seed", type=int, help="Of a NAME: where all chance comes from.  [default: 0]")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Of a NAME: a knob or a Kafka key.")
@click.option("--out", metavar="DIR", help="Folder for the pictures.  [default: that of the RUN, or plots/NAME]")
def plot(
    source: str,
    what: str,
    at: str | None,
    partition: str | None,
    seed: int | None,
    pairs: tuple[str, ...],
    out: str | None,
) -> None:
    """Draw a run: the folder RUN that it has left, or the scenario NAME, flown at seed 0.

    VIEWS are overview, throughput, lag, latency, isr, ownership, staircase, requests, resources, topology and
    sequence, or all. Each becomes a PNG. A RUN is flown once more from its manifest, and must come out the same.
    """
    views = list(VIEWS) if what == "all" else list(dict.fromkeys(known_view(name.strip()) for name in what.split(",")))
    options = {"at_s": None if at is None else read_duration("--at", at) / 1e9, "partition": partition}
    for option, given, view in (("--at", at, "sequence"), ("--partition", partition, "staircase")):
        if given is not None and view not in views:
            raise ConfigError(f"{option} concerns the {view}; draw it with --what {view}")
    if out is not None and not out.strip():
        raise ConfigError("--out: the name of the folder is empty; name one, such as plots/mine")
    if (seed is not None or pairs) and manifest_of(source) is not None:
        raise ConfigError(f"{source} is a run that was flown; --seed and --set are for a scenario that is yet to fly")
    run, folder = flown(source, seed, read_pairs(pairs), recorded=not RECORDED.isdisjoint(views))
    _draw(run, views, Path(out) if out is not None else folder or PLOTS / run.scenario.name, options)


def _draw(run: Run, views: list[str], folder: Path, options: dict[str, Any]) -> None:
    """Draw all views before any is written, so that there are all or none; nothing of a flight that was interrupted."""
    if run.partial:
        raise click.Abort
    at_s = options["at_s"]
    if at_s is not None and at_s > run.simulated_s:
        end = format_duration(round(run.simulated_s * 1e9))
        raise ConfigError(f"--at {at_s:g}s: the run ends at {end}; name a time before that")
    figures = {view: draw_view(run, view, **options) for view in views}
    prepare_folder(folder)
    for view, figure in figures.items():
        path = folder / f"{VIEWS[view]}.png"
        figure.save(path)
        click.echo(f"{path} is drawn.")
