"""What poll() returns: order, limits, long polls, seek, pause, where it begins, and what an idle consumer costs."""

from collections.abc import Callable, Generator
from itertools import count, pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from simpy import Event

from sim.actors.client.app import App
from sim.actors.consumer.consumer import ClientClosedError, Consumer, NoOffsetForPartitionError
from sim.rules.errors import OffsetOutOfRangeError
from sim.rules.facts.journal import PositionReset
from sim.rules.protocol.group import HeartbeatRequest
from sim.rules.protocol.messages import FetchRequest, MetadataRequest
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Story, seconds

Steps = Generator[Event, Any, Any]
Behaviour = Callable[[App], Steps]
WIDE = Topic("wide", 4, 3)


def writer(batches: dict[TopicPartition, list[int]], at_ms: float = 100, every_ms: float = 0) -> Behaviour:
    """Writes numbered records in batches of given sizes, then rests."""

    def run(app: App) -> Steps:
        producer = app.producer(linger_ms=1000)
        yield app.busy(ms=at_ms)
        for name, sizes in batches.items():
            numbers = count()
            for size in sizes:
                for _ in range(size):
                    number = b"%d" % next(numbers)
                    yield from producer.send(name.topic, number, partition=name.partition)
                yield from producer.flush()
                if every_ms:
                    yield app.busy(ms=every_ms)
        yield app.busy(ms=1e9)

    return run


def fly(behaviour: Behaviour, batches: dict[TopicPartition, list[int]] | None = None, until_s: float = 4.0) -> Story:
    """Fly a writer and an application that reads, in a cluster with one partition and one topic of four."""
    story = Story(apps={"writer": writer(batches or {P: [10] * 10})}, more_topics=[WIDE])
    app = story.cluster.app("reader", behaviour, {})
    app.start()
    story.fly(until_s)
    assert app.finished, "the reader came to its end"
    return story


def assigned(app: App, *partitions: TopicPartition, **config: Any) -> Consumer:
    """A consumer without a group, reading from the beginning."""
    consumer = app.consumer(**{"auto_offset_reset": "earliest", **config})
    consumer.assign(partitions)
    return consumer


@settings(max_examples=25, deadline=None)
@given(
    st.lists(st.integers(1, 40), min_size=1, max_size=12),
    st.lists(st.integers(1, 40), min_size=1, max_size=12),
    st.integers(1, 60),
    st.sampled_from([100, 2000, 1_048_576]),
)
def test_slices_of_max_poll_records_are_complete_and_in_order(
    one: list[int], other: list[int], limit: int, max_bytes: int
) -> None:
    """Whatever the batches, polls return each record once, in order per partition, never more than the limit."""
    names = (TopicPartition("wide", 0), TopicPartition("wide", 1))
    got: dict[int, list[int]] = {0: [], 1: []}
    sizes: list[int] = []

    def read(app: App) -> Steps:
        consumer = assigned(app, *names, max_poll_records=limit, max_partition_fetch_bytes=max_bytes)
        yield app.busy(ms=500)
        while sum(map(len, got.values())) < sum(one) + sum(other):
            records = yield from consumer.poll(100)
            sizes.append(len(records))
            for record in records:
                assert consumer.position(TopicPartition("wide", record.partition)) is not None
                got[record.partition].append(record.offset)
                assert record.value == b"%d" % record.offset

    fly(read, {names[0]: one, names[1]: other}, until_s=10.0)
    assert got == {0: list(range(sum(one))), 1: list(range(sum(other)))}
    assert max(sizes) <= limit


def test_a_long_poll_returns_what_comes_as_soon_as_it_comes() -> None:
    """A record each 300 ms, each delivered within 5 ms; the first has to wait for the producer's id."""
    got: list[tuple[float, float]] = []

    def read(app: App) -> Steps:
        consumer = assigned(app, P)
        while len(got) < 9:
            for record in (yield from consumer.poll()):
                got.append((seconds(app.now), record.timestamp_ms / 1000))

    story = Story(apps={"writer": writer({P: [1] * 9}, every_ms=300), "reader": read})
    story.fly(5)
    assert len(got) == 9
    assert all(0 < delivered - sent < 0.005 for delivered, sent in got[1:])


