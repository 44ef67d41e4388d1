"""`kafkasim import`: a real cluster as a scenario file."""

from pathlib import Path

import click

from sim.cli.options import read_duration, read_pairs
from sim.importing import read_groups, read_layout, script_of
from sim.importing.script import rates_between
from sim.observe.whole_files import check_path, write_whole
from sim.rules.errors import ConfigError
from sim.scenario_file import ENDING, checked_name
from sim.world.script.checking import check
from sim.world.script.writing import write_script

__all__ = ["import_command"]


@click.command("import")
@click.argument("layout", type=click.Path(path_type=Path), metavar="LAYOUT")
@click.option("--groups", type=click.Path(path_type=Path), metavar="FILE", help="From kafka-consumer-groups.sh.")
@click.option("--groups-later", type=click.Path(path_type=Path), metavar="FILE", help="The same, some time later.")
@click.option("--between", metavar="TIME", help="How long after --groups it was; tells the arrival rates.")
@click.option("--rate", "pairs", multiple=True, metavar="TOPIC=N", help="Records per second of a topic.")
@click.option("--other-rate", type=click.FloatRange(min=0), default=100.0, show_default=True, help="Of other topics.")
@click.option(
    "--record", "record_bytes", type=click.IntRange(min=1), default=1000, show_default=True, help="Bytes each."
)
@click.option("--minus", type=int, metavar="ID", help="The broker that dies after ten seconds.")
@click.option("--duration", default="60s", show_default=True, metavar="TIME", help="How long records come.")
@click.option("--out", default="cluster.toml", show_default=True, metavar="FILE", help="The scenario file to write.")
def import_command(
    layout: Path,
    groups: Path | None,
    groups_later: Path | None,
    between: str | None,
    pairs: tuple[str, ...],
    other_rate: float,
    record_bytes: int,
    minus: int | None,
    duration: str,
    out: str,
) -> None:
    """Write a scenario file of a real cluster, to be flown with or without one of its brokers.

    LAYOUT holds what `kafka-topics.sh --describe` or `kcat -L -J` printed. Group and topic rates come from two looks at
    `kafka-consumer-groups.sh --describe --all-groups`, or are given. A file that exists is left alone.
    """
    path = Path(out)
    checked_name(path.name.removesuffix(ENDING))
    check_path(path, "cluster.toml")
    if path.exists():
        raise ConfigError(f"--out {out}: is there already; choose another name")
    read_duration("--duration", duration)
    known = [] if groups is None else read_groups(groups)
    rates = {name: _rate(name, value) for name, value in read_pairs(pairs, "--rate", "orders=250").items()}
    if (groups_later is None) != (between is None):
        raise ConfigError("--groups-later and --between belong together: a second look, and how long after the first")
    if groups_later is not None and between is not None:
        if groups is None:
            raise ConfigError("--groups-later needs a first look; give it with --groups")
        seconds = read_duration("--between", between) / 1e9
        if seconds <= 0:
            raise ConfigError(f"--between {between}: must be longer than nothing")
        rates = {**rates_between(known, read_groups(groups_later), seconds), **rates}
    script = script_of(read_layout(layout), known, rates, other_rate, record_bytes, minus, duration)
    check(script)
    write_whole(path, write_script(script))
    partitions = sum(topic.partitions for topic in script.topics)
    about = f"{script.cluster.brokers} brokers, {len(script.topics)} topics, {partitions} partitions"
    click.echo(f"{path}: {about}, {len(script.consumers)} groups; fly it: kafkasim run {path}")


def _rate(topic: str, value: object) -> float:
    try:
        rate = float(str(value))
    except ValueError as error:
        raise ConfigError(f"--rate {topic}={value}: records per second are a number") from error
    if not 0 <= rate < float("inf"):
        raise ConfigError(f"--rate {topic}={value}: records per second cannot be less than nothing")
    return rate
