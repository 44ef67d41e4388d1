"""Position, commit and what comes again: at least once, automatic commits, commits that fail."""

from collections.abc import Generator, Sequence
from itertools import pairwise
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.consumer.consumer import (
    ClientTimeoutError,
    CommitFailedError,
    Consumer,
    ConsumerRecord,
    RebalanceInProgressError,
    RebalanceListener,
)
from sim.rules.facts.journal import MemberRemoved, OffsetsCommitted, PartitionsAssigned
from sim.rules.groups.coordinator import OFFSETS_TOPIC, partition_for_group
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Source, Story, seconds

Steps = Generator[Event, Any, Any]
FAST = {"group.initial.rebalance.delay.ms": 0}


def number(record: ConsumerRecord) -> int:
    return int(record.value or b"")


def test_what_was_polled_but_not_committed_comes_again_exactly() -> None:
    """The reader dies between poll and commit; started again it gets from the last commit on, and nothing else."""
    lives: list[list[int]] = []
    committed: list[int] = []

    def read(app: App) -> Steps:
        life: list[int] = []
        lives.append(life)
        consumer = app.consumer(
            "readers", ["payments"], auto_offset_reset="earliest", enable_auto_commit=False, session_timeout_ms=6000
        )
        while True:
            records = yield from consumer.poll()
            life.extend(map(number, records))
            yield app.busy(ms=100)
            yield from consumer.commit()
            committed.append(life[-1] + 1 if life else 0)

    source = Source(every_ms=10, until_s=9)
    story = Story(apps={"source": source}, broker_config=FAST)
    reader = story.cluster.app("reader", read, {})
    reader.start()
    story.at(4.05, reader.stop)
    story.at(5.0, reader.start)
    story.fly(20)
    first, second = lives
    again = [value for value in first if value in set(second)]
    assert first == list(range(len(first)))
    assert second == list(range(second[0], len(source.acknowledged)))
    assert second[0] in committed
    assert again == first[second[0] :]
    assert 5 <= len(again) <= 25


def test_automatic_commits_store_what_earlier_polls_returned_each_interval() -> None:
    """A crash 4.9 s after an automatic commit: what came in between is delivered again."""
    lives: list[list[int]] = []

    def read(app: App) -> Steps:
        life: list[int] = []
        lives.append(life)
        consumer = app.consumer("readers", ["payments"], auto_offset_reset="earliest", session_timeout_ms=6000)
        while True:
            life.extend(map(number, (yield from consumer.poll(100))))

    source = Source(every_ms=20, until_s=25)
    story = Story(apps={"source": source}, broker_config=FAST)
    reader = story.cluster.app("reader", read, {})
    reader.start()
    story.at(19.9, reader.stop)
    story.at(20.0, reader.start)
    story.fly(35)
    commits = [time for time in story.when(OffsetsCommitted) if time < 20]
    waits = [later - earlier for earlier, later in pairwise(commits)]
    assert waits == pytest.approx([5.0, 5.0], abs=0.15)
    again = len(set(lives[0]) & set(lives[1]))
    assert again == pytest.approx((19.9 - commits[-1]) / 0.02, abs=8)
    assert sorted(set(lives[0]) | set(lives[1])) == list(range(len(source.acknowledged)))


def test_an_automatic_commit_does_not_hold_poll_up_while_the_coordinator_hangs() -> None:
    """The coordinator hangs for 7 s; records of a partition on another broker are delivered as before."""
    got: list[float] = []
    solo = TopicPartition("solo", 0)
    story = Story(broker_config=FAST, more_topics=[Topic("solo", 1, 1)])
    image = story.cluster.controller.image
    homes = {
        group: image.leader(TopicPartition(OFFSETS_TOPIC, partition_for_group(group, 3)))
        for group in ("a", "b", "c", "d", "e", "f")
    }
    group = next(group for group, home in homes.items() if home != image.leader(solo))

    def read(app: App) -> Steps:
        consumer = app.consumer(group, auto_offset_reset="earliest", auto_commit_interval_ms=1000)
        consumer.assign([solo])
        while True:
            if (yield from consumer.poll(100)):
                got.append(seconds(app.now))

    def write(app: App) -> Steps:
        producer = app.producer()
        while app.now < 14e9:
            yield from producer.send("solo", b"x")
            yield app.busy(ms=50)

    for name, behaviour in (("writer", write), ("reader", read)):
        story.cluster.app(name, behaviour, {}).start()
    story.fly(5)
    story.broker(homes[group]).pause()
    story.fly(12)
    story.broker(homes[group]).resume()
    story.fly(15)
    assert max(b - a for a, b in pairwise(got)) < 0.2
    assert got[-1] > 13.9
    commits = story.when(OffsetsCommitted)
    assert [time for time in commits if 5.1 < time < 12.0] == []
    assert [time for time in commits if time > 12.0]


def test_closing_commits_what_was_polled() -> None:
    lives: list[list[int]] = [[], []]

    def read(app: App) -> Steps:
        for life in lives:
            consumer = app.consumer("readers", ["payments"], auto_offset_reset="earliest", max_poll_records=7)
            while len(life) < 21:
                life.extend(map(number, (yield from consumer.poll())))
            yield from consumer.close()

    story = Story(apps={"source": Source(every_ms=5, until_s=2), "reader": read}, broker_config=FAST)
    story.fly(6)
    assert lives == [list(range(21)), list(range(21, 42))]


