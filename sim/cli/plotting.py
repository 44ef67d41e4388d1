"""`kafkasim plot`: pictures of a run that has been flown, or of a scenario that is flown for them."""

from pathlib import Path
from typing import Any

import click
from rich.console import Console

from sim.cli.manifests import changed_versions, manifest_input, read_manifest
from sim.cli.options import read_duration, read_pairs
from sim.cli.scenario_files import find, find_again
from sim.machine.clock import format_duration
from sim.rules.errors import ConfigError
from sim.run import Run, prepare_folder
from sim.scenario import Scenario
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
    manifest = _manifest(source)
    if manifest is not None and (seed is not None or pairs):
        raise ConfigError(f"{source} is a run that was flown; --seed and --set are for a scenario that is yet to fly")
    if out is not None and not out.strip():
        raise ConfigError("--out: the name of the folder is empty; name one, such as plots/mine")
    recorded = not RECORDED.isdisjoint(views)
    with Console(stderr=True).status(f"flying {source}"):
        if manifest is None:
            scenario = find(source)
            run = scenario.run(scenario.seed if seed is None else seed, read_pairs(pairs), recorded=recorded)
            folder = PLOTS / scenario.name
        else:
            run, folder = _flown_again(manifest, recorded), manifest.parent
    _draw(run, views, folder if out is None else Path(out), options)


def _manifest(source: str) -> Path | None:
    """The manifest of a folder or itself; None for the name of a scenario. Raises ConfigError, one line."""
    path = Path(source)
    if path.is_dir():
        if not (path / "manifest.json").is_file():
            raise ConfigError(f"{source}: is no folder of a run, there is no manifest.json in it")
        return path / "manifest.json"
    return path if path.name == "manifest.json" or (path.is_file() and path.suffix == ".json") else None


def _flown_again(manifest: Path, recorded: bool) -> Run:
    """The run of a manifest; tells in one line when it does not come out the same."""
    wanted = read_manifest(manifest)
    scenario: Scenario = find_again(wanted["scenario"], wanted.get("script"))
    until = None if wanted["until_s"] is None else round(wanted["until_s"] * 1e9)
    data = manifest_input(wanted)
    run = scenario.run(wanted["seed"], wanted["set"], until, wanted["faults"], data, recorded=recorded)
    if run.journal.sha256() != wanted["trace_sha256"]:
        changed = "; ".join(changed_versions(wanted, run.manifest())) or "the code has changed"
        click.echo(f"kafkasim: drawn is not the same run as that in {manifest}: {changed}", err=True)
    return run


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
