"""Fixes as they are written, `key=value`: Kafka's keys, or something done to what has a name."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from sim.machine.hardware import nearest
from sim.rules.errors import ConfigError
from sim.rules.topics import TopicPartition
from sim.teach.incidents.operations import (
    MoreMembers,
    MorePartitions,
    MoveReplicas,
    NewQuota,
    Restart,
    SkipRecord,
    Stop,
    TopicSetting,
)
from sim.world.faults import Fault
from sim.world.settings import settings_from

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["FORMS", "Fix", "Names", "names_of", "read_fix"]

FORMS: Mapping[str, str] = {
    "max.poll.records=100": "any of Kafka's keys for topics, producers and consumers; clients restart with it",
    "members.GROUP=6": "as many members as that, by copies of the first one",
    "partitions.TOPIC=12": "as many partitions as that",
    "restart=NAME": "kill and start an application or a broker such as broker-2",
    "stop=NAME": "shut a broker down, or take an application out of its group",
    "move=broker-2:broker-4": "reassign all replicas of one broker to another",
    "skip=GROUP:TOPIC-0": "move a group's offset of a partition past the record it has come to",
    "producer_byte_rate.APP=none": "the quota of an application's producer, in bytes per second, or none",
}
"""What a fix may look like, and what it does."""

MOST = 100


class Names(NamedTuple):
    """What there is in a run and may be named."""

    brokers: tuple[str, ...]
    apps: tuple[str, ...]
    groups: tuple[str, ...]
    topics: tuple[str, ...]
    partitions: tuple[str, ...]

    def known(self, what: str, name: str, names: tuple[str, ...]) -> str:
        """The name. Raises ConfigError, one line with the nearest one."""
        if name not in names:
            raise ConfigError(f"there is no {what} {name}{nearest(name, names)}")
        return name


class Fix(NamedTuple):
    """Settings to fork with, and operations."""

    settings: Mapping[str, object]
    operations: tuple[Fault, ...]


def names_of(run: "Run") -> Names:
    """The names of a run."""
    cluster, plan = run.flight.cluster, run.flight.plan
    stages = [spec.name for spec in plan.apps]
    grown = [app for app in cluster.apps if app.rpartition("-")[0] in {group.group_id for group in plan.groups}]
    return Names(
        tuple(f"broker-{broker}" for broker in cluster.brokers),
        tuple(dict.fromkeys([*stages, *grown])),
        tuple(group.group_id for group in plan.groups),
        tuple(topic.name for topic in plan.topics),
        tuple(str(name) for name in cluster.partitions()),
    )


def read_fix(names: Names, given: Mapping[str, object], at: str) -> Fix:
    """What a fix does from a time on. Raises ConfigError, one line, for what nobody can do."""
    settings: dict[str, object] = {}
    operations: list[Fault] = []
    for key, value in given.items():
        verb, _, name = key.partition(".")
        text = str(value).strip()
        if verb in SIZES and name:
            operations.append(SIZES[verb](names, name, text, at))
        elif key in DEEDS:
            operations += [DEEDS[key](names, part.strip(), at) for part in text.split(",")]
        else:
            settings[key] = value
    overrides = settings_from({}, settings).overrides
    for key in overrides["broker"]:
        raise ConfigError(f"{key} is the brokers' and holds from their start; nobody restarts all of them tonight")
    operations += [
        TopicSetting(topic=topic, key=key, value=str(value), at=at)
        for topic in names.topics
        for key, value in overrides["topic"].items()
    ]
    clients = {f"{kind}.{key}": value for kind in ("producer", "consumer") for key, value in overrides[kind].items()}
    if not (clients or operations):
        raise ConfigError("a fix changes something: give KEY=VALUE, for instance max.poll.records=100")
    return Fix(clients, tuple(operations))


def _count(key: str, text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= MOST:
        raise ConfigError(f"{key}={text}: give a whole number from 1 to {MOST}")
    return int(text)


def _members(names: Names, name: str, text: str, at: str) -> Fault:
    count = _count(f"members.{name}", text)
    return MoreMembers(name=names.known("group", name, names.groups), members=count, at=at)


def _partitions(names: Names, name: str, text: str, at: str) -> Fault:
    topic, count = names.known("topic", name, names.topics), _count(f"partitions.{name}", text)
    now = sum(partition.rpartition("-")[0] == topic for partition in names.partitions)
    if count <= now:
        raise ConfigError(f"partitions.{name}={text}: there are {now} already, and Kafka takes none away")
    return MorePartitions(name=topic, partitions=count, at=at)


def _quota(names: Names, name: str, text: str, at: str) -> Fault:
    app = names.known("application", name, names.apps)
    if text != "none" and not (text.isdigit() and int(text) > 0):
        raise ConfigError(f"producer_byte_rate.{name}={text}: give bytes per second, or none")
    return NewQuota(name=app, bytes_per_s=None if text == "none" else float(text), at=at)


def _process(names: Names, text: str) -> str:
    return names.known("application or broker", text, (*names.apps, *names.brokers))


def _move(names: Names, text: str, at: str) -> Fault:
    old, _, new = text.partition(":")
    names.known("broker", old, names.brokers)
    return MoveReplicas(name=old, to=names.known("broker", new, names.brokers), at=at)


def _skip(names: Names, text: str, at: str) -> Fault:
    group, _, partition = text.partition(":")
    names.known("group", group, names.groups)
    topic, _, number = names.known("partition", partition, names.partitions).rpartition("-")
    return SkipRecord(name=group, partition=TopicPartition(topic, int(number)), at=at)


SIZES: Mapping[str, Callable[[Names, str, str, str], Fault]] = {
    "members": _members,
    "partitions": _partitions,
    "producer_byte_rate": _quota,
}
DEEDS: Mapping[str, Callable[[Names, str, str], Fault]] = {
    "restart": lambda names, text, at: Restart(name=_process(names, text), at=at),
    "stop": lambda names, text, at: Stop(name=_process(names, text), at=at),
    "move": _move,
    "skip": _skip,
}
