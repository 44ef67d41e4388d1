"""`kafkasim fuzz`: swarm testing; each seed draws a cluster, clients and faults, and everything must come right."""

import json
import re
from collections import Counter
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import Progress

import scenarios
from sim.cli.scenario_files import find
from sim.rules.errors import ConfigError
from sim.scenario_file import scenario_from
from sim.world.plan import Plan
from sim.world.script import Script, read_script

if TYPE_CHECKING:
    from sim.fuzz.swarm import Report

__all__ = ["fuzz"]

MOST_SEEDS = 1_000_000


@click.command()
@click.argument("name", required=False, metavar="[SCENARIO]")
@click.option("--seeds", default="100", show_default=True, metavar="N|A..B", help="So many seeds from 0 on, or A to B.")
@click.option("--jobs", type=click.IntRange(1, 64), default=1, show_default=True, help="Processes to fly in.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def fuzz(name: str | None, seeds: str, jobs: int, as_json: bool) -> int:
    """Fly many seeds, each with a cluster, clients and faults of its own, and look for what nothing explains.

    With a SCENARIO, or a scenario file, only the faults are drawn. Invariants are looked at after every event, verdict
    and black box at the end, and all must be well again when the faults are over. What a configuration allows to go
    wrong is told with its reason; anything else is shrunk to the smallest scenario file that still shows it, and the
    exit code is 1.
    """
    from sim.fuzz.swarm import Subject, run_seeds

    wanted = read_seeds(seeds)
    subject = Subject()
    if name is not None:
        text = find(name).script
        subject = Subject(Script(scenario=name) if text is None else read_script(text, name), based_on)
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("flying", total=len(wanted))
        report = run_seeds(wanted, subject, jobs, lambda _: progress.advance(task))
    if as_json:
        click.echo(json.dumps(report.as_json()))
    else:
        tell(report)
    return int(bool(report.findings))


def based_on(script: Script, seed: int) -> Plan:
    """The plan of a script that names a scenario of the library, without faults."""
    scenario = scenario_from(script, script.scenario, scenarios.find)
    return scenario.plan(scenario.settings({}, seed=seed, faults=False))


def read_seeds(text: str) -> range:
    """`100` or `20..40`, both ends counted. Raises ConfigError, one line."""
    found = re.fullmatch(r"(?:(\d{1,12})\.\.)?(\d{1,12})", text.strip())
    if found is None:
        raise ConfigError(f"--seeds {text}: write a number such as 100, or a range such as 20..40")
    seeds = range(int(found[2])) if found[1] is None else range(int(found[1]), int(found[2]) + 1)
    if not 1 <= len(seeds) <= MOST_SEEDS:
        raise ConfigError(f"--seeds {text}: between 1 and {MOST_SEEDS:,} seeds, the first not after the last")
    return seeds


def tell(report: "Report") -> None:
    """How many seeds, what was explained by what, and each finding with its scenario file."""
    simulated_s = sum(trial.simulated_s for trial in report.trials)
    click.echo(f"{len(report.trials):,} seeds, {simulated_s:,.0f} simulated seconds.")
    reasons = Counter((each.name, _general(each.reason or "")) for trial in report.trials for each in trial.explained)
    for (name, reason), count in sorted(reasons.items()):
        click.echo(f"explained, {count:>4} x {name}: {reason}")
    for finding in report.findings:
        problems = "; ".join(problem.sentence for problem in finding.trial.unexplained)
        click.echo(f"\nUNEXPLAINED at seed {finding.trial.seed}: {problems}\n")
        click.echo(finding.script)
    count = len(report.findings)
    click.echo("No unexplained violation." if not count else f"{count:,} seeds with unexplained violations.")


def _general(reason: str) -> str:
    """A reason without the names of clients and topics of one seed."""
    return reason.partition(" ")[2]
