"""What a recording of faults says: cluster, topics with their producers, and each run's actions."""

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median
from typing import Any

from sim.rules.errors import ConfigError
from sim.timelines.fields import Fields

__all__ = ["FaultRecording", "FaultRun", "FaultTopic", "fault_recording"]

WINDOW_BEGINS_MS = 300.0
"""A record belongs to the run in whose window it was sent, and windows begin so long before the first action."""

AFTERMATH_MS = 5000.0
"""How long records are sent after the last that a run tells, where it does not tell how many were sent."""


@dataclass(frozen=True, slots=True)
class FaultTopic:
    """A topic and its producer, which sends one record every `pace_ms`; each partition has the same `replicas`."""

    name: str
    replicas: tuple[int, ...]
    partitions: int
    config: Mapping[str, object]
    pace_ms: float
    producer_config: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class FaultRun:
    """One run: its actions in order, who led what before, and how long records were sent; times from the first action.

    `changes` are those of the controller's metadata log.
    """

    place: str
    actions: tuple[Fields, ...]
    leaders: Mapping[str, int]
    in_sync: Mapping[str, tuple[int, ...]]
    changes: tuple[Mapping[str, Any], ...]
    ends_ms: float


@dataclass(frozen=True, slots=True)
class FaultRecording:
    """A recording of faults: what was built, what was done, and the figures that came of it.

    `measured` holds the values of each figure over the runs, by `server` or topic; `loaded` tells that something else
    ran on the machine, so that times that clients saw are noisy.
    """

    family: str
    brokers: tuple[int, ...]
    controllers: tuple[int, ...]
    broker_config: Mapping[str, object]
    consumer: Mapping[str, Any]
    topics: Mapping[str, FaultTopic]
    runs: tuple[FaultRun, ...]
    measured: Mapping[str, Mapping[str, tuple[float, ...]]]
    loaded: bool


def fault_recording(recording: Mapping[str, Any]) -> FaultRecording:
    """Read a recording. Raises ConfigError, in one line, for what is missing or of the wrong kind."""
    fields = Fields(str(recording.get("family", "fault")), recording)
    cluster = fields.object("cluster")
    brokers = cluster.ids("brokers")
    topics = {name: _topic(name, topic, brokers) for name, topic in fields.named("topics").items()}
    runs = tuple(_run(run, topics) for run in fields.objects("runs"))
    if not runs or not topics:
        raise ConfigError(f"{fields.place} has no {'topics' if runs else 'runs'}")
    return FaultRecording(
        fields.place,
        brokers,
        cluster.ids("controllers"),
        cluster.mapping("broker_config"),
        cluster.mapping("consumer"),
        topics,
        runs,
        _measured(fields.object("summary"), topics),
        "background load" in str(recording.get("load")) and "nothing else" not in str(recording.get("description")),
    )


def _measured(summary: Fields, topics: Mapping[str, FaultTopic]) -> dict[str, dict[str, tuple[float, ...]]]:
    """The figures of a summary: the server's, and each topic's, with those on duplicates where it has any."""
    found = {"server": _values(summary.object("server"))} if "server" in summary.values else {}
    for part in ("topics", "duplicates"):
        told = summary.named(part) if part in summary.values else {}
        for topic, figures in told.items():
            if topic not in topics:
                raise ConfigError(f"{figures.place}: there is no topic {topic!r} among the topics")
            found.setdefault(topic, {}).update(_values(figures))
    return found


def _values(figures: Fields) -> dict[str, tuple[float, ...]]:
    """Each figure's values over the runs; a figure without values of its own holds for every run."""
    return {
        name: figures.object(name).numbers("values") if isinstance(value, dict) else (figures.number(name),)
        for name, value in figures.values.items()
    }


def _topic(name: str, topic: Fields, brokers: tuple[int, ...]) -> FaultTopic:
    replicas = topic.ids("replicas")
    if not replicas or not set(replicas) <= set(brokers) or len(set(replicas)) < len(replicas):
        raise ConfigError(f"{topic.place}.replicas is {list(replicas)}, not some of the brokers {list(brokers)}")
    partitions = topic.node("partitions") if "partitions" in topic.values else 1
    pace_ms = topic.number("pace_ms", least=0.1)
    return FaultTopic(
        name, replicas, partitions, topic.mapping("topic_config"), pace_ms, topic.mapping("producer_config")
    )


def _run(run: Fields, topics: Mapping[str, FaultTopic]) -> FaultRun:
    actions = tuple(run.objects("actions"))
    if not actions:
        raise ConfigError(f"{run.place}.actions is empty")
    states = run.named("state_at_start") if "state_at_start" in run.values else {}
    known = {name: state for name, state in states.items() if name in topics}
    changes = run.objects("metadata_changes") if "metadata_changes" in run.values else []
    return FaultRun(
        run.place,
        actions,
        {name: state.node("leader") for name, state in known.items() if "leader" in state.values},
        {name: state.ids("isr") for name, state in known.items() if "isr" in state.values},
        tuple(change.values for change in changes),
        _end(run, actions, topics),
    )


def _end(run: Fields, actions: tuple[Fields, ...], topics: Mapping[str, FaultTopic]) -> float:
    """When the window ends: by the number of records that each producer sent at its pace, else after the last event."""
    told = run.named("topics") if "topics" in run.values else {}
    lasted = [
        figures.number("sent") * topics[name].pace_ms
        for name, figures in told.items()
        if name in topics and "sent" in figures.values
    ]
    last = max(action.number("t") for action in actions)
    return median(lasted) - WINDOW_BEGINS_MS if lasted else last + AFTERMATH_MS
