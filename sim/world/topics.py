"""A topic as a scenario asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.rules.errors import ConfigError

__all__ = ["Topic", "check_placement"]


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic to create; `config` holds topic keys as Kafka writes them, or with underscores.

    `replicas` are those of each partition where they are not to be placed by the controller, `leaders` who leads each
    where that is not the first of them; all replicas begin in sync.
    """

    name: str
    partitions: int = 1
    replication_factor: int = 1
    config: Mapping[str, object] = field(default_factory=dict)
    replicas: tuple[tuple[int, ...], ...] = ()
    leaders: tuple[int, ...] = ()


def check_placement(topic: Topic, brokers: int) -> None:
    """Refuse replicas and leaders that cannot be, on brokers from 1 to `brokers`. Raises ConfigError, one line."""
    where = f"topic {topic.name}"
    if topic.leaders and not topic.replicas:
        raise ConfigError(f"{where}: leaders need replicas, a list of brokers for each partition")
    for what, given in (("replicas", topic.replicas), ("leaders", topic.leaders)):
        if given and len(given) != topic.partitions:
            raise ConfigError(f"{where}: {what} are given for {len(given)} partitions; it has {topic.partitions}")
    for number, replicas in enumerate(topic.replicas):
        if len(dict.fromkeys(replicas)) != len(replicas) or len(replicas) != topic.replication_factor:
            raise ConfigError(
                f"{where}: replicas of partition {number} are {list(replicas)}; it needs {topic.replication_factor} "
                "brokers, each once"
            )
        unknown = [broker for broker in replicas if not 1 <= broker <= brokers]
        if unknown:
            raise ConfigError(f"{where}: there is no broker {unknown[0]} for partition {number}, only 1 to {brokers}")
        if topic.leaders and topic.leaders[number] not in replicas:
            raise ConfigError(f"{where}: leader {topic.leaders[number]} of partition {number} is none of its replicas")