def test_positions_offsets_given_and_other_partitions_are_committed_alike() -> None:
    seen: list[dict[TopicPartition, int]] = []
    other = TopicPartition("wide", 1)

    def read(app: App) -> Steps:
        consumer = app.consumer("readers", auto_offset_reset="earliest")
        consumer.assign([P, other])
        seen.append((yield from consumer.committed([P, other])))
        while not (consumer.position(P) or 0) >= 20:
            yield from consumer.poll()
        yield from consumer.commit()
        seen.append((yield from consumer.committed([P, other])))
        yield from consumer.commit({P: 7})
        seen.append((yield from consumer.committed([P, other])))
        yield from consumer.commit({})

    story = Story(
        apps={"source": Source(every_ms=5, until_s=1), "reader": read},
        broker_config=FAST,
        more_topics=[Topic("wide", 2, 3)],
    )
    story.fly(4)
    assert seen[0] == {}
    assert seen[1][other] == 0
    assert seen[1][P] >= 20
    assert seen[2] == {P: 7, other: 0}
    told = [dict(fact.offsets) for fact in story.these(OffsetsCommitted)]
    assert told == [seen[1], {P: 7}]


def test_a_slow_handler_is_put_out_of_the_group_and_its_commit_fails() -> None:
    """max.poll.interval.ms 4 s, a handler of 10 s: at 4 s it leaves, the other member gets all, the commit fails."""
    events: list[tuple[str, float]] = []

    def slow(app: App) -> Steps:
        consumer = app.consumer(
            "readers", ["payments"], auto_offset_reset="earliest", enable_auto_commit=False, max_poll_interval_ms=4000
        )
        records: list[ConsumerRecord] = []
        while not records:
            records = yield from consumer.poll()
        events.append(("polled", seconds(app.now)))
        yield app.busy(ms=10_000)
        with pytest.raises(CommitFailedError) as failure:
            yield from consumer.commit()
        assert not isinstance(failure.value, RebalanceInProgressError)
        events.append(("failed", seconds(app.now)))
        while True:
            yield from consumer.poll()

    story = Story(apps={"source": Source(every_ms=20, until_s=20), "slow": slow}, broker_config=FAST)
    story.fly(20)
    polled = dict(events)["polled"]
    left = story.when(MemberRemoved, reason="left")
    assert left[0] == pytest.approx(polled + 4.0, abs=0.02)
    assert dict(events)["failed"] == pytest.approx(polled + 10.0, abs=0.001)
    assert story.these(OffsetsCommitted) == []


def test_a_commit_during_a_rebalance_fails_but_may_be_repeated_after_it() -> None:
    """A third member comes; while the group waits for a slow one the fast one's commits are refused at once."""
    outcomes: list[tuple[float, bool]] = []

    def member(app: App) -> Steps:
        if app.name == "late":
            yield app.busy(ms=12_000)
        consumer = app.consumer("readers", ["wide"], auto_offset_reset="earliest", enable_auto_commit=False)
        known: dict[TopicPartition, int] = {}
        while True:
            yield from consumer.poll(50)
            known |= {name: consumer.position(name) or 0 for name in consumer.assignment()}
            if app.name == "slow":
                yield app.busy(ms=4000)
            if app.name == "fast":
                try:
                    yield from consumer.commit(known)
                    outcomes.append((seconds(app.now), True))
                except RebalanceInProgressError:
                    outcomes.append((seconds(app.now), False))

    story = Story(apps=dict.fromkeys(("fast", "slow", "late"), member), more_topics=[Topic("wide", 4, 3)])
    story.fly(25)
    refused = [time for time, stored in outcomes if not stored and time > 12]
    assert len(refused) >= 10
    assert 12.0 < refused[0] < refused[-1] < 20.0
    assert [stored for time, stored in outcomes if time > refused[-1]].count(True) > 50


def test_a_commit_that_nobody_answers_gives_up_after_default_api_timeout_ms() -> None:
    took: list[float] = []

    def read(app: App) -> Steps:
        consumer = app.consumer("readers", default_api_timeout_ms=5000, request_timeout_ms=1000)
        consumer.assign([P])
        consumer.seek(P, 0)
        yield app.busy(ms=2000)
        began = app.now
        with pytest.raises(ClientTimeoutError):
            yield from consumer.commit()
        took.append(seconds(app.now - began))
        with pytest.raises(ClientTimeoutError):
            yield from consumer.committed([P])
        took.append(seconds(app.now - began))

    story = Story(apps={"reader": read})
    for broker in story.cluster.brokers.values():
        story.at(1.0, broker.pause)
    story.fly(30)
    assert 4.0 <= took[0] <= 6.5
    assert 9.0 <= took[1] <= 13.5


class Committing(RebalanceListener):
    """Commits what it is about to lose."""

    def __init__(self, consumer: Consumer) -> None:
        self.consumer = consumer

    def on_partitions_revoked(self, _: Sequence[TopicPartition]) -> Steps:
        yield from self.consumer.commit()


@pytest.mark.parametrize("automatic", [True, False])
def test_partitions_are_committed_before_they_are_given_up(automatic: bool) -> None:
    """By the client itself, or by the listener: nothing is delivered twice when a second member joins."""
    got: list[int] = []

    def member(app: App) -> Steps:
        if app.name == "two":
            yield app.busy(ms=6000)
        consumer = app.consumer(
            "readers", auto_offset_reset="earliest", enable_auto_commit=automatic, auto_commit_interval_ms=60_000
        )
        consumer.subscribe(["payments"], None if automatic else Committing(consumer))
        while True:
            got.extend(map(number, (yield from consumer.poll(100))))

    source = Source(every_ms=10, until_s=15)
    story = Story(apps={"source": source, "one": member, "two": member}, broker_config=FAST)
    story.fly(17)
    revoked = story.when(PartitionsAssigned, after_s=6, partitions=())
    assert revoked
    assert story.when(OffsetsCommitted)[0] == pytest.approx(revoked[0], abs=0.01)
    assert sorted(got) == list(range(len(source.acknowledged)))
