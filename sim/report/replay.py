"""What the replay of a report plays: the cluster's state over time as one compact JSON object.

Fidelity: approximate — leaders, ISRs, processes and ownership change when they did; logs, lag and what moves on links
    are read once per simulated second, more seldom in a long run
"""

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from sim.observe.frames import Frames
from sim.report.told import told
from sim.rules.facts.journal import (
    AppStarted,
    AppStopped,
    BrokerFenced,
    BrokerStarted,
    BrokerStopped,
    BrokerUnfenced,
    IsrChanged,
    LeaderElected,
    PartitionsAssigned,
)
from sim.rules.topics import TopicPartition
from sim.view.episodes import fault_spans

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["replay"]

MOST_SHOWN = 24
MOST_NUMBERS = 60_000
MOST_CHANGES = 6_000
MOST_BOXES = 24
MOST_OF_A_STAGE = 6

Change = list[Any]


def replay(run: "Run") -> dict[str, Any]:
    """Everything the replay shows, as JSON can hold it.

    `times` are seconds; `series` and `flows` hold frame and value in turn, at each change and at each movement;
    `changes` are time, kind, and what has changed, in order, up to the time `cut` if there are too many; `boxes` stand
    for applications, or for a stage of many.
    """
    frames = run.recorded().frames
    shown = _shown(run, frames)
    boxes = _boxes(run)
    stride = _stride(frames)
    topics = {str(name): name for name in shown}
    changes = list(_changes(run, frames, topics))
    return {
        "end": round(run.simulated_s, 3),
        "brokers": [
            {"id": broker_id, "rack": broker.host.rack} for broker_id, broker in run.flight.cluster.brokers.items()
        ],
        "partitions": list(topics),
        "hidden": max(0, len(run.flight.cluster.partitions()) - len(shown)),
        "groups": [{"id": group.group_id, "topics": list(group.topics)} for group in run.flight.plan.groups],
        "boxes": [{"name": name, "apps": apps} for name, apps in boxes.items()],
        "faults": [
            {"label": span.label, "from": round(span.begin_s, 3), "to": round(span.end_s, 3)}
            for span in fault_spans(run.facts, run.simulated_s)
        ],
        "times": [round(time, 3) for time in frames.times[stride - 1 :: stride]],
        "series": {key: _thinned(points, stride) for key, points in _of(frames, topics).items()},
        "flows": _flows(frames, boxes, [str(broker_id) for broker_id in run.flight.cluster.brokers], stride),
        "changes": changes[:MOST_CHANGES],
        "cut": changes[MOST_CHANGES][0] if len(changes) > MOST_CHANGES else None,
    }


def _shown(run: "Run", frames: Frames) -> list[TopicPartition]:
    """The partitions with most to see, in their own order."""
    names = frames.partitions()
    events = dict.fromkeys(names, 0)
    for _, fact in run.facts:
        if isinstance(fact, LeaderElected | IsrChanged) and fact.partition in events:
            events[fact.partition] += 1
    eventful = sorted(names, key=lambda name: -events[name])[:MOST_SHOWN]
    return [name for name in names if name in eventful]


def _boxes(run: "Run") -> dict[str, list[str]]:
    """Applications by the box that stands for them; of a large stage there is one box for all."""
    stages: dict[str, list[str]] = {}
    for app in run.flight.plan.apps:
        stages.setdefault(app.stage or app.name, []).append(app.name)
    boxes: dict[str, list[str]] = {}
    for stage, apps in stages.items():
        if len(apps) > MOST_OF_A_STAGE or len(boxes) + len(apps) > MOST_BOXES:
            boxes[f"{stage} ({len(apps):,})"] = apps
        else:
            boxes |= {app: [app] for app in apps}
    return dict(list(boxes.items())[:MOST_BOXES])


