"""`kafkasim list` and `kafkasim info`: what can be flown."""

import json

import click

import scenarios
from sim.cli.scenario_files import find
from sim.rules.config.meanings import MEANINGS
from sim.scenario import Scenario
from sim.world.plan import Plan
from sim.world.settings import KINDS

__all__ = ["info", "list_scenarios"]


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_scenarios(as_json: bool) -> None:
    """List the scenarios."""
    found = {theme: [scenarios.find(name) for name in names] for theme, names in scenarios.themes().items()}
    if as_json:
        rows = [
            {"name": each.name, "theme": theme, "level": each.level, "summary": each.summary}
            for theme, of_theme in found.items()
            for each in of_theme
        ]
        click.echo(json.dumps(rows, indent=1))
        return
    width = max(len(each.name) for of_theme in found.values() for each in of_theme)
    for theme, of_theme in found.items():
        if of_theme:
            click.echo(f"{theme}:")
        for each in of_theme:
            click.echo(f"  {each.name:<{width}}  {each.level:<12}  {each.summary}")


@click.command()
@click.argument("name")
def info(name: str) -> None:
    """Tell the story of the scenario NAME, or of a file NAME.toml, its knobs and their defaults."""
    scenario = find(name)
    click.echo(f"{scenario.name}: {scenario.summary}\n\n{scenario.story.strip()}\n")
    plan = scenario.plan(scenario.settings())
    if plan.wrap_up is not None:
        plan.wrap_up(False)
    for line in (*setting(plan), *knobs(scenario, name), *kafka_keys(scenario, plan)):
        click.echo(line)


def setting(plan: Plan) -> list[str]:
    """Cluster, topics, workflow and faults as they are by default."""
    controllers = "one controller" if plan.cluster.controllers == 1 else f"{plan.cluster.controllers} controllers"
    return [
        f"Cluster: {plan.cluster.brokers} brokers in {plan.cluster.racks} racks, {controllers}",
        *(
            f"Topic: {each.name}, {each.partitions} partitions, {each.replication_factor} replicas"
            for each in plan.topics
        ),
        *(f"Flow: {source} → {target}" for source, target in plan.stages),
        *(f"Fault: {fault}" for fault in plan.faults),
    ]


def knobs(scenario: Scenario, name: str) -> list[str]:
    """A line for each knob, and an example."""
    names = max((len(knob) for knob in scenario.knobs), default=0)
    values = max((len(str(knob.default)) for knob in scenario.knobs.values()), default=0)
    lines = [f"  {name:<{names}}  {knob.default!s:<{values}}  {knob.meaning}" for name, knob in scenario.knobs.items()]
    example = next((f" --set {name}={knob.default}" for name, knob in scenario.knobs.items()), "")
    return [
        "",
        "Knobs, each set by --set KNOB=VALUE, besides every Kafka key (--set acks=1, --set producer.linger.ms=50):",
        *lines,
        "",
        f"Fly it: kafkasim run {name}{example}",
        *cure(scenario),
    ]


def cure(scenario: Scenario) -> list[str]:
    """The settings that mend what the story is about."""
    settings = "".join(f" --set {key}={value}" for key, value in scenario.cure.items())
    return [f"Its cure: kafkasim run {scenario.name}{settings}"] if settings else []


def kafka_keys(scenario: Scenario, plan: Plan) -> list[str]:
    """Kafka's keys that the scenario names, as knobs, in its cluster and topics, or as its cure: value and meaning."""
    named: dict[str, object] = {name.replace("_", "."): knob.default for name, knob in scenario.knobs.items()}
    for config in (plan.cluster.broker_config, *(topic.config for topic in plan.topics), scenario.cure):
        for key, value in config.items():
            kind, _, rest = key.partition(".")
            named.setdefault((rest if kind in KINDS else key).replace("_", "."), value)
    defaults = {key: value for kind in KINDS.values() for key, value in kind().kafka().items()}
    told = [
        (key, f"{value} (default {defaults[key]})", MEANINGS[key]) for key, value in named.items() if key in MEANINGS
    ]
    keys, values = (max((len(row[column]) for row in told), default=0) for column in (0, 1))
    lines = [f"  {key:<{keys}}  {value:<{values}}  {meaning}" for key, value, meaning in told]
    return ["", "Kafka's keys in it:", *lines] if told else []
