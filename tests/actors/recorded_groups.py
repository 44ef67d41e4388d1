"""Flies the steps of a recorded consumer group: members join, close, are killed, pause; and measures who owned what."""

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from simpy import Event

from sim.actors.client.app import App
from sim.actors.consumer.consumer import CommitFailedError, RebalanceListener
from sim.machine.clock import MILLISECOND
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import Story

DATA = Path(__file__).parents[1] / "data"
TOPICS = ("ga", "gb", "gc")
PARTITIONS = [TopicPartition(topic, number) for topic in TOPICS for number in range(6)]
Steps = Generator[Event, Any, Any]


def recorded(family: str) -> dict[str, Any]:
    """What was recorded of a family of runs."""
    found: dict[str, Any] = json.loads((DATA / f"{family}.json").read_text(encoding="utf-8"))
    return found


class Change(NamedTuple):
    """A call of a member's listener."""

    time_ms: float
    member: str
    kind: str
    partitions: tuple[TopicPartition, ...]


class Member(RebalanceListener):
    """Polls for 50 ms again and again, until it `closes`; notes what its listener is told, and can be paused."""

    def __init__(self, name: str, config: Mapping[str, object], changes: list[Change]) -> None:
        self.name, self.changes = name, changes
        self.config: dict[str, Any] = dict(config)
        self.app: App | None = None
        self.closes = False
        self.pause_ms = 0.0

    def __call__(self, app: App) -> Steps:
        self.app = app
        consumer = app.consumer("group", **self.config)
        consumer.subscribe(TOPICS, self)
        while not self.closes:
            try:
                yield from consumer.poll(50)
            except CommitFailedError:
                continue
            if self.pause_ms:
                yield app.busy(ms=self.pause_ms)
                self.pause_ms = 0
        yield from consumer.close()

    def _note(self, kind: str, partitions: Iterable[TopicPartition]) -> None:
        assert self.app is not None
        self.changes.append(Change(self.app.now / MILLISECOND, self.name, kind, tuple(partitions)))

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self._note("assigned", partitions)

    def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self._note("revoked", partitions)

    def on_partitions_lost(self, partitions: Sequence[TopicPartition]) -> None:
        self._note("lost", partitions)


class RecordedGroup:
    """One broker, three topics of six partitions without records, which ownership does not depend on."""

    def __init__(self, seed: int, member_config: Mapping[str, object], static: bool = False) -> None:
        broker_config = {"group.consumer.session.timeout.ms": 10_000, "offsets.topic.replication.factor": 1}
        topics = [Topic(topic, 6, 1) for topic in TOPICS]
        min_isr = {"min.insync.replicas": 1}
        self.story = Story(seed, None, min_isr, 1, broker_config, more_topics=topics)
        self.member_config, self.static = dict(member_config), static
        self.changes: list[Change] = []
        self.members: dict[str, Member] = {}
        self.owners: dict[TopicPartition, set[str]] = {name: set() for name in PARTITIONS}
        self.now_ms = 3000.0
        self.story.fly(self.now_ms / 1000)

    def step(self, event: str, name: str, window_ms: float) -> dict[str, Any]:
        """Do one step, let the window pass and measure."""
        before = {partition: set(owners) for partition, owners in self.owners.items()}
        began_ms, seen = self.now_ms, len(self.changes)
        self._do(event, name)
        self.now_ms += window_ms
        self.story.fly(self.now_ms / 1000)
        changes = [Change(c.time_ms - began_ms, *c[1:]) for c in self.changes[seen:]]
        if event == "kill9":
            owned = tuple(partition for partition in PARTITIONS if name in before[partition])
            changes.insert(0, Change(0.0, name, "killed", owned))
        return self._figures(changes, before, window_ms)

    def _do(self, event: str, name: str) -> None:
        if event == "join":
            config = {"auto_offset_reset": "latest", "max_poll_interval_ms": 8000, **self.member_config}
            if self.static:
                config["group_instance_id"] = name.rstrip("b")
            member = self.members[name] = Member(name, {**config, "client_id": name}, self.changes)
            self.story.cluster.app(name, member, {}).start()
        elif event == "close":
            self.members[name].closes = True
        elif event == "kill9":
            self.story.cluster.apps[name].stop()
        else:
            self.members[name].pause_ms = float(event.split()[1])

    def _figures(
        self, changes: list[Change], before: dict[TopicPartition, set[str]], window_ms: float
    ) -> dict[str, Any]:
        ownerless = dict.fromkeys(PARTITIONS, 0.0)
        since = {partition: 0.0 for partition in PARTITIONS if not before[partition]}
        double, last_ms = 0, 0.0
        for time_ms, member, kind, partitions in changes:
            for partition in partitions:
                owners = self.owners[partition]
                if kind == "assigned":
                    owners.add(member)
                    ownerless[partition] += time_ms - since.pop(partition, time_ms)
                else:
                    owners.discard(member)
                    if not owners:
                        since[partition] = time_ms
                double = max(double, len(owners))
            last_ms = time_ms if partitions else last_ms
        for partition, time_ms in since.items():
            ownerless[partition] += window_ms - time_ms
        gone = {change.member for change in changes if change.kind == "killed"}
        closed = {name for name, member in self.members.items() if member.closes}
        moved = [p for p in PARTITIONS if before[p] - gone - closed and self.owners[p] != before[p]]
        counts = [sum(name in self.owners[p] for p in PARTITIONS) for name in self.members]
        return {
            "time_to_last_ownership_change": last_ms,
            "partitions_in_revoked_callbacks": sum(len(c.partitions) for c in changes if c.kind == "revoked"),
            "partitions_in_lost_callbacks": sum(len(c.partitions) for c in changes if c.kind == "lost"),
            "partitions_moved_between_survivors": len(moved),
            "ownerless_ms_max": max(ownerless.values()),
            "owners_max": double,
            "counts_after": sorted(count for count in counts if count),
        }
