"""`kafkasim bench`: how fast this machine flies."""

import json
from dataclasses import replace
from difflib import get_close_matches

import click

from sim.bench.workloads import WORKLOADS, Workload
from sim.rules.errors import ConfigError

__all__ = ["bench"]

MEANINGS = "\n\n".join(f"{name}: {workload.meaning}" for name, workload in WORKLOADS.items())


@click.command(epilog=f"Workloads.\n\n{MEANINGS}")
@click.option("--workload", "name", default="reference", show_default=True, metavar="NAME", help="What is flown.")
@click.option("--seconds", type=float, help="Simulated seconds to measure, after warm-up.  [default: the workload's]")
@click.option("--rate", type=int, help="Records per simulated second.  [default: the workload's]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def bench(name: str, seconds: float | None, rate: int | None, as_json: bool) -> None:
    """Fly a replicated, consumed workload and compare with SimPy's bare events in the same process."""
    from sim.bench.measuring import measure

    workload = find(name)
    if seconds is not None:
        workload = replace(workload, seconds=seconds)
    if rate is not None:
        workload = replace(workload, rate=rate)
    try:
        result = {"workload": name, **measure(workload)}
    except ValueError as error:
        raise ConfigError(f"kafkasim bench: {error}") from error
    if as_json:
        click.echo(json.dumps(result))
        return
    for figure, value in result.items():
        click.echo(f"{figure:<28} {value if isinstance(value, str) else format(value, ',')}")


def find(name: str) -> Workload:
    """The workload of this name. Raises ConfigError, one line, for an unknown one."""
    if name not in WORKLOADS:
        near = get_close_matches(name, WORKLOADS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(WORKLOADS)}"
        raise ConfigError(f"unknown workload {name!r}, {hint}")
    return WORKLOADS[name]
