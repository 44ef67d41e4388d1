"""From a layout to a scenario file: the same replicas on the same brokers, load, readers, and perhaps a broker less."""

from collections.abc import Mapping, Sequence

from sim.importing.layout import Group, Layout
from sim.machine.hardware import nearest
from sim.rules.config import BrokerConfig
from sim.rules.config.topic import topic_config_from
from sim.rules.errors import ConfigError
from sim.world.arrivals import Poisson
from sim.world.faults import BrokerCrash
from sim.world.keys import UniformKeys
from sim.world.script.script import ClusterPart, ConsumerPart, ProducerPart, Script
from sim.world.topics import Topic

__all__ = ["rates_between", "script_of"]

CRASH_AT = "10s"
KEYS = UniformKeys(1000)
"""Records have keys, which a compacted topic insists on."""


def rates_between(before: Sequence[Group], after: Sequence[Group], seconds: float) -> Mapping[str, float]:
    """Records per second that arrived in each topic, from where its log ended at two looks so many seconds apart."""
    looks = (before, after)
    first, last = ({topic: end for group in groups for topic, end in group.log_ends.items()} for groups in looks)
    return {topic: max(0, last[topic] - first[topic]) / seconds for topic in last if topic in first}


def script_of(
    layout: Layout,
    groups: Sequence[Group] = (),
    rates: Mapping[str, float] | None = None,
    rate: float = 100.0,
    record_bytes: int = 1000,
    minus: int | None = None,
    duration: str = "60s",
) -> Script:
    """A scenario of the cluster; brokers get the numbers 1, 2, 3 … in the order of their ids.

    `rates` are records per second by topic, `rate` is that of the others. `minus` is the id of a broker that dies after
    ten seconds and stays away. All replicas begin in sync. Internal topics are left to the simulator. Raises
    ConfigError, one line, for a topic or a broker that the layout does not have.
    """
    topics = {name: parts for name, parts in layout.topics.items() if not name.startswith("__")}
    ids = layout.broker_ids()
    numbers = {broker: number for number, broker in enumerate(ids, 1)}
    arriving = {**dict.fromkeys(topics, rate), **(rates or {})}
    for name in arriving:
        if name not in topics:
            raise ConfigError(f"there is no topic {name!r} in the layout{nearest(name, topics)}")
    if minus is not None and minus not in numbers:
        raise ConfigError(f"there is no broker {minus} in the layout; there are {', '.join(map(str, ids))}")
    faults = () if minus is None else (BrokerCrash(broker=numbers[minus], at=CRASH_AT),)
    return Script(
        description="A real cluster." if minus is None else f"A real cluster, minus broker {minus}.",
        story=_story(layout, numbers),
        duration=duration,
        cluster=ClusterPart(brokers=len(ids), racks=len(ids)),
        topics=tuple(_topic(name, layout, numbers) for name in topics),
        producers=tuple(
            ProducerPart(
                name=f"to-{name}", topics=(name,), arrivals=Poisson(per_s), keys=KEYS, record_bytes=record_bytes
            )
            for name, per_s in arriving.items()
            if per_s > 0
        ),
        consumers=tuple(
            ConsumerPart(group=group.group_id, topics=read, members=max(1, group.members))
            for group in groups
            if (read := tuple(name for name in group.topics if name in topics))
        ),
        faults=faults,
    )


def _topic(name: str, layout: Layout, numbers: Mapping[int, int]) -> Topic:
    partitions = layout.topics[name]
    replicas = tuple(tuple(numbers[broker] for broker in each.replicas) for each in partitions)
    leaders = tuple(numbers.get(each.leader, own[0]) for each, own in zip(partitions, replicas, strict=True))
    config = {key: value for key, value in layout.configs.get(name, {}).items() if _is_known(key, value)}
    return Topic(name, len(partitions), len(replicas[0]), config, replicas, leaders)


def _is_known(key: str, value: str) -> bool:
    """Whether it is one of Kafka's own keys; a vendor's key says nothing here."""
    try:
        topic_config_from(BrokerConfig(), {key: value})
    except ConfigError:
        return False
    return True


def _story(layout: Layout, numbers: Mapping[int, int]) -> str:
    told = ", ".join(f"broker {broker} as broker-{number}" for broker, number in numbers.items())
    behind = layout.under_replicated()
    late = f"\nNot all replicas of {', '.join(behind[:5])} were in sync; here all begin in sync." if behind else ""
    return f"The real cluster has {told}.{late}\n"
