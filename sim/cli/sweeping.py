"""`kafkasim sweep`: a scenario in many configurations, each with several seeds, and what differs with error bars."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from sim.cli.options import read_pairs, read_until
from sim.cli.scenario_files import find
from sim.cli.sweep_telling import show_sensitivity, show_sweep
from sim.rules.errors import ConfigError
from sim.scenario import Scenario

__all__ = ["sweep_command"]


@click.command("sweep")
@click.argument("name", metavar="SCENARIO")
@click.option("--vary", multiple=True, metavar="KEY=VALUES", help="Such as consumers=1..12 or linger.ms=0,5,20.")
@click.option("--design", metavar="NAME", help="All combinations, or points: grid, lhs, sobol.  [default: grid]")
@click.option("--sensitivity", metavar="METHOD", help="Which settings matter, instead: morris or sobol.")
@click.option("--points", type=int, help="How many of a design that draws.  [default: 16; 10 of morris, 64 of sobol]")
@click.option("--reps", type=int, help="Seeds for each configuration.  [default: 20; 3 of a sensitivity study]")
@click.option("--precision", metavar="SHARE", help="End a configuration once its interval is so narrow, such as 5%.")
@click.option("--measure", metavar="NAME", help="What is looked at.  [default: p99 of the first group's latency]")
@click.option("--seed", type=int, help="That of the first replicate.  [default: 0, or what a scenario file says]")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="What holds for all; may be repeated.")
@click.option("--until", metavar="TIME", help="Stop each flight at this simulated time, such as 90s.")
@click.option("--no-faults", is_flag=True, help="Fly calm.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Processes to fly in.")
@click.option("--dask", metavar="ADDRESS", help="Fly on the cluster of this scheduler, such as tcp://10.0.0.5:8786.")
@click.option("--out", metavar="FILE", help="Keep runs in sweep.duckdb, or sweep.parquet, too; go on with those in it.")
@click.option("--plot", metavar="FILE.png", help="Draw the measure against the first setting.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def sweep_command(name: str, vary: tuple[str, ...], **options: Any) -> None:
    """Fly SCENARIO in many configurations, each with the same seeds, and tell what differs with 95 % intervals.

    Measures are the numbers of a run's summary, and steady/... means over time without their warm-up, such as
    steady/end-to-end-latency-ms/GROUP/TOPIC/p99 or steady/records-lag/GROUP; a part that only one has will do.
    A sweep that was killed goes on from its --out file when the same command is given again.
    """
    scenario = find(name)
    plot, method = checked_plot(options["plot"]), options["sensitivity"]
    given = arguments(scenario.seed, vary, options)
    with watched(options["out"]) as watching:
        table = study(scenario, method, options, {**given, **watching})
    shown = show_sweep(scenario.name, table) if method is None else show_sensitivity(scenario.name, table)
    if plot is not None:
        shown.draw(plot)
    if options["as_json"]:
        click.echo(json.dumps({**shown.as_json(), **({} if plot is None else {"picture": str(plot)})}))
        return
    shown.tell()
    runs = f"all runs, {table.attrs['flown']:,} of them flown now"
    for path, what in ((options["out"], runs), (plot, "the picture")):
        if path is not None:
            click.echo(f"In {path}: {what}")


def arguments(seed: int, vary: tuple[str, ...], options: dict[str, Any]) -> dict[str, Any]:
    """What the command line says, as the library takes it. Raises ConfigError, one line."""
    from sim.plan.factors import read_vary

    return {
        "vary": read_vary(vary),
        "seed": seed if options["seed"] is None else options["seed"],
        "set": read_pairs(options["pairs"]),
        "until": read_until(options["until"]),
        "faults": not options["no_faults"],
        **({} if options["reps"] is None else {"reps": options["reps"]}),
        **{option: options[option] for option in ("measure", "points", "jobs", "dask", "out")},
    }


def study(scenario: Scenario, method: str | None, options: dict[str, Any], given: dict[str, Any]) -> Any:
    """The table of a sweep or of a sensitivity study. Raises ConfigError, one line."""
    if method is None:
        from sim.plan.sweeping import sweep

        precision = None if options["precision"] is None else read_share(options["precision"])
        return sweep(scenario, design=options["design"] or "grid", precision=precision, **given)
    from sim.plan.sensitivity import sensitivity

    for option in ("design", "precision"):
        if options[option] is not None:
            raise ConfigError(f"--{option} concerns a sweep, and not --sensitivity; leave one of them out")
    return sensitivity(scenario, method=method, **given)


@contextmanager
def watched(out: str | None) -> Iterator[dict[str, Any]]:
    """A progress bar with an estimate, and what Ctrl-C leaves. Raises Exit 130 then."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    finished = 0

    def progress(count: int, total: int) -> None:
        nonlocal finished
        finished = count
        bar.update(task, completed=count, total=total)

    def told(sentence: str) -> None:
        click.echo(f"kafkasim: {sentence}", err=True)

    try:
        with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
            task = bar.add_task("flying", total=None)
            yield {"progress": progress, "told": told}
    except KeyboardInterrupt:
        kept = "" if out is None else f"; {finished:,} finished runs are in {out}, the same command goes on"
        click.echo(f"kafkasim: interrupted{kept}", err=True)
        raise click.exceptions.Exit(130) from None


def checked_plot(text: str | None) -> Path | None:
    """Where the picture goes. Raises ConfigError for what is no file to write."""
    if text is None:
        return None
    path = Path(text)
    if path.suffix != ".png" or not path.parent.is_dir():
        raise ConfigError(f"--plot {text}: name a .png in a folder that exists")
    return path


def read_share(text: str) -> float:
    """`5%` or `0.05`. Raises ConfigError, one line."""
    try:
        return float(text.removesuffix("%")) / (100 if text.endswith("%") else 1)
    except ValueError:
        raise ConfigError(f"--precision {text}: write a share such as 5%") from None
