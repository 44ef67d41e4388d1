"""What a recording of a consumer group says: cluster, consumers, steps, and the figures measured."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any, NamedTuple

from sim.rules.config import BrokerConfig, ConsumerConfig
from sim.rules.errors import ConfigError
from sim.rules.topics import TopicPartition

__all__ = ["GroupPlan", "Step", "group_plan"]

EVENTS = ("join", "close", "kill9", "pause", "restart")
IN_GROUP = ("close", "kill9", "pause")
DRIVER_KEYS = ("poll_ms", "static")
DEFAULT_POLL_MS = 50


class Step(NamedTuple):
    """One step: what happens to which member, and how long it is watched; `pause_ms` belongs to a pause."""

    event: str
    member: str
    window_ms: float
    pause_ms: float = 0.0

    @property
    def leaver(self) -> str:
        """The member that leaves the group or dies in this step, if any."""
        return self.member if self.event in ("close", "kill9", "restart") else ""


@dataclass(frozen=True, slots=True)
class GroupPlan:
    """A recorded group as it is to be flown. `record_every_ms` None means that nothing is sent.

    `runs` are the steps of each recorded run, with its own windows; events and members are the same in all.
    """

    family: str
    brokers: int
    broker_config: Mapping[str, object]
    topics: Mapping[str, int]
    record_every_ms: float | None
    consumer_config: Mapping[str, object]
    poll_ms: int
    is_static: bool
    runs: tuple[tuple[Step, ...], ...]

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps of the run that went furthest."""
        return max(self.runs, key=len)

    @property
    def partitions(self) -> tuple[TopicPartition, ...]:
        """All partitions, in the order in which records are sent: partition 0 of each topic, then 1, and so on."""
        found = [TopicPartition(topic, number) for topic, count in self.topics.items() for number in range(count)]
        return tuple(sorted(found, key=lambda name: name.partition))

    def config_of(self, member: str) -> dict[str, object]:
        """The configuration of a member; a static one keeps its instance id in its second life (`m3b` after `m3`)."""
        config = {**self.consumer_config, "client.id": member}
        return config | {"group.instance.id": re.sub(r"(?<=\d)[a-z]+$", "", member)} if self.is_static else config


def group_plan(recording: Mapping[str, Any]) -> GroupPlan:
    """Read a recording. Raises ConfigError, in one line, for what is missing, not known or impossible."""
    place = str(recording.get("family", "group"))
    cluster = _field(recording, "cluster", dict, place)
    consumer = _field(recording, "consumer_config", dict, place)
    topics = _field(cluster, "topics", dict, f"{place}: cluster")
    if not topics or not all(type(count) is int and count > 0 for count in topics.values()):
        raise ConfigError(f"{place}: cluster.topics must give each topic its number of partitions, not {topics!r}")
    config = {key: value for key, value in consumer.items() if key not in DRIVER_KEYS}
    broker_config = _field({"broker_config": {}, **cluster}, "broker_config", dict, f"{place}: cluster")
    brokers = _field({"brokers": [1], **cluster}, "brokers", list, f"{place}: cluster")
    try:
        ConsumerConfig.of(config)
        BrokerConfig.of(broker_config)
    except ConfigError as error:
        raise ConfigError(f"{place}: {error}") from error
    runs = _field(recording, "runs", list, place)
    return GroupPlan(
        family=place,
        brokers=len(brokers),
        broker_config=broker_config,
        topics=topics,
        record_every_ms=_pace(cluster, place),
        consumer_config=config,
        poll_ms=int(_positive(consumer.get("poll_ms", DEFAULT_POLL_MS), f"{place}: consumer_config.poll_ms")),
        is_static=bool(consumer.get("static", False)),
        runs=_runs(runs, place),
    )


def _runs(runs: Sequence[Any], place: str) -> tuple[tuple[Step, ...], ...]:
    found = tuple(
        tuple(
            _step(step, f"{place}: runs[{number}].steps[{index}]")
            for index, step in enumerate(_field(run, "steps", list, f"{place}: runs[{number}]"))
        )
        for number, run in enumerate(runs)
    )
    if not any(found):
        raise ConfigError(f"{place}: there is no run with steps to fly")
    kinds = [[step[:2] for step in run] for run in found]
    longest = max(kinds, key=len)
    for number, kind in enumerate(kinds):
        if kind != longest[: len(kind)]:
            raise ConfigError(f"{place}: runs[{number}] takes other steps than the others; all must do the same")
    _check_members(longest, place)
    return found


def _check_members(steps: Sequence[tuple[str, str]], place: str) -> None:
    """Who joins is not in the group yet, who leaves, dies or pauses is; who restarts has been."""
    known: dict[str, bool] = {}
    for index, (event, member) in enumerate(steps):
        where = f"{place}: steps[{index}]: {event} of {member}"
        present = ", ".join(name for name, is_in in known.items() if is_in) or "nobody"
        if event == "join" and known.get(member):
            raise ConfigError(f"{where}, who is in the group already: name somebody else than {present}")
        if event in IN_GROUP and not known.get(member):
            raise ConfigError(f"{where}, who is not in the group: name one of those who are, {present}")
        if event == "restart" and member not in known:
            raise ConfigError(f"{where}, who has never joined: name one of {', '.join(known) or 'nobody'}")
        known[member] = event not in ("close", "kill9")


def _step(step: Mapping[str, Any], place: str) -> Step:
    event, _, length = str(_field(step, "event", str, place)).partition(" ")
    if event not in EVENTS:
        near = get_close_matches(event, EVENTS, n=1)
        hint = f", did you mean {near[0]!r}?" if near else f"; there are {', '.join(EVENTS)}"
        raise ConfigError(f"{place}: no event {event!r}{hint}")
    if (event == "pause") != bool(length):
        raise ConfigError(f"{place}: write a pause with its milliseconds, 'pause 12000', and {event!r} without any")
    member = _field(step, "member", str, place)
    window_ms = _positive(_field(step, "window_ms", (int, float), place), f"{place}: window_ms")
    return Step(event, member, window_ms, _positive(length, f"{place}: {event}") if length else 0.0)


def _pace(cluster: Mapping[str, Any], place: str) -> float | None:
    pace = cluster.get("record_every_ms")
    return None if pace is None else _positive(pace, f"{place}: cluster.record_every_ms")


def _positive(value: object, place: str) -> float:
    try:
        number = float(str(value))
    except ValueError:
        number = 0.0
    if not 0 < number < math.inf:
        raise ConfigError(f"{place} must be milliseconds, more than none, not {value!r}")
    return number


def _field(values: Any, name: str, kind: type | tuple[type, ...], place: str) -> Any:
    """A field that must be there, of this kind."""
    if not isinstance(values, Mapping) or name not in values:
        raise ConfigError(f"{place}: {name!r} is missing")
    if not isinstance(values[name], kind):
        raise ConfigError(f"{place}: {name!r} is {type(values[name]).__name__}, which it cannot be")
    return values[name]
