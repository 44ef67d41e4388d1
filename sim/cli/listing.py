"""`kafkasim list` and `kafkasim info`: what can be flown."""

import json

import click

import scenarios

__all__ = ["info", "list_scenarios"]


@click.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON array.")
def list_scenarios(as_json: bool) -> None:
    """List the scenarios."""
    found = [scenarios.find(name) for name in scenarios.names()]
    if as_json:
        rows = [{"name": each.name, "level": each.level, "summary": each.summary} for each in found]
        click.echo(json.dumps(rows, indent=1))
        return
    width = max(len(each.name) for each in found)
    for each in found:
        click.echo(f"{each.name:<{width}}  {each.level:<12}  {each.summary}")


@click.command()
@click.argument("name")
def info(name: str) -> None:
    """Tell a scenario's story, its knobs and their defaults."""
    scenario = scenarios.find(name)
    plan = scenario.plan(scenario.settings())
    click.echo(f"{scenario.name}: {scenario.summary}\n\n{scenario.story.strip()}\n")
    click.echo(f"Cluster: {plan.cluster.brokers} brokers in {plan.cluster.racks} racks, one controller")
    for topic in plan.topics:
        click.echo(f"Topic: {topic.name}, {topic.partitions} partitions, {topic.replication_factor} replicas")
    for fault in plan.faults:
        click.echo(f"Fault: {fault}")
    if plan.wrap_up is not None:
        plan.wrap_up(False)
    click.echo("\nKnobs (--set knob=value), besides every Kafka key (--set acks=1, --set producer.linger.ms=50):")
    width = max((len(knob) for knob in scenario.knobs), default=0)
    for name_, knob in scenario.knobs.items():
        click.echo(f"  {name_:<{width}}  {knob.default!s:<12}  {knob.meaning}")