def test_fetch_min_bytes_waits_for_enough_or_for_fetch_max_wait_ms() -> None:
    """Ten records of about 70 bytes a second: 10,000 bytes are never there, so each fetch takes its full wait."""
    polls: list[tuple[float, int]] = []

    def read(app: App) -> Steps:
        consumer = assigned(app, P, fetch_min_bytes=10_000, fetch_max_wait_ms=700)
        while app.now < 5e9:
            records = yield from consumer.poll()
            if records:
                polls.append((seconds(app.now), len(records)))

    story = Story(apps={"writer": writer({P: [1] * 40}, every_ms=100), "reader": read})
    story.fly(6)
    waits = [later[0] - earlier[0] for earlier, later in pairwise(polls)]
    assert all(wait == pytest.approx(0.7, abs=0.01) for wait in waits)
    assert {number for _, number in polls[1:-1]} <= {6, 7}


def test_fetch_min_bytes_is_enough_as_soon_as_it_is_there() -> None:
    """700 bytes are there with the tenth record of 70: polls come each second, long before fetch.max.wait.ms."""
    polls: list[tuple[float, int]] = []

    def read(app: App) -> Steps:
        consumer = assigned(app, P, fetch_min_bytes=685, fetch_max_wait_ms=10_000)
        while len(polls) < 4:
            records = yield from consumer.poll(20_000)
            polls.append((seconds(app.now), len(records)))

    story = Story(apps={"writer": writer({P: [1] * 50}, every_ms=100), "reader": read})
    story.fly(7)
    assert [number for _, number in polls[1:]] == [10, 10, 10]


def test_seek_reads_again_and_ahead_and_drops_what_is_buffered() -> None:
    got: list[int] = []

    def read(app: App) -> Steps:
        consumer = assigned(app, P, max_poll_records=5)
        yield app.busy(ms=500)
        for target in (None, 50, 3, 98):
            if target is not None:
                consumer.seek(P, target)
            records: list[Any] = []
            while not records:
                records = yield from consumer.poll()
            got.extend(record.offset for record in records)
            assert consumer.position(P) == records[-1].offset + 1

    fly(read)
    assert got == [*range(5), *range(50, 55), *range(3, 8), 98, 99]


def test_a_paused_partition_keeps_its_buffered_records_and_blocks_no_other() -> None:
    """All 80 records of both partitions come in one fetch; paused, half of them wait in the buffer."""
    names = (TopicPartition("wide", 0), TopicPartition("wide", 1))
    seen: list[tuple[int, int]] = []
    fetches: list[int] = []

    def read(app: App) -> Steps:
        consumer = assigned(app, *names, max_poll_records=10)
        yield app.busy(ms=500)
        first = yield from consumer.poll()
        paused = TopicPartition("wide", first[0].partition)
        consumer.pause([paused])
        seen.extend((record.partition, record.offset) for record in first)
        for _ in range(6):
            seen.extend((record.partition, record.offset) for record in (yield from consumer.poll(200)))
        assert consumer.position(paused) == 10
        before = len(fetches)
        consumer.resume([paused])
        at_once = yield from consumer.poll(0)
        assert (len(at_once), len(fetches)) == (10, before), "from the buffer"
        seen.extend((record.partition, record.offset) for record in at_once)
        while len(seen) < 80:
            seen.extend((record.partition, record.offset) for record in (yield from consumer.poll(200)))

    story = Story(
        brokers=1,
        topic_config={"min.insync.replicas": 1},
        apps={"writer": writer({name: [20, 20] for name in names})},
        more_topics=[Topic("wide", 4, 1)],
    )
    story.overhear(story.broker(1), FetchRequest, fetches)
    reader = story.cluster.app("reader", read, {})
    reader.start()
    story.fly(4)
    assert reader.finished
    paused = seen[0][0]
    assert seen[:10] == [(paused, offset) for offset in range(10)]
    assert seen[10:50] == [(1 - paused, offset) for offset in range(40)]
    assert seen[50:] == [(paused, offset) for offset in range(10, 40)]


@pytest.mark.parametrize(("policy", "expected"), [("earliest", 0), ("latest", 100)])
def test_without_a_committed_offset_the_policy_decides(policy: str, expected: int) -> None:
    positions: list[int | None] = []

    def read(app: App) -> Steps:
        yield app.busy(ms=1000)
        for group_id in ("", "readers"):
            consumer = app.consumer(group_id, auto_offset_reset=policy, max_poll_records=1)
            consumer.assign([P])
            assert consumer.position(P) is None
            records = yield from consumer.poll(300)
            positions.append(consumer.position(P))
            assert [record.offset for record in records] == [0] * (expected == 0)

    story = fly(read)
    at = expected + (expected == 0)
    assert positions == [at, at]
    assert [fact.offset for fact in story.these(PositionReset)] == [expected] * 2


