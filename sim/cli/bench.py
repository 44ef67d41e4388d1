"""`kafkasim bench`: how fast this machine flies."""

import json

import click

__all__ = ["bench"]


@click.command()
@click.option("--seconds", default=3.0, show_default=True, help="Simulated seconds to measure, after warm-up.")
@click.option("--rate", default=1_000_000, show_default=True, help="Records per simulated second.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench(seconds: float, rate: int, as_json: bool) -> None:
    """Fly a replicated, consumed workload and compare with SimPy's bare events in the same process."""
    from sim.bench import measure

    result = measure(seconds, rate)
    if as_json:
        click.echo(json.dumps(result))
        return
    for name, value in result.items():
        click.echo(f"{name:<28} {value:,}")
