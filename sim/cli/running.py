"""`kafkasim run` and `kafkasim rerun`: fly a scenario, show the way, leave the artefacts."""

import json
from pathlib import Path

import click

from sim.cli.flying import fly
from sim.cli.manifests import changed_versions, manifest_input, read_manifest
from sim.cli.options import OnBadLine, read_input, read_out, read_pairs, read_until
from sim.cli.scenario_files import find, find_again
from sim.cli.telling import summary_object, tell
from sim.machine.clock import format_duration

__all__ = ["rerun", "run"]


@click.command()
@click.argument("name")
@click.option("--seed", type=int, help="Where all chance comes from.  [default: 0, or what a scenario file says]")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="A knob or a Kafka key; may be repeated.")
@click.option("--until", metavar="TIME", help="Stop at this simulated time, such as 90s or 5m.")
@click.option("--input", "source", metavar="FILE", help="Replay payments from CSV or JSON lines.")
@click.option("--columns", metavar="ROLES", help="Which columns to use: time=…,key=…,amount=…,label=…")
@click.option("--speed", metavar="FACTOR", help="Compress the times of the input, such as 10x.")
@click.option("--reorder-window", metavar="TIME", help="Rows out of order by this much are put right.  [default: 1m]")
@click.option(
    "--on-bad-line",
    type=click.Choice(["stop", "skip", "dead-letter"]),
    help="What a bad line of the input does.  [default: stop]",
)
@click.option("--out", metavar="DIR", help="Folder for the artefacts.  [default: runs/NAME]")
@click.option("--no-faults", is_flag=True, help="Fly calm.")
@click.option("--check-invariants", is_flag=True, help="Look at what must always hold after every event.")
@click.option("--black-box", is_flag=True, help="Look for Jepsen's anomalies in what the clients saw.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def run(
    name: str,
    seed: int | None,
    pairs: tuple[str, ...],
    until: str | None,
    source: str | None,
    columns: str | None,
    speed: str | None,
    reorder_window: str | None,
    on_bad_line: OnBadLine | None,
    out: str | None,
    no_faults: bool,
    check_invariants: bool,
    black_box: bool,
    as_json: bool,
) -> None:
    """Fly the scenario NAME, or the one in a file NAME.toml, and tell its outcome.

    Manifest, facts, metrics, verdict and plot are left in a folder, all of them or none; with a black box also
    anomalies.json. A violated invariant, or what a file expects and the run does not show, ends in exit code 1.
    """
    scenario = find(name)
    data = read_input(scenario, source, columns, speed, reorder_window, on_bad_line)
    folder = read_out(out, scenario)
    given, stop_at = read_pairs(pairs), read_until(until)
    watch = check_invariants, black_box
    flown = fly(scenario, scenario.seed if seed is None else seed, given, stop_at, not no_faults, data, folder, *watch)
    if as_json:
        click.echo(json.dumps(summary_object(flown)))
    else:
        tell(flown, folder)
    if flown.partial:
        end = format_duration(flown.flight.now)
        click.echo(f"kafkasim: interrupted; what is in {folder} is partial, it ends at {end}", err=True)
        raise click.exceptions.Exit(130)
    unmet = flown.unmet()
    for sentence in unmet:
        click.echo(f"kafkasim: not as expected: {sentence}", err=True)
    if unmet or (flown.invariants is not None and flown.invariants.violations):
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("manifest", type=click.Path(path_type=Path))
@click.option("--out", metavar="DIR", help="Folder for the artefacts.  [default: beside the first]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def rerun(manifest: Path, out: str | None, as_json: bool) -> None:
    """Fly once more what a MANIFEST describes.

    Settings, seed and input are the same, and so are the facts, to the byte.
    """
    wanted = read_manifest(manifest)
    scenario = find_again(wanted["scenario"], wanted.get("script"))
    until = None if wanted["until_s"] is None else round(wanted["until_s"] * 1e9)
    first = manifest.parent if manifest.parent.name else manifest.resolve().parent
    folder = first.with_name(f"{first.name}-again") if out is None else read_out(out, scenario)
    flown = fly(scenario, wanted["seed"], wanted["set"], until, wanted["faults"], manifest_input(wanted), folder)
    same = flown.journal.sha256() == wanted["trace_sha256"]
    if as_json:
        click.echo(json.dumps({**summary_object(flown), "identical": same}))
    else:
        tell(flown, folder)
        click.echo("Identical to the first run." if same else "NOT identical to the first run.")
    if flown.partial or not same:
        changed = "; ".join(changed_versions(wanted, flown.manifest())) or "the code has changed"
        why = "interrupted" if flown.partial else changed
        click.echo(f"kafkasim: not the same facts as in {manifest}: {why}", err=True)
        raise click.exceptions.Exit(130 if flown.partial else 1)
