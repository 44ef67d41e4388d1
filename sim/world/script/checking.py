"""What a script must be beyond its form: names that exist and are one's own, sizes that can be flown."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from difflib import get_close_matches

from sim.machine.clock import MINUTE, SECOND, parse_duration
from sim.machine.machine_file import simulated
from sim.rules.config import BrokerConfig, ConsumerConfig, ProducerConfig, ShareConsumerConfig, topic_config_from
from sim.rules.errors import ConfigError
from sim.world.cluster import ClusterSpec
from sim.world.script.script import ProducerPart, Script

__all__ = ["app_names", "check"]

LIMITS: Mapping[str, tuple[float, float]] = {
    "brokers": (1, 50),
    "racks": (1, 50),
    "log_dirs": (1, 10),
    "partitions": (1, 1000),
    "replication_factor": (1, 50),
    "copies": (1, 100),
    "members": (1, 100),
    "record_bytes": (1, 1_000_000),
    "handler_ms": (0, 600_000),
    "records": (1, 100_000),
    "abort_share": (0, 1),
    "release_share": (0, 0.9),
}
MOST = {"topics": 100, "clients": 300, "partitions of all topics": 5000, "faults": 200}
TIMES = ("at", "lasts", "by", "latency", "jitter", "down_for", "pause")
MOST_PER_SECOND = 1_000_000.0
MOST_RECORDS = 20_000_000.0
LONGEST = 24 * 60 * MINUTE


def check(script: Script) -> None:
    """Refuse what cannot be flown. Raises ConfigError, one line that names the table."""
    _check_durations(script)
    for where, part in _parts(script):
        for name, (least, most) in LIMITS.items():
            value = getattr(part, name, least)
            if not least <= value <= most:
                raise ConfigError(f"{where}{name} = {value:g} does not lie between {least:g} and {most:g}")
    _check_faults(script)
    _check_counts(script)
    _check_names(script)
    _check_load(script)
    _check_configs(script)


def app_names(name: str, count: int) -> list[str]:
    """The applications of a table: its own name, or numbered ones if there are several."""
    return [name] if count == 1 else [f"{name}-{number}" for number in range(1, count + 1)]


def _parts(script: Script) -> Iterator[tuple[str, object]]:
    """All tables, with what errors call them."""
    yield "[cluster]: ", script.cluster
    yield "[expect]: ", script.expect
    for name in ("topics", "producers", "consumers", "pipelines", "share_groups"):
        for number, part in enumerate(getattr(script, name), 1):
            yield f"[[{name}]] number {number}: ", part
            if isinstance(part, ProducerPart) and part.transaction is not None:
                yield f"[[{name}]] number {number}, transaction: ", part.transaction


def _check_durations(script: Script) -> None:
    for name, text in (("duration", script.duration), ("drain", script.drain)):
        try:
            time = parse_duration(text)
        except ValueError as error:
            raise ConfigError(f"{name}: {error}") from error
        if not 0 < time <= LONGEST:
            raise ConfigError(f"{name} = {text!r} must be more than nothing and at most 24h")


def _check_faults(script: Script) -> None:
    """Times that a fault reads when it begins; all else it checks by itself before the start."""
    for number, fault in enumerate(script.faults, 1):
        for name in TIMES:
            text = getattr(fault, name, None)
            try:
                parse_duration((text or "0s").lstrip("-"))
            except ValueError as error:
                raise ConfigError(f"[[faults]] number {number}: {name}: {error}") from error


def _check_counts(script: Script) -> None:
    counts = {
        "topics": len(script.topics),
        "clients": sum(count for _, count in _apps(script)),
        "partitions of all topics": sum(topic.partitions for topic in script.topics),
        "faults": len(script.faults),
    }
    for what, count in counts.items():
        if count > MOST[what]:
            raise ConfigError(f"has {count:,} {what}; {MOST[what]:,} at most can be flown")


def _apps(script: Script) -> Iterator[tuple[str, int]]:
    yield from ((part.name, part.copies) for part in script.producers)
    yield from ((part.group, part.members) for part in script.consumers)
    yield from ((part.name, part.members) for part in script.pipelines)
    yield from ((part.group, part.members) for part in script.share_groups)


def _check_names(script: Script) -> None:
    """Every topic that is used exists; no two topics, and no two applications, share a name."""
    topics = [topic.name for topic in script.topics]
    apps = [name for part, count in _apps(script) for name in app_names(part, count)]
    for what, names in (("topics", topics), ("applications", apps)):
        twice = [name for name, count in Counter(names).items() if count > 1]
        if twice:
            raise ConfigError(f"two {what} have the name {twice[0]!r}")
    hosts = ["controller", *(f"broker-{number}" for number in range(1, script.cluster.brokers + 1))]
    hosts += [
        f"controller-{number}"
        for number in ClusterSpec(brokers=script.cluster.brokers, controllers=script.cluster.controllers).controller_ids
    ]
    taken = next((name for name in apps if name in hosts), None)
    if taken is not None:
        raise ConfigError(f"an application cannot have the name {taken!r}: it is that of a host of the cluster")
    for where, part in _parts(script):
        empty = next((key for key in ("name", "group") if getattr(part, key, None) == ""), None)
        if empty is not None:
            raise ConfigError(f"{where}{empty} is empty")
        for key, wanted in _topics_of(part):
            if not wanted and part is not script.expect:
                raise ConfigError(f"{where}{key} names none")
            for name in wanted:
                if name not in topics:
                    near = get_close_matches(name, topics, n=1)
                    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(topics) or 'none'}"
                    raise ConfigError(f"{where}{key}: there is no topic {name!r}; {hint}")


def _topics_of(part: object) -> Iterable[tuple[str, tuple[str, ...]]]:
    if hasattr(part, "topics"):
        yield "topics", part.topics
    elif hasattr(part, "source") and hasattr(part, "target"):
        yield "source", (part.source,)
        yield "target", (part.target,)


def _check_load(script: Script) -> None:
    rates = [(number, part.arrivals.mean_rate() * part.copies) for number, part in enumerate(script.producers, 1)]
    for number, rate in rates:
        if rate > MOST_PER_SECOND:
            most = f"{MOST_PER_SECOND:,.0f} at most can be flown"
            raise ConfigError(f"[[producers]] number {number}: arrivals: {rate:,.0f} records per second; {most}")
    records = sum(rate for _, rate in rates) * parse_duration(script.duration) / SECOND
    if records > MOST_RECORDS:
        raise ConfigError(f"has {records:,.0f} records in {script.duration}; {MOST_RECORDS:,.0f} at most can be flown")


def _check_configs(script: Script) -> None:
    """Kafka's keys and values, with the table that has them."""
    broker = BrokerConfig.of
    _checked("[cluster], config: ", broker, script.cluster.config)
    simulated(script.cluster.hardware, "[cluster], hardware")
    inherited = BrokerConfig.of(script.cluster.config)
    for number, topic in enumerate(script.topics, 1):
        _checked(f"[[topics]] number {number}, config: ", lambda keys: topic_config_from(inherited, keys), topic.config)
    for number, producer in enumerate(script.producers, 1):
        where = f"[[producers]] number {number}, config: "
        _checked(where, ProducerConfig.of, producer.config)
        _check_transactional(where, producer.config, producer.transaction is not None, "transaction = { records = 10 }")
    for number, consumer in enumerate(script.consumers, 1):
        _checked(f"[[consumers]] number {number}, config: ", ConsumerConfig.of, consumer.config)
    for number, pipeline in enumerate(script.pipelines, 1):
        _checked(f"[[pipelines]] number {number}, consumer: ", ConsumerConfig.of, pipeline.consumer)
        where = f"[[pipelines]] number {number}, producer: "
        _checked(where, ProducerConfig.of, pipeline.producer)
        _check_transactional(where, pipeline.producer, pipeline.exactly_once, "exactly_once = true")
    for number, share in enumerate(script.share_groups, 1):
        _checked(f"[[share_groups]] number {number}, config: ", ShareConsumerConfig.of, share.config)


def _checked(where: str, make: Callable[[Mapping[str, object]], object], keys: Mapping[str, object]) -> None:
    try:
        make(keys)
    except ConfigError as error:
        raise ConfigError(f"{where}{error}") from error


def _check_transactional(where: str, config: Mapping[str, object], transactions: bool, cure: str) -> None:
    """A producer with a transactional.id may send in transactions only."""
    if ProducerConfig.of(config).transactional_id is not None and not transactions:
        raise ConfigError(f"{where}transactional.id is for transactions: write {cure}, or leave it out")
