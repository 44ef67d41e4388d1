"""Fetch sessions, and what a consumer does when leaders hang, move or lose records."""

from collections.abc import Generator
from itertools import pairwise
from typing import Any

import pytest
from simpy import Event

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.client.app import App
from sim.actors.consumer.consumer import Consumer, LogTruncationError
from sim.rules.facts.journal import LeaderElected, PositionReset
from sim.rules.protocol.messages import FetchRequest
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Source, Story, seconds

Steps = Generator[Event, Any, Any]
ONE_BROKER: dict[str, Any] = {"brokers": 1, "topic_config": {"min.insync.replicas": 1}}


def overhear_fetches(story: Story, broker_id: int) -> list[tuple[float, FetchRequest]]:
    """The fetches of consumers that a broker is handed from now on."""
    found: list[tuple[float, FetchRequest]] = []
    broker = story.broker(broker_id)
    handle = broker.handle

    def heard(request: ServerRequest) -> None:
        if isinstance(request.body, FetchRequest) and request.body.replica_id < 0:
            found.append((story.now_s, request.body))
        handle(request)

    broker.handle = heard  # type: ignore[method-assign]
    return found


class Reader:
    """Reads a partition without a group, from the beginning, and keeps when it got which number."""

    def __init__(self, **config: object) -> None:
        self.config: dict[str, Any] = {"auto_offset_reset": "earliest", **config}
        self.got: list[tuple[float, int]] = []
        self.consumer: Consumer | None = None

    def __call__(self, app: App) -> Steps:
        self.consumer = app.consumer(**self.config)
        self.consumer.assign([P])
        while True:
            records = yield from self.consumer.poll(200)
            self.got += [(seconds(app.now), int(record.value or b"")) for record in records]

    @property
    def numbers(self) -> list[int]:
        return [number for _, number in self.got]

    def silence(self) -> tuple[float, float]:
        """When the longest time without a record began, and when it ended."""
        return max(pairwise(time for time, _ in self.got), key=lambda pair: pair[1] - pair[0])


def test_a_session_is_told_only_what_changes() -> None:
    """Three partitions with data one after the other: a full fetch, then only the partition that has moved on."""
    names = [TopicPartition("wide", number) for number in range(3)]

    def write(app: App) -> Steps:
        producer = app.producer(acks="1")
        yield app.busy(ms=1000)
        for name in names:
            yield from producer.send(name.topic, b"x", partition=name.partition)
            yield app.busy(ms=100)
        yield app.busy(ms=60_000)

    def read(app: App) -> Steps:
        consumer = app.consumer(auto_offset_reset="earliest")
        consumer.assign(names)
        while True:
            yield from consumer.poll()

    story = Story(**ONE_BROKER, more_topics=[Topic("wide", 3, 1)])
    fetches = overhear_fetches(story, 1)
    for name, behaviour in (("writer", write), ("reader", read)):
        story.cluster.app(name, behaviour, {}).start()
    story.fly(3)
    bodies = [body for _, body in fetches]
    assert [body.session_epoch for body in bodies] == list(range(len(bodies)))
    assert {body.session_id for body in bodies[1:]} != {0}
    assert list(bodies[0].partitions) == names
    listed = [list(body.partitions) for body in bodies[1:] if body.partitions]
    assert listed == [[name] for name in names]
    assert all(partition.fetch_offset == 1 for body in bodies[1:] for partition in body.partitions.values())
    assert [body.forgotten for body in bodies] == [[]] * len(bodies)


def test_a_paused_partition_is_forgotten_by_the_session_and_told_again_when_resumed() -> None:
    names = [TopicPartition("wide", 0), TopicPartition("wide", 1)]

    def read(app: App) -> Steps:
        consumer = app.consumer(auto_offset_reset="earliest")
        consumer.assign(names)
        yield from consumer.poll(1100)
        consumer.pause(names[:1])
        yield from consumer.poll(1000)
        consumer.resume(names[:1])
        yield from consumer.poll(1000)

    story = Story(**ONE_BROKER, more_topics=[Topic("wide", 2, 1)])
    fetches = overhear_fetches(story, 1)
    story.cluster.app("reader", read, {}).start()
    story.fly(4)
    news = [(list(body.partitions), list(body.forgotten)) for _, body in fetches if body.partitions or body.forgotten]
    assert news == [(names, []), ([], names[:1]), (names[:1], [])]


