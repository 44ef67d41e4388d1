"""`kafkasim report`: a run as one page of HTML."""

from pathlib import Path

import click
from rich.console import Console

import scenarios
from sim.cli.manifests import changed_versions, manifest_input, read_manifest
from sim.cli.scenario_files import find, find_again
from sim.report.page import check_path, page, write_page
from sim.rules.errors import ConfigError
from sim.run import Run

__all__ = ["report"]


@click.command()
@click.argument("source", metavar="RUN|NAME")
@click.option("--out", metavar="FILE", help="The page.  [default: report.html in the folder of the run, or NAME.html]")
def report(source: str, out: str | None) -> None:
    """Tell the run in the folder RUN, or the scenario NAME, on one page of HTML with pictures and a replay.

    The page needs no other file and no network. A run is flown again from its manifest and must come out the same.
    """
    if out is not None and not out.strip():
        raise ConfigError("--out: the name of the page is empty; name one, such as report.html")
    source = source.removesuffix("/manifest.json")
    scenario = None if _is_run(source) else find(source)
    path = Path(out or (Path(source) / "report.html" if scenario is None else f"{scenario.name}.html"))
    check_path(path)
    with Console(stderr=True).status(f"flying {source}"):
        run = _flown_again(Path(source)) if scenario is None else scenario.run(scenario.seed)
        if run.partial:
            raise KeyboardInterrupt
        text = page(run)
    write_page(path, text)
    click.echo(f"{path} is written, {len(text.encode()) / 1e6:.1f} MB; open it in any browser.")


def _is_run(source: str) -> bool:
    """Whether it is the folder of a run, and not the name of a scenario. Raises ConfigError for another folder."""
    folder = Path(source)
    if not folder.is_dir() or (source in scenarios.names() and not (folder / "manifest.json").is_file()):
        return False
    if not (folder / "manifest.json").is_file():
        raise ConfigError(f"{source}: is not the folder of a run, as there is no manifest.json in it")
    return True


def _flown_again(folder: Path) -> Run:
    """The run of that folder. Raises ConfigError, one line, when it does not come out the same."""
    manifest = folder / "manifest.json"
    wanted = read_manifest(manifest)
    scenario = find_again(wanted["scenario"], wanted.get("script"))
    until = None if wanted["until_s"] is None else round(wanted["until_s"] * 1e9)
    run = scenario.run(wanted["seed"], wanted["set"], until, wanted["faults"], manifest_input(wanted))
    if not run.partial and run.journal.sha256() != wanted["trace_sha256"]:
        changed = "; ".join(changed_versions(wanted, run.manifest())) or "the code or the manifest has changed"
        raise ConfigError(f"{manifest}: that run cannot be told, it comes out otherwise now: {changed}; fly it anew")
    return run