def _stride(frames: Frames) -> int:
    """Every how many frames one is kept."""
    numbers = 2 * sum(len(points) for kind in (frames.series, frames.flows) for points in kind.values())
    return max(1, -(-numbers // MOST_NUMBERS))


def _of(frames: Frames, topics: Iterable[str]) -> dict[str, list[tuple[int, int]]]:
    """The series of the partitions that are shown."""
    wanted = set(topics)
    return {key: points for key, points in frames.series.items() if not wanted.isdisjoint(key.split("/"))}


def _thinned(points: list[tuple[int, int]], stride: int) -> list[int]:
    """Frame and value in turn; of the frames that become one the last value counts."""
    kept = {frame // stride: value for frame, value in points}
    return [number for point in kept.items() for number in point]


def _flows(frames: Frames, boxes: dict[str, list[str]], brokers: list[str], stride: int) -> list[list[Any]]:
    """Sender, receiver, and then frame and count in turn."""
    box_of = {app: box for box, apps in boxes.items() for app in apps}
    sums: dict[tuple[str, str], dict[int, int]] = {}
    for (sender, receiver), points in frames.flows.items():
        link = box_of.get(sender, sender), box_of.get(receiver, receiver)
        counts = sums.setdefault(link, {})
        for frame, count in points:
            counts[frame // stride] = counts.get(frame // stride, 0) + count
    known = {*boxes, *brokers}
    return [
        [*link, [number for point in sorted(counts.items()) for number in point]]
        for link, counts in sums.items()
        if known.issuperset(link)
    ]


def _changes(run: "Run", frames: Frames, topics: dict[str, TopicPartition]) -> Iterator[Change]:
    """What changes at a moment: time in seconds, kind, subject, what it is from then on, and a word for the viewer."""
    shown = set(topics.values())
    for name in topics.values():
        time_s, leader, isr = frames.began[name]
        yield [round(time_s, 3), "leader", str(name), leader, ""]
        yield [round(time_s, 3), "isr", str(name), list(isr), ""]
    owners = _Owners(frames, shown)
    for time, fact in run.facts:
        for change in (*_of_fact(fact, shown), *owners.changes(fact)):
            yield [round(time / 1e9, 3), *change, told(fact)]


def _of_fact(fact: Any, shown: set[TopicPartition]) -> Iterator[tuple[str, str, Any]]:
    match fact:
        case LeaderElected() if fact.partition in shown:
            yield "leader", str(fact.partition), fact.leader
        case IsrChanged() if fact.partition in shown:
            yield "isr", str(fact.partition), list(fact.isr)
        case BrokerStarted() | BrokerStopped():
            yield "up", str(fact.broker_id), isinstance(fact, BrokerStarted)
        case BrokerFenced() | BrokerUnfenced():
            yield "fenced", str(fact.broker_id), isinstance(fact, BrokerFenced)
        case AppStarted():
            yield "app", fact.app, "runs"
        case AppStopped():
            yield "app", fact.app, "ended" if fact.finished else "stopped"


class _Owners:
    """Which application reads which partitions: what its consumers were assigned last, nothing once it is gone."""

    def __init__(self, frames: Frames, shown: set[TopicPartition]) -> None:
        self._frames = frames
        self._shown = shown
        self._held: dict[tuple[str, str], list[list[str]]] = {}

    def changes(self, fact: Any) -> Iterator[tuple[str, str, Any]]:
        """The application and all `[group, partition]` that it reads from now on, if the fact changes them."""
        if isinstance(fact, PartitionsAssigned):
            app = self._frames.app_of(fact.client_id)
            held = [[fact.group_id, str(name)] for name in fact.partitions if name in self._shown]
            self._held[app, fact.client_id] = held
            yield "owns", app, self._all(app)
        elif isinstance(fact, AppStopped) and self._all(fact.app):
            self._held = {key: held for key, held in self._held.items() if key[0] != fact.app}
            yield "owns", fact.app, []

    def _all(self, app: str) -> list[list[str]]:
        return [pair for (owner, _), held in self._held.items() if owner == app for pair in held]