def test_one_fetch_is_under_way_per_broker_and_a_full_buffer_sends_none() -> None:
    """While the application works on what one fetch brought, nothing more is fetched: 50 polls, one fetch.

    Not even of a partition of the same broker of which nothing is buffered.
    """
    sizes: list[int] = []

    def read(app: App) -> Steps:
        yield app.busy(ms=3000)
        consumer = app.consumer(auto_offset_reset="earliest", max_poll_records=10)
        consumer.assign([P, TopicPartition("wide", 0)])
        while len(sizes) < 50:
            sizes.append(len((yield from consumer.poll())))
            yield app.busy(ms=20)

    source = Source(every_ms=1, until_s=0.8, linger_ms=100)
    story = Story(**ONE_BROKER, apps={"source": source}, more_topics=[Topic("wide", 1, 1)])
    story.fly(2)
    fetches = overhear_fetches(story, 1)
    story.cluster.app("reader", read, {}).start()
    story.fly(7)
    assert sizes == [10] * 50
    assert len(fetches) == 1


def test_a_consumer_stays_with_a_hung_leader_until_it_is_back() -> None:
    """Recorded with a hang of 14 s: a silence of 14.03 to 14.3 s, though there is a new leader after 7.5 to 9.1 s."""
    source, reader = Source(every_ms=20, until_s=20), Reader()
    story = Story(apps={"source": source, "reader": reader})
    story.at(3.0, story.broker(story.first_leader).pause)
    story.at(17.0, story.broker(story.first_leader).resume)
    story.fly(22)
    began, ended = reader.silence()
    assert began == pytest.approx(3.0, abs=0.03)
    assert 14.0 < ended - began < 14.3
    assert reader.numbers == sorted(source.acknowledged)


def test_a_consumer_leaves_a_hung_leader_after_request_timeout_ms() -> None:
    source, reader = Source(every_ms=20, until_s=20, request_timeout_ms=5000), Reader(request_timeout_ms=6000)
    story = Story(apps={"source": source, "reader": reader})
    story.at(3.0, story.broker(story.first_leader).pause)
    story.fly(30)
    began, ended = reader.silence()
    elected = story.when(LeaderElected, partition=P, after_s=3)[0]
    assert elected < 13.2
    assert 12.0 < ended - began < 12.7, "two requests time out after 6 s each: the fetch, then the API versions"
    assert reader.numbers == sorted(source.acknowledged)


def test_a_crashed_leader_costs_the_time_until_the_election_and_a_metadata_backoff() -> None:
    """Recorded: consumers go on 0.18 to 0.9 s after the new leader is elected."""
    source, reader = Source(every_ms=20, until_s=18), Reader()
    story = Story(apps={"source": source, "reader": reader})
    story.at(3.0, story.broker(story.first_leader).stop)
    story.fly(20)
    elected = story.when(LeaderElected, partition=P, after_s=3)[0]
    began, ended = reader.silence()
    assert began == pytest.approx(3.0, abs=0.03)
    assert 0.0 < ended - elected < 1.3
    assert reader.numbers == sorted(source.acknowledged)


def test_a_leader_that_moves_is_followed_at_once() -> None:
    """The preferred-leader task moves leadership 30 s after the start; the old leader tells who the new one is."""
    source, reader = Source(every_ms=20, until_s=31), Reader()
    story = Story(
        apps={"source": source, "reader": reader}, broker_config={"leader.imbalance.check.interval.seconds": 30}
    )
    first = story.broker(story.first_leader)
    story.at(1.0, first.stop)
    story.at(8.0, first.start)
    story.fly(33)
    returned = story.when(LeaderElected, partition=P, leader=story.first_leader, after_s=21)
    assert len(returned) == 1
    late = [time for time, _ in reader.got if time > 25]
    assert max(b - a for a, b in pairwise(late)) < 0.7
    assert reader.numbers == sorted(source.acknowledged)


