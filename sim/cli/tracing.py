"""`kafkasim trace`: a run for Perfetto's viewer and for Prometheus."""

import json
from pathlib import Path

import click

from sim.cli.options import read_duration
from sim.cli.subjects import flown
from sim.machine.clock import format_duration
from sim.observe.whole_files import check_path, write_whole
from sim.rules.errors import ConfigError

__all__ = ["trace"]


@click.command()
@click.argument("source", metavar="RUN|NAME")
@click.option("--perfetto", type=click.Path(path_type=Path), metavar="FILE", help="Leave a trace for ui.perfetto.dev.")
@click.option("--openmetrics", "metrics", type=click.Path(path_type=Path), metavar="FILE", help="Leave the metrics.")
@click.option("--from", "begin", metavar="TIME", help="Trace only what begins at this simulated time or later.")
@click.option("--to", "end", metavar="TIME", help="Trace only what begins up to this simulated time.")
def trace(source: str, perfetto: Path | None, metrics: Path | None, begin: str | None, end: str | None) -> None:
    """Write the run in the folder RUN, or the scenario NAME flown at seed 0, for other tools.

    The trace has a track for each broker, partition and client, every request, arrows for the way of each batch,
    and lag as counters. The metrics are OpenMetrics text with Kafka's names; their times are simulated seconds.
    """
    if perfetto is None and metrics is None:
        raise ConfigError("kafkasim trace: say what to write, --perfetto trace.json or --openmetrics metrics.txt")
    for path in filter(None, (perfetto, metrics)):
        check_path(path, "trace.json")
    window = _window(begin, end)
    run, _ = flown(source, recorded=perfetto is not None)
    if window[0] > run.flight.now:
        raise ConfigError(f"--from {begin}: the run ends at {format_duration(run.flight.now)}; name a time before that")
    if perfetto is not None:
        from sim.trace.perfetto import perfetto as traced

        content = traced(run, *window)
        write_whole(perfetto, json.dumps(content, separators=(",", ":")))
        click.echo(f"{perfetto}: {len(content['traceEvents']):,} events; open it at https://ui.perfetto.dev")
    if metrics is not None:
        from sim.trace.openmetrics import openmetrics

        write_whole(metrics, openmetrics(run))
        click.echo(f"{metrics}: {len(run.metrics.samples):,} samples of {len(run.metrics.names())} metrics")


def _window(begin: str | None, end: str | None) -> tuple[int, int | None]:
    first = 0 if begin is None else read_duration("--from", begin)
    last = None if end is None else read_duration("--to", end)
    if last is not None and last <= first:
        raise ConfigError(f"--to {end}: must be later than --from {begin or '0s'}")
    return first, last
