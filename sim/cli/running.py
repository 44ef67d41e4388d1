"""`kafkasim run` and `kafkasim rerun`: fly a scenario, show the way, leave the artefacts."""

import hashlib
import json
import signal
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

import scenarios
from sim.machine.clock import format_duration, parse_duration
from sim.rules.errors import ConfigError
from sim.run import Run
from sim.scenario import Scenario
from sim.world.settings import Input

__all__ = ["rerun", "run"]


@click.command()
@click.argument("name")
@click.option("--seed", default=0, show_default=True, help="Where all chance comes from.")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A knob or a Kafka key; may be repeated.")
@click.option("--until", help="Stop at this simulated time (90s, 5m).")
@click.option("--input", "source", type=click.Path(path_type=Path), help="Replay payments from CSV or JSON lines.")
@click.option("--columns", help="Which columns to use: time=…,key=…,amount=…,label=…")
@click.option("--speed", help="Compress the times of the input: 10x.")
@click.option("--reorder-window", default="1m", show_default=True, help="Rows this much out of order are put right.")
@click.option(
    "--on-bad-line",
    type=click.Choice(["stop", "skip", "dead-letter"]),
    default="stop",
    show_default=True,
    help="What a bad line of the input does.",
)
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the artefacts.  [default: runs/NAME]")
@click.option("--no-faults", is_flag=True, help="Fly calm.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def run(
    name: str,
    seed: int,
    pairs: tuple[str, ...],
    until: str | None,
    source: Path | None,
    columns: str | None,
    speed: str | None,
    reorder_window: str,
    on_bad_line: Literal["stop", "skip", "dead-letter"],
    out: Path | None,
    no_faults: bool,
    as_json: bool,
) -> None:
    """Fly a scenario and leave manifest, facts, metrics, verdict and plot in a folder."""
    scenario = scenarios.find(name)
    given = dict(parse_pair(pair) for pair in pairs)
    data = None
    if source is None and (columns or speed):
        raise ConfigError("--columns and --speed go with --input FILE")
    if source is not None:
        data = read_input(scenario, source, columns, speed, reorder_window, on_bad_line)
    limit = None if until is None else parse_duration(until)
    if limit is not None and limit <= 0:
        raise ConfigError(f"--until {until}: must be more than nothing, such as 90s")
    folder = out or Path("runs") / scenario.name
    flown = fly(scenario, seed, given, limit, not no_faults, data, folder, quiet=as_json)
    if as_json:
        click.echo(json.dumps(flown.summary()))
    else:
        report(flown, folder)
    if flown.partial:
        raise click.exceptions.Exit(130)


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Folder for the artefacts.  [default: beside the first]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def rerun(manifest: Path, out: Path | None, as_json: bool) -> None:
    """Fly what a manifest describes once more; the facts are the same to the byte."""
    wanted = read_manifest(manifest)
    scenario = scenarios.find(wanted["scenario"])
    until = wanted["until_s"]
    limit = None if until is None else round(until * 1e9)
    folder = out or manifest.parent.with_name(manifest.parent.name + "-again")
    flown = fly(
        scenario, wanted["seed"], wanted["set"], limit, wanted["faults"], manifest_input(wanted), folder, quiet=as_json
    )
    same = flown.journal.sha256() == wanted["trace_sha256"]
    if as_json:
        click.echo(json.dumps({**flown.summary(), "identical": same}))
    else:
        report(flown, folder)
        click.echo("identical to the first run" if same else "NOT identical to the first run")
    if not same:
        raise click.exceptions.Exit(1)


