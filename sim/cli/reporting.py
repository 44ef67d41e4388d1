"""`kafkasim report`: a run as one page of HTML."""

from pathlib import Path

import click

from sim.cli.subjects import flown
from sim.observe.whole_files import check_path, write_whole
from sim.report.page import EXAMPLE, page
from sim.rules.errors import ConfigError

__all__ = ["report"]


@click.command()
@click.argument("source", metavar="RUN|NAME")
@click.option("--out", metavar="FILE", help="The page.  [default: report.html in the folder of the run, or NAME.html]")
def report(source: str, out: str | None) -> None:
    """Tell the run in the folder RUN, or the scenario NAME, on one page of HTML with pictures and a replay.

    The page needs no other file and no network. A run is flown again from its manifest.
    """
    if out is not None and not out.strip():
        raise ConfigError(f"--out: the name of the page is empty; name one, such as {EXAMPLE}")
    if out is not None:
        check_path(Path(out), EXAMPLE)
    run, folder = flown(source, recorded=True)
    if run.partial:
        raise KeyboardInterrupt
    path = Path(out) if out is not None else (folder / EXAMPLE if folder else Path(f"{run.scenario.name}.html"))
    text = page(run)
    write_whole(path, text)
    click.echo(f"{path} is written, {len(text.encode()) / 1e6:.1f} MB; open it in any browser.")
