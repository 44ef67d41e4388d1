"""`kafkasim alerts`: alert rules tried on a run."""

import json
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from sim.alerts import RULES, Judgement, judge, rule_of
from sim.cli.options import read_duration, read_pairs
from sim.cli.subjects import flown
from sim.observe.whole_files import check_path
from sim.rules.errors import ConfigError

__all__ = ["alerts"]


@click.command()
@click.argument("source", metavar="RUN|NAME")
@click.option("--rule", "texts", multiple=True, metavar="RULE", help="Such as seconds=10@5s.  [default: all]")
@click.option("--late", default="10s", show_default=True, metavar="TIME", help="A record that waits longer is late.")
@click.option("--group", metavar="NAME", help="Only this consumer group.  [default: each that the story follows]")
@click.option("--seed", type=int, help="Of a NAME: where all chance comes from.  [default: 0]")
@click.option("--set", "pairs", multiple=True, metavar="KEY=VALUE", help="Of a NAME: a knob or a Kafka key.")
@click.option("--json", "as_json", is_flag=True, help="Print the judgements as JSON.")
@click.option("--plot", type=click.Path(path_type=Path), metavar="FILE", help="Draw them, of one group.")
def alerts(
    source: str,
    texts: tuple[str, ...],
    late: str,
    group: str | None,
    seed: int | None,
    pairs: tuple[str, ...],
    as_json: bool,
    plot: Path | None,
) -> None:
    """Try alert rules about lag on the run in the folder RUN, or the scenario NAME: how late, how often wrong.

    RULES are records, seconds (kafka-lag-exporter's), rising, burrow and burrow-warning; NAME=LIMIT sets a limit and
    @5s how often it looks. What was really late is read from the true log.
    """
    rules = [rule_of(text) for text in texts] or list(RULES.values())
    late_s = read_duration("--late", late) / 1e9
    if plot is not None:
        check_path(plot, "alerts.png")
    run, _ = flown(source, seed, read_pairs(pairs), recorded=True)
    groups = [group] if group is not None else [each.group_id for each in run.flight.plan.groups]
    if not groups:
        raise ConfigError(f"{run.scenario.name} follows no consumer group, so there is no lag to judge")
    if plot is not None and len(groups) > 1:
        raise ConfigError(f"--plot draws one group: name it with --group, one of {', '.join(groups)}")
    found = [judgement for name in groups for judgement in judge(run, rules, name, late_s)]
    if as_json:
        click.echo(json.dumps({"late_s": late_s, "judgements": [each.as_json() for each in found]}, indent=1))
    else:
        Console().print(_table(found, late_s))
    if plot is not None:
        from sim.view.alerts import draw

        draw(run, found, late_s, plot)


def _table(found: list[Judgement], late_s: float) -> Table:
    table = Table(title=f"late: a record waits longer than {late_s:g} s")
    for name in ("group", "rule", "late from", "told after", "false alarms"):
        table.add_column(name, justify="left" if name in ("group", "rule") else "right")
    for each in found:
        began = ", ".join(f"{period[0]:.0f} s" for period in each.late) or "never"
        told = ", ".join("missed" if delay is None else f"{delay:.0f} s" for delay in each.delays_s)
        table.add_row(each.group_id, str(each.rule), began, told, str(len(each.false_alarms)))
    return table
