"""A consumer joins, reads, commits and dies: what it and its group get to see, with the times."""

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.consumer.consumer import Consumer
from sim.actors.consumer.consumer_records import CommitFailedError, NoOffsetForPartitionError, RebalanceListener
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.facts.journal import MemberRemoved, PartitionsAssigned
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Source, Story, seconds

Behaviour = Callable[[App], Generator[Event, Any, Any]]
CLICKS = [TopicPartition("clicks", number) for number in range(6)]
KILL_S = 12.3
QUICK: dict[str, Any] = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 1000}


class Member(RebalanceListener):
    """A consumer of the six partitions that polls until it is killed, or closes at `until_s`; notes its rebalances."""

    def __init__(self, start_s: float = 0.0, until_s: float = 1000.0, **config: object) -> None:
        self.start_s, self.until_s, self.config = start_s, until_s, config
        self.owned: list[TopicPartition] = []
        self.calls: list[tuple[float, str, list[TopicPartition]]] = []

    def __call__(self, app: App) -> Generator[Event, Any, Any]:
        self.app = app
        yield app.until(round(self.start_s * SECOND))
        consumer = app.consumer("g", (), **self.config)
        consumer.subscribe(["clicks"], self)
        while app.now < self.until_s * SECOND:
            yield from consumer.poll(200)
            self.owned = consumer.assignment()
        yield from consumer.close()

    def on_partitions_revoked(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append((seconds(self.app.now), "revoked", [*partitions]))

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> None:
        self.calls.append((seconds(self.app.now), "assigned", [*partitions]))


def group(**members: Member) -> Story:
    return Story(1, members, more_topics=[Topic("clicks", 6, 3)])


def fill(app: App, count: int, **config: object) -> Generator[Event, Any, None]:
    """Send numbered records to the one partition and wait for them."""
    producer = app.producer(**config)
    for number in range(count):
        yield from producer.send(P.topic, value=b"%d" % number)
    yield from producer.flush()


def read(consumer: Consumer, count: int, **options: int) -> Generator[Event, Any, list[int]]:
    """Poll until so many offsets have come."""
    offsets: list[int] = []
    while len(offsets) < count:
        records = yield from consumer.poll(1000, **options)
        offsets += [record.offset for record in records]
    return offsets


def fly(behaviour: Behaviour, until_s: float) -> Story:
    """Run one application to its end."""
    story = Story(1, {"app": behaviour})
    story.fly(until_s)
    assert story.cluster.apps["app"].finished
    return story


def test_three_consumers_on_six_partitions_own_two_each() -> None:
    """Members that come during the initial delay of 3 s prolong it by another."""
    members = {name: Member() for name in "abc"}
    story = group(**members)
    story.fly(8)
    assert all(6 < time < 6.1 for time in story.when(PartitionsAssigned))
    assert [len(member.owned) for member in members.values()] == [2, 2, 2]
    assert sorted(name for member in members.values() for name in member.owned) == CLICKS
    assert {fact.generation for fact in story.these(PartitionsAssigned)} == {1}


@pytest.mark.parametrize(
    ("until_s", "reason", "after_s"), [(1000, "session timed out", (5.0, 6.0)), (KILL_S, "left", (0.0, 0.3))]
)
def test_what_a_consumer_owned_comes_back_after_its_session_or_at_once_after_a_clean_close(
    until_s: float, reason: str, after_s: tuple[float, float]
) -> None:
    """It is killed in the first case; the others rejoin at their next heartbeat."""
    members = {"a": Member(**QUICK), "b": Member(**QUICK), "c": Member(until_s=until_s, **QUICK)}
    story = group(**members)
    if until_s > KILL_S:
        story.at(KILL_S, story.cluster.apps["c"].stop)
    story.fly(20)
    (removed,) = story.when(MemberRemoved, reason=reason)
    assert after_s[0] <= removed - KILL_S <= after_s[1]
    back = [time for time in story.when(PartitionsAssigned, removed, generation=2) if time > removed]
    assert len(back) == 2
    assert max(back) < removed + 1.1
    assert sorted(members["a"].owned + members["b"].owned) == CLICKS
    assert len(members["a"].owned) == 3


def test_an_eager_rebalance_revokes_everything_before_it_assigns() -> None:
    first, second = Member(), Member(start_s=10)
    group(a=first, b=second).fly(16)
    (t1, *assigned), (t2, *revoked), (t3, *again) = first.calls
    assert assigned == ["assigned", CLICKS]
    assert revoked == ["revoked", CLICKS]
    assert again == ["assigned", first.owned]
    assert 3 < t1 < 3.1, "the initial rebalance delay of one member alone"
    assert 10 < t2 < t3 < t2 + 0.1 < 13.2
    ((_, *only),) = second.calls
    assert only == ["assigned", second.owned]
    assert len(first.owned) == len(second.owned) == 3


def test_a_crash_delivers_exactly_what_was_polled_but_not_committed_again() -> None:
    """Five polls of 50, three of them committed; 300 records in all."""
    lives: list[list[int]] = []

    def behaviour(app: App) -> Generator[Event, Any, Any]:
        offsets: list[int] = []
        lives.append(offsets)
        if len(lives) == 1:
            yield from fill(app, 300)
        consumer = app.consumer("g", [P.topic], auto_offset_reset="earliest", enable_auto_commit=False, **QUICK)
        while len(lives) > 1 or len(offsets) < 250:
            offsets += yield from read(consumer, 50, max_records=50)
            if len(offsets) <= 150:
                yield from consumer.commit()
        yield app.busy(60_000)

    story = Story(1, {"app": behaviour})
    story.at(8, lambda: story.cluster.apps["app"].stop())
    story.at(9, lambda: story.cluster.apps["app"].start())
    story.fly(20)
    assert lives == [list(range(250)), list(range(150, 300))]
    (removed,) = story.when(MemberRemoved)
    assert 13 <= removed <= 14


@pytest.mark.parametrize("interval_ms", [500, 2000])
def test_the_auto_commit_interval_bounds_what_comes_twice(interval_ms: int) -> None:
    """A record every 10 ms; killed and started again."""
    got: list[int] = []

    def behaviour(app: App) -> Generator[Event, Any, Any]:
        config = {"auto_offset_reset": "earliest", "auto_commit_interval_ms": interval_ms, **QUICK}
        consumer = app.consumer("g", [P.topic], **config)
        while True:
            got.extend((yield from read(consumer, 1)))

    source = Source(10, 14)
    story = Story(1, {"source": source, "app": behaviour})
    story.at(KILL_S, lambda: story.cluster.apps["app"].stop())
    story.at(KILL_S + 1, lambda: story.cluster.apps["app"].start())
    story.fly(24)
    copies = Counter(got)
    assert sorted(copies) == list(range(len(source.deliveries)))
    twice = sorted(number for number, count in copies.items() if count == 2)
    assert twice == list(range(twice[0], twice[-1] + 1)) == sorted((copies - Counter(set(got))).elements())
    assert 1 <= len(twice) <= interval_ms / 10 + 2


def test_a_handler_slower_than_max_poll_interval_is_evicted_and_cannot_commit() -> None:
    """It is the only member: its late commit must not pass for one of a consumer without a group."""
    times: list[float] = []

    def behaviour(app: App) -> Generator[Event, Any, Any]:
        yield from fill(app, 10)
        consumer = app.consumer(
            "g", [P.topic], auto_offset_reset="earliest", enable_auto_commit=False, max_poll_interval_ms=5000
        )
        assert (yield from read(consumer, 10)) == list(range(10))
        times.append(seconds(app.now))
        yield app.busy(9000)
        with pytest.raises(CommitFailedError):
            yield from consumer.commit()
        assert (yield from consumer.committed([P])) == {}
        assert (yield from read(consumer, 10)) == list(range(10))
        yield from consumer.commit()
        assert (yield from consumer.committed([P])) == {P: 10}
        yield from consumer.close()

    story = fly(behaviour, 20)
    evicted, _ = story.when(MemberRemoved, reason="left")
    assert times[0] + 5 <= evicted < times[0] + 5.2


def test_positions_are_moved_by_poll_and_seek_stored_by_commit_and_kept_with_the_data_by_pause() -> None:
    def behaviour(app: App) -> Generator[Event, Any, Any]:
        yield from fill(app, 100)
        consumer = app.consumer("g", [P.topic], auto_offset_reset="earliest", enable_auto_commit=False)
        assert (yield from read(consumer, 10, max_records=10)) == list(range(10))
        assert consumer.position(P) == 10
        assert (yield from consumer.committed([P])) == {}
        yield from consumer.commit()
        assert (yield from read(consumer, 10, max_records=10)) == list(range(10, 20))
        assert consumer.position(P) == 20
        assert (yield from consumer.committed([P])) == {P: 10}
        consumer.pause([P])
        resumed = app.now + 3 * SECOND
        for _ in range(3):
            assert (yield from consumer.poll(1000)) == []
        assert (consumer.assignment(), consumer.position(P)) == ([P], 20)
        consumer.resume([P])
        assert (yield from read(consumer, 80)) == list(range(20, 100))
        assert app.now == resumed, "from the buffer, without a fetch"
        consumer.seek(P, 3)
        assert (yield from read(consumer, 97)) == list(range(3, 100))
        yield from consumer.commit({P: 95})
        assert (yield from consumer.committed([P])) == {P: 95}
        assert (consumer.position(P), consumer.high_watermark(P)) == (100, 100)
        yield from consumer.close()

    fly(behaviour, 8)


@pytest.mark.parametrize(("policy", "first"), [("earliest", 0), ("latest", 100), ("none", None)])
def test_auto_offset_reset_decides_only_where_nothing_is_committed(policy: str, first: int | None) -> None:
    def behaviour(app: App) -> Generator[Event, Any, Any]:
        yield from fill(app, 100)
        fresh = app.consumer("fresh", [P.topic], auto_offset_reset=policy)
        if first is None:
            with pytest.raises(NoOffsetForPartitionError):
                yield from fresh.poll(5000)
        else:
            while fresh.assignment() == [] or fresh.position(P) is None:
                yield from fresh.poll(0)
            assert (yield from read(fresh, 100 - first)) == list(range(first, 100))
            yield from fill(app, 1)
            assert (yield from read(fresh, 1)) == [100]
        by_hand = app.consumer("other", auto_offset_reset=policy, enable_auto_commit=False)
        by_hand.assign([P])
        yield from by_hand.commit({P: 42})
        assert (yield from read(by_hand, 58))[:58] == list(range(42, 100))

    fly(behaviour, 8)


def test_fetch_min_bytes_waits_for_more_but_not_longer_than_fetch_max_wait_ms() -> None:
    waits: list[int] = []

    def behaviour(app: App) -> Generator[Event, Any, Any]:
        consumer = app.consumer(fetch_min_bytes=10_000, fetch_max_wait_ms=2000, auto_offset_reset="earliest")
        consumer.assign([P])
        producer = app.producer(linger_ms=0)
        for size_bytes in (10, 10, 12_000, 10):
            yield from producer.send(P.topic, value=bytes(size_bytes))
            yield from producer.flush()
            sent = app.now
            yield from read(consumer, 1)
            waits.append(app.now - sent)

    fly(behaviour, 9)
    assert 2000 * MILLISECOND <= waits[0] < 2010 * MILLISECOND
    assert all(1990 * MILLISECOND <= waits[index] < 2001 * MILLISECOND for index in (1, 3))
    assert waits[2] < 10 * MILLISECOND


def test_max_poll_records_cuts_what_was_fetched_into_slices_in_order() -> None:
    def behaviour(app: App) -> Generator[Event, Any, Any]:
        yield from fill(app, 1000, batch_size=2000)
        consumer = app.consumer(max_poll_records=70, auto_offset_reset="earliest")
        consumer.assign([P])
        for first in range(0, 1000, 70):
            records = yield from consumer.poll(1000)
            numbers = list(range(first, min(first + 70, 1000)))
            assert [record.offset for record in records] == [int(record.value or b"") for record in records] == numbers

    fly(behaviour, 3)


def test_an_idle_consumer_costs_only_its_long_polls_and_heartbeats() -> None:
    """In 10 s: 20 long polls of 500 ms, 3 or 4 heartbeats, 2 polls that come back empty."""

    def behaviour(app: App) -> Generator[Event, Any, Any]:
        consumer = app.consumer("g", [P.topic], enable_auto_commit=False)
        while True:
            yield from consumer.poll(5000)

    booked = []
    for apps in ({}, {"app": behaviour}):
        story = Story(1, apps)
        story.fly(5)
        before = story.machine.clock.events_booked()
        story.machine.clock.run(until=15 * SECOND)
        booked.append(story.machine.clock.events_booked() - before)
    assert 20 * 4 < booked[1] - booked[0] < (20 + 4 + 2) * 6, booked
