"""The configuration that mattered: what somebody has set, beside what Kafka does by default."""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from sim.report.html import paragraph, table
from sim.rules.config import Config, TopicConfig

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["configuration"]

MOST_ROWS = 120
Row = tuple[str, str, str, str, str]


def configuration(run: "Run") -> str:
    """Knobs, then every Kafka key that differs from its default, by where it holds."""
    given = {key.replace("-", "_").replace(".", "_") for key in run.given}
    knobs = [
        (
            name,
            str(run.settings.values[name]),
            str(knob.default),
            "you" if name in given else "the scenario",
            knob.meaning,
        )
        for name, knob in run.scenario.knobs.items()
    ]
    rows = list(dict.fromkeys(_rows(run)))
    left_out = [paragraph(f"And {len(rows) - MOST_ROWS:,} more.")] if len(rows) > MOST_ROWS else []
    kafka_head = ("Where", "Kafka's key", "Value", "Kafka's default", "Set by")
    parts = [
        "<h3>Knobs of the scenario</h3>" if knobs else "",
        table(("Knob", "Value", "Default", "Set by", "Meaning"), knobs) if knobs else "",
        "<h3>Kafka's settings</h3>",
        table(kafka_head, rows[:MOST_ROWS]) if rows else paragraph("All as Kafka has them by default."),
        *left_out,
        *(paragraph(sentence) for sentence in run.ignored()),
    ]
    return "\n".join(part for part in parts if part)


def _rows(run: "Run") -> Iterator[Row]:
    """Brokers, topics, then the clients of each stage; clients that are alike are told once."""
    cluster, plan = run.flight.cluster, run.flight.plan
    yield from _of(run, "brokers", "broker", cluster.config)
    for topic in plan.topics:
        yield from _of(run, f"topic {topic.name}", "topic", TopicConfig.of(topic.config))
    for spec in plan.apps:
        app = cluster.apps[spec.name]
        where = spec.stage or spec.name
        yield from _clients(run, where, "producer", (client.config for client in app.producers))
        yield from _clients(run, where, "consumer", (client.config for client in app.consumers))
        yield from _clients(run, where, "share consumer", (client.config for client in app.share_consumers))


def _clients(run: "Run", where: str, kind: str, configs: Iterable[Config]) -> Iterator[Row]:
    for config in configs:
        yield from _of(run, f"{kind} of {where}", kind.replace(" ", "_"), config)


def _of(run: "Run", where: str, kind: str, config: Config) -> Iterator[Row]:
    defaults = type(config)().kafka()
    given = {key.replace("_", ".").removeprefix(f"{kind}.") for key in run.settings.overrides.get(kind, {})}
    for key, value in config.overrides().items():
        yield where, key, str(value), str(defaults[key]), "you" if key in given else "the scenario"