@pytest.mark.parametrize("policy", ["earliest", "none"])
def test_after_an_unclean_election_reading_goes_on_where_the_logs_part(policy: str) -> None:
    """The last replica in sync dies; one that has less is elected. The position goes back to the end of what is
    common, even with auto.offset.reset=earliest, and with none poll() tells of the truncation.
    """
    told: list[str] = []
    reader = Reader(auto_offset_reset="earliest")

    def read(app: App) -> Steps:
        consumer = reader.consumer = app.consumer(auto_offset_reset=policy)
        consumer.assign([P])
        consumer.seek(P, 0)
        while True:
            try:
                records = yield from consumer.poll(200)
            except LogTruncationError as error:
                told.append(str(error))
                return
            reader.got += [(seconds(app.now), int(record.value or b"")) for record in records]

    source = Source(every_ms=20, until_s=19.0, acks="1")
    config = {"min.insync.replicas": 1, "unclean.leader.election.enable": True}
    story = Story(apps={"source": source, "reader": read}, topic_config=config)
    for broker_id in story.followers:
        story.at(3.0, story.broker(broker_id).stop)
    story.at(20.0, story.broker(story.first_leader).stop)
    story.fly(21)
    read_before = len(reader.numbers)
    kept = story.broker(story.followers[0]).storage[P].log_end_offset
    story.at(22.0, story.broker(story.followers[0]).start)
    more = Source(every_ms=20, until_s=45.0, first=100_000, acks="1")
    story.cluster.app("more", more, {}).start()
    story.fly(60)
    assert read_before == len(source.acknowledged) > kept + 400
    if policy == "none":
        assert len(told) == 1
        assert f"the log now ends at {kept}" in told[0]
    else:
        assert [fact.offset for fact in story.these(PositionReset)] == [kept]
        assert reader.numbers[read_before:] == sorted(more.acknowledged)


def test_a_broker_that_has_forgotten_the_session_gets_a_new_one_at_once() -> None:
    source, reader = Source(every_ms=20, until_s=4), Reader()
    story = Story(**ONE_BROKER, apps={"source": source, "reader": reader})
    fetches = overhear_fetches(story, 1)
    story.fly(2)
    story.broker(1).fetches._sessions.clear()
    story.fly(5)
    assert reader.numbers == sorted(source.acknowledged)
    assert [body.session_epoch for _, body in fetches].count(0) == 2
    began, ended = reader.silence()
    assert ended - began < 0.6
    assert story.broker(1).fetches.session_count() == 1


def test_errors_of_one_partition_do_not_hold_the_others_up() -> None:
    """A partition whose leader is down rests and is asked for again; the others are read on."""
    names = [TopicPartition("solo", number) for number in range(3)]
    got: dict[int, list[float]] = {0: [], 1: [], 2: []}

    def write(app: App) -> Steps:
        producer = app.producer(acks="1", linger_ms=0, delivery_timeout_ms=1000, request_timeout_ms=1000)
        while app.now < 10e9:
            for name in names:
                yield from producer.send(name.topic, b"x", partition=name.partition)
            yield app.busy(ms=50)

    def read(app: App) -> Steps:
        consumer = app.consumer(auto_offset_reset="earliest")
        consumer.assign(names)
        while True:
            for record in (yield from consumer.poll()):
                got[record.partition].append(seconds(app.now))

    story = Story(apps={"writer": write, "reader": read}, more_topics=[Topic("solo", 3, 1)])
    down = story.cluster.controller.image.leader(names[0])
    story.at(3.0, story.broker(down).stop)
    story.fly(11)
    for name in names:
        lives = story.cluster.controller.image.leader(name) not in (down, -1)
        assert (got[name.partition][-1] > 9.9) is lives
        if lives:
            assert max(b - a for a, b in pairwise(got[name.partition])) < 0.2
