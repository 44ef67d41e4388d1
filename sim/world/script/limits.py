"""How large a scenario file may be: an untrusted one must not fill the machine."""

from sim.machine.clock import SECOND, parse_duration
from sim.rules.errors import ConfigError
from sim.world.script.script import Script
from sim.world.workload import parse_workload

__all__ = ["FILE_BYTES", "check_limits"]

FILE_BYTES = 1 << 20
BROKERS, CONTROLLERS, TOPICS, PARTITIONS, CLIENTS, FAULTS = 100, 5, 200, 10_000, 1_000, 1_000
RECORDS = 20_000_000
RECORD_BYTES = 10 << 20
LONGEST = 24 * 3600 * SECOND


def check_limits(script: Script, where: str) -> None:
    """Refuse what is too much, or less than nothing. Raises ConfigError, one line that begins with `where`."""
    duration = _duration(where, "duration", script.duration)
    _duration(where, "drain", script.drain)
    clients = (
        len(script.producers)
        + sum(consumer.members for consumer in script.consumers)
        + sum(pipeline.members for pipeline in script.pipelines)
    )
    amounts = (
        ("cluster.brokers", script.cluster.brokers, 1, BROKERS),
        ("cluster.racks", script.cluster.racks, 1, BROKERS),
        ("cluster.controllers", script.cluster.controllers, 1, CONTROLLERS),
        ("cluster.log_dirs", script.cluster.log_dirs, 1, 100),
        ("the number of topics", len(script.topics), 0 if script.scenario else 1, TOPICS),
        (
            "the number of partitions",
            sum(topic.partitions for topic in script.topics),
            0 if script.scenario else 1,
            PARTITIONS,
        ),
        ("the number of clients", clients, 0, CLIENTS),
        ("the number of faults", len(script.faults), 0, FAULTS),
    )
    members = (
        *((f"consumers {consumer.group}: members", consumer.members) for consumer in script.consumers),
        *((f"pipelines {pipeline.group}: members", pipeline.members) for pipeline in script.pipelines),
    )
    sizes = (
        *((f"producers {each.name}: size_bytes", each.size_bytes, 0, RECORD_BYTES) for each in script.producers),
        *((what, count, 1, CLIENTS) for what, count in members),
    )
    for what, amount, least, most in (*amounts, *sizes):
        if not least <= amount <= most:
            raise ConfigError(f"{where}: {what} is {amount:,}; it must lie between {least:,} and {most:,}")
    records = sum(parse_workload(producer.arrivals).mean_rate() for producer in script.producers) * duration / SECOND
    if records > RECORDS:
        raise ConfigError(f"{where}: the load is {records:,.0f} records; {RECORDS:,} are the most")


def _duration(where: str, what: str, text: str) -> int:
    try:
        found = parse_duration(text)
    except ValueError as error:
        raise ConfigError(f"{where}: {what}: {error}") from error
    if found > LONGEST:
        raise ConfigError(f"{where}: {what} is {text}; 24h is the most")
    return found