def test_with_policy_none_poll_tells_that_there_is_no_offset() -> None:
    def read(app: App) -> Steps:
        yield app.busy(ms=1000)
        consumer = app.consumer("readers", auto_offset_reset="none")
        consumer.assign([P])
        with pytest.raises(NoOffsetForPartitionError, match="no offset for payments-0"):
            yield from consumer.poll()
        consumer.seek(P, 42)
        assert (yield from consumer.poll())[0].offset == 42
        yield from consumer.commit()
        again = app.consumer("readers", auto_offset_reset="none")
        again.assign([P])
        consumer.seek(P, 99)
        assert (yield from consumer.poll())[0].offset == 99
        assert (yield from again.poll(300)) == []
        assert again.position(P) == 100

    story = fly(read)
    assert story.these(PositionReset) == []


@pytest.mark.parametrize("policy", ["earliest", "latest", "none"])
def test_a_position_out_of_range_is_reset_or_told(policy: str) -> None:
    got: list[int] = []

    def read(app: App) -> Steps:
        yield app.busy(ms=1000)
        consumer = app.consumer(auto_offset_reset=policy)
        consumer.assign([P])
        consumer.seek(P, 1_000_000)
        if policy == "none":
            with pytest.raises(OffsetOutOfRangeError, match="position 1000000 of payments-0"):
                yield from consumer.poll()
            assert consumer.position(P) == 1_000_000
        else:
            got.extend(record.offset for record in (yield from consumer.poll(300)))

    story = fly(read)
    resets = [fact.offset for fact in story.these(PositionReset)]
    assert (resets, got[:1]) == {"earliest": ([0], [0]), "latest": ([100], []), "none": ([], [])}[policy]


def test_an_idle_consumer_costs_its_long_polls_and_heartbeats_and_nothing_else() -> None:
    """A minute without records: two fetches a second, a heartbeat each 3 s, and some seven events for each fetch."""

    def read(app: App) -> Steps:
        consumer = app.consumer("readers", ["payments"])
        while True:
            yield from consumer.poll()

    story = Story()
    times: dict[type, list[int]] = {FetchRequest: [], HeartbeatRequest: [], MetadataRequest: []}

    def events(until_s: float) -> int:
        before = next(story.machine.clock._eid)
        story.fly(until_s)
        return next(story.machine.clock._eid) - before

    without = events(60) / 60
    app = story.cluster.app("reader", read, {})
    app.start()
    story.fly(70)
    for broker in story.cluster.brokers.values():
        for kind, found in times.items():
            story.overhear(broker, kind, found)
    followers = 60 * 2 * 6
    with_consumer = events(130) / 60
    assert len(times[HeartbeatRequest]) == 20
    assert len(times[FetchRequest]) - followers in range(115, 125)
    assert times[MetadataRequest] == []
    assert with_consumer - without < 2 * 7 + 4


def test_polls_that_may_not_wait_let_time_pass() -> None:
    """A loop around poll(0) is a mistake, but not one that stops the clock: each empty poll takes 50 us."""
    polls = 0

    def read(app: App) -> Steps:
        nonlocal polls
        consumer = assigned(app, TopicPartition("wide", 3))
        while app.now < 1e9:
            assert (yield from consumer.poll(0)) == []
            polls += 1

    fly(read)
    assert polls == pytest.approx(20_000, rel=0.01)


def test_poll_keeps_its_time_when_it_is_woken_for_nothing() -> None:
    """Two fetches return empty during one poll of 1.2 s; it still ends after 1.2 s."""
    took: list[float] = []

    def read(app: App) -> Steps:
        consumer = assigned(app, TopicPartition("wide", 3))
        for timeout_ms in (1200, 1200, 700, 1200):
            began = app.now
            yield from consumer.poll(timeout_ms)
            took.append(seconds(app.now - began))

    fly(read, until_s=5.0)
    assert took == pytest.approx([1.2, 1.2, 0.7, 1.2])


def test_a_consumer_without_a_group_cannot_subscribe_or_commit_and_a_closed_one_not_poll() -> None:
    def read(app: App) -> Steps:
        with pytest.raises(ValueError, match=r"no group\.id"):
            app.consumer(topics=["payments"])
        consumer = assigned(app, P)
        yield from consumer.poll()
        with pytest.raises(ValueError, match=r"no group\.id"):
            yield from consumer.commit()
        with pytest.raises(ValueError, match="does not own wide-0"):
            consumer.seek(TopicPartition("wide", 0), 1)
        yield from consumer.close()
        with pytest.raises(ClientClosedError):
            yield from consumer.poll()

    story = fly(read)
    assert story.when(PositionReset, offset=0)