def fly(
    scenario: Scenario,
    seed: int,
    given: dict[str, Any],
    until: int | None,
    faults: bool,
    data: Input | None,
    folder: Path,
    quiet: bool,
) -> Run:
    """Fly with a progress bar on standard error."""
    console = Console(stderr=True, quiet=quiet)
    text = TextColumn("{task.description}")
    with Progress(text, BarColumn(), TimeRemainingColumn(), console=console, transient=True) as progress:
        task = progress.add_task(scenario.name, total=None)

        def flown(now: int, expected: int) -> None:
            if interrupted:
                raise KeyboardInterrupt
            progress.update(
                task,
                total=max(now, expected),
                completed=now,
                description=f"{scenario.name}: {format_duration(now)} of {format_duration(max(now, expected))} flown",
            )

        interrupted: list[int] = []
        before = signal.signal(signal.SIGINT, lambda number, _: interrupted.append(number))
        try:
            return scenario.run(seed, given, until, faults, data, folder, flown)
        finally:
            signal.signal(signal.SIGINT, before)


def report(flown: Run, folder: Path) -> None:
    """What came out, for people."""
    console = Console(soft_wrap=True, highlight=False)
    summary = flown.summary()
    if flown.partial:
        console.print("[bold]Interrupted: what follows is only part of the run.[/bold]")
    console.print(
        f"{summary['scenario']}, seed {summary['seed']}: {format_duration(round(flown.simulated_s * 1e9))} simulated "
        f"in {flown.wall_s:.1f} s, {summary['records_per_wall_s']:,} records per second of wall time"
    )
    for table in flown.results.get("warehouse", []):
        if table["name"] != "per_minute":
            console.print(as_table(table))
    for sentence in (*flown.sentences(), *flown.ignored()):
        console.print(sentence)
    console.print(f"Artefacts: {', '.join(sorted(path.name for path in folder.iterdir()))} in {folder}")


def as_table(table: dict[str, Any]) -> Table:
    """A table of the scenario's results."""
    shown = Table(title=table["name"].replace("_", " "), title_justify="left")
    for column in table["columns"]:
        shown.add_column(column, justify="right")
    for row in table["rows"]:
        shown.add_row(*("" if value is None else str(value) for value in row))
    return shown


def parse_pair(pair: str) -> tuple[str, str]:
    """`key=value`, or one line that says so."""
    key, separator, value = pair.partition("=")
    if not separator or not key:
        raise ConfigError(f"--set {pair}: write it as key=value, for instance --set acks=1")
    return key.strip(), value.strip()


def read_input(
    scenario: Scenario,
    source: Path,
    columns: str | None,
    speed: str | None,
    reorder_window: str,
    on_bad_line: Literal["stop", "skip", "dead-letter"],
) -> Input:
    """The options that concern the input, checked."""
    from scenarios.payment_fraud.columns import parse_columns
    from scenarios.payment_fraud.replay import parse_speed

    if not scenario.takes_input:
        raise ConfigError(f"{scenario.name} takes no --input; payment-fraud does")
    return Input(
        source,
        parse_columns(columns) if columns else {},
        parse_speed(speed) if speed else 1.0,
        parse_duration(reorder_window) // 1_000_000,
        on_bad_line,
    )


def read_manifest(path: Path) -> dict[str, Any]:
    """A manifest as `run` leaves it."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        missing = [
            key
            for key in ("scenario", "seed", "set", "faults", "until_s", "input", "trace_sha256")
            if key not in content
        ]
    except (OSError, ValueError, TypeError) as error:
        raise ConfigError(f"{path}: not a manifest.json that a run has left ({error})") from error
    if missing:
        raise ConfigError(f"{path}: not a manifest.json that a run has left, it has no {', '.join(missing)}")
    if content.get("partial"):
        raise ConfigError(f"{path}: that run was interrupted and cannot be flown again to the same end")
    return dict(content)


def manifest_input(wanted: dict[str, Any]) -> Input | None:
    """The input that a manifest names, if it is still the same file."""
    source = wanted["input"]
    if source is None:
        return None
    path = Path(source["path"])
    if not path.is_file():
        raise ConfigError(f"{path}: the input of the first run is not there")
    with path.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != source["sha256"]:
            raise ConfigError(f"{path}: the input has changed since the first run")
    return Input(path, source["columns"], source["speed"], source["reorder_window_ms"], source["on_bad_line"])
