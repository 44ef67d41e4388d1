"""A producer batches, waits, retries and gives up as it is told: one story for each of its promises."""

import itertools
from collections import Counter
from collections.abc import Callable, Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.producer.delivery import Delivery, DeliveryError
from sim.actors.producer.producer import Producer, SendTimeoutError
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchFailed, BatchRetried, LeaderElected, RecordsAcknowledged
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Source, Story, seconds

Behaviour = Callable[[App], Generator[Event, Any, Any]]
KILL_S = 5.3


def warm(producer: Producer) -> Generator[Event, Any, None]:
    """One record that is acknowledged: from here on the producer has its metadata and connection."""
    delivery = yield from producer.send(P.topic, value=b"-1")
    yield from delivery.get()


def acknowledged(story: Story) -> list[RecordsAcknowledged]:
    """The batches acknowledged after the warming one."""
    batches: list[RecordsAcknowledged] = story.these(RecordsAcknowledged)
    return batches[1:]


def paced(count: int, every_ms: float, size_bytes: int, **config: object) -> Behaviour:
    """An application that sends so many records at an even pace."""

    def behaviour(app: App) -> Generator[Event, Any, Any]:
        producer = app.producer(**config)
        yield from warm(producer)
        for _ in range(count):
            yield from producer.send(P.topic, value=bytes(size_bytes))
            if every_ms:
                yield app.busy(every_ms)
        yield from producer.flush()

    return behaviour


def test_without_linger_each_of_some_sparse_records_is_a_batch() -> None:
    story = Story(1, {"app": paced(40, 10, 100, linger_ms=0)})
    story.fly(2)
    assert [fact.columns.count for fact in acknowledged(story)] == [1] * 40


def test_a_linger_of_5_ms_gathers_the_records_of_5_ms() -> None:
    story = Story(1, {"app": paced(120, 1, 100, linger_ms=5)})
    story.fly(2)
    counts = [fact.columns.count for fact in acknowledged(story)]
    assert sum(counts) == 120
    assert set(counts[:-1]) <= {5, 6}
    assert 20 <= len(counts) <= 24


def test_full_batches_do_not_linger() -> None:
    """Eight records of 107 bytes and 61 of overhead fit into 1000 bytes, a ninth does not."""
    story = Story(1, {"app": paced(75, 1, 100, linger_ms=2000, batch_size=1000)})
    story.fly(6)
    batches = acknowledged(story)
    assert [fact.columns.count for fact in batches] == [8] * 9 + [3]
    facts = [(time, fact) for time, fact in story.facts if isinstance(fact, RecordsAcknowledged)]
    waits = [time - fact.columns.sent_at[0] for time, fact in facts[1:]]
    assert all(8 * MILLISECOND <= wait < 15 * MILLISECOND for wait in waits[:-1])
    assert waits[-1] < 10 * MILLISECOND, "flushed"


def test_an_open_batch_leaves_when_its_linger_is_over() -> None:
    def behaviour(app: App) -> Generator[Event, Any, Any]:
        producer = app.producer(linger_ms=700)
        yield from warm(producer)
        sent = app.now
        delivery = yield from producer.send(P.topic, value=b"0")
        yield from delivery.get()
        waits.append(app.now - sent)

    waits: list[int] = []
    Story(1, {"app": behaviour}).fly(3)
    (wait,) = waits
    assert 700 * MILLISECOND <= wait < 710 * MILLISECOND


@pytest.mark.parametrize("limit", [1, 3, 5])
def test_a_broker_never_owes_more_than_so_many_responses(limit: int) -> None:
    def behaviour(app: App) -> Generator[Event, Any, Any]:
        producer = app.producer(max_in_flight_requests_per_connection=limit, linger_ms=0, batch_size=200)
        yield from warm(producer)
        while app.now < 4 * SECOND:
            yield from producer.send(P.topic, value=bytes(100))
            owed.append(producer._network.in_flight_count(story.first_leader))
            yield app.busy(1)
        yield from producer.flush()

    owed: list[int] = []
    story = Story(1, {"app": behaviour})
    story.at(2, story.broker(story.first_leader).pause)
    story.at(3, story.broker(story.first_leader).resume)
    story.fly(6)
    assert max(owed) == limit
    assert owed.count(limit) >= 990
    assert sum(fact.columns.count for fact in acknowledged(story)) == len(owed)


def test_send_waits_for_memory_and_gives_up_after_max_block_ms() -> None:
    """40,000 bytes are two batches of 16,384."""

    def behaviour(app: App) -> Generator[Event, Any, Any]:
        producer = app.producer(buffer_memory=40_000, max_block_ms=500, linger_ms=0)
        yield from warm(producer)
        yield app.until(2 * SECOND)
        for _ in range(2):
            yield from producer.send(P.topic, value=b"0")
        assert producer.free_bytes == 40_000 - 2 * 16_384
        with pytest.raises(SendTimeoutError):
            yield from producer.send(P.topic, value=bytes(16_000))
        times.append(app.now)
        yield app.until(3 * SECOND - 200 * MILLISECOND)
        yield from producer.send(P.topic, value=bytes(16_000))
        times.append(app.now)
        yield from producer.flush()
        assert producer.free_bytes == 40_000
        times.append(app.now)

    times: list[int] = []
    story = Story(1, {"app": behaviour})
    story.at(1.9, story.broker(story.first_leader).pause)
    story.at(3, story.broker(story.first_leader).resume)
    story.fly(4)
    assert seconds(times[0]) == 2.5
    assert 3 < seconds(times[1]) < 3.02
    assert len(times) == 3
    assert len(acknowledged(story)) == 3


def test_delivery_timeout_fails_a_batch_wherever_it_is() -> None:
    """The leader hangs: one batch is in flight, one waits behind it."""

    def behaviour(app: App) -> Generator[Event, Any, Any]:
        producer = app.producer(
            delivery_timeout_ms=3000, request_timeout_ms=1000, linger_ms=0, max_in_flight_requests_per_connection=1
        )
        yield from warm(producer)
        yield app.until(2 * SECOND)
        for number in range(2):
            deliveries.append((yield from producer.send(P.topic, value=b"%d" % number)))
            yield app.busy(100)
        for delivery in deliveries:
            with pytest.raises(DeliveryError) as raised:
                yield from delivery.get()
            failures.append((seconds(app.now), raised.value.code))
        assert not producer.incomplete
        assert producer.free_bytes == producer.config.buffer_memory

    deliveries: list[Delivery] = []
    failures: list[tuple[float, ErrorCode]] = []
    story = Story(1, {"app": behaviour})
    story.at(1.9, story.broker(story.first_leader).pause)
    story.at(7, story.broker(story.first_leader).resume)
    story.fly(9)
    assert failures == [(5.0, ErrorCode.REQUEST_TIMED_OUT), (5.1, ErrorCode.REQUEST_TIMED_OUT)]
    assert story.when(BatchFailed) == [5.0, 5.1]
    assert [fact.columns.count for fact in story.these(BatchFailed)] == [1, 1]


def test_producer_follows_a_new_leader_without_waiting_for_old_metadata() -> None:
    source = Source(20, 22, acks="all", metadata_max_age_ms=300_000)
    story = Story(1, {"source": source})
    story.at(KILL_S, story.broker(story.first_leader).stop)
    story.fly(24)
    (elected,) = story.when(LeaderElected, KILL_S, partition=P)
    ((_, gap),) = source.gaps()
    assert 0 < KILL_S + gap - elected < 1.2, "metadata is asked for ever more slowly, up to once a second"
    assert source.failed == 0
    assert story.acknowledged_numbers_in_order(story.cluster.controller.image.leader(P), source)
    assert len(source.acknowledged) == len(source.deliveries)


def test_an_old_leader_that_lives_names_the_new_one() -> None:
    """The killed leader comes back and is preferred: the one in between answers NOT_LEADER with a hint."""
    source = Source(20, 40, acks="all", linger_ms=0, metadata_max_age_ms=300_000)
    story = Story(1, {"source": source}, broker_config={"leader.imbalance.check.interval.seconds": 5})
    story.at(KILL_S, story.broker(story.first_leader).stop)
    story.at(KILL_S + 12, story.broker(story.first_leader).start)
    story.fly(42)
    _, back = story.when(LeaderElected, KILL_S, partition=P)
    assert story.cluster.controller.image.leader(P) == story.first_leader
    retried = [time for time in story.when(BatchRetried, error=ErrorCode.NOT_LEADER_OR_FOLLOWER) if time > KILL_S + 12]
    assert retried
    assert back <= min(retried) <= max(retried) < back + 0.1
    times = sorted(seconds(time) for time in source.acknowledged_at.values() if seconds(time) > KILL_S + 12)
    assert max(b - a for a, b in itertools.pairwise(times)) < 0.1
    assert story.acknowledged_numbers_in_order(story.first_leader, source)
    assert len(source.acknowledged) == len(source.deliveries)


def hung(idempotent: bool, seed: int) -> tuple[list[int], Source]:
    """The leader hangs for 1.7 s, the producer's patience is 1 s; returns the leader's log."""
    acks = "all" if idempotent else "1"
    source = Source(
        10, 8, acks=acks, enable_idempotence=idempotent, request_timeout_ms=1000, linger_ms=0, batch_size=300
    )
    story = Story(seed, {"source": source})
    story.at(KILL_S, story.broker(story.first_leader).pause)
    story.at(KILL_S + 1.7, story.broker(story.first_leader).resume)
    story.fly(12)
    assert story.when(LeaderElected) == []
    assert {fact.error for fact in story.these(BatchRetried)} == {ErrorCode.REQUEST_TIMED_OUT}
    assert story.logs_agree()
    return story.numbers(story.first_leader), source


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_without_idempotence_a_hang_duplicates_at_most_what_was_in_flight(seed: int) -> None:
    written, source = hung(False, seed)
    copies = Counter(written)
    assert sorted(copies) == list(range(len(source.deliveries)))
    assert max(copies.values()) == 2
    batches = {source.deliveries[number].batch for number, count in copies.items() if count > 1}
    assert 1 <= len(batches) <= 5


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_with_idempotence_a_hang_duplicates_nothing_and_keeps_the_order(seed: int) -> None:
    written, source = hung(True, seed)
    assert written == list(range(len(source.deliveries)))
    assert source.acknowledged == set(written)


def test_acks_0_goes_on_after_the_leaders_death_once_the_metadata_is_new() -> None:
    source = Source(20, 22, acks="0", enable_idempotence=False)
    story = Story(1, {"source": source})
    story.at(KILL_S, story.broker(story.first_leader).stop)
    story.fly(24)
    (elected,) = story.when(LeaderElected, KILL_S, partition=P)
    leader = story.cluster.controller.image.leader(P)
    assert leader != story.first_leader
    written = set(story.numbers(leader))
    sent_at = {number: seconds(d.batch.created) for number, d in enumerate(source.deliveries)}
    late = {number for number, time in sent_at.items() if time > elected + 0.5}
    assert len(late) > 300
    assert late <= written
    lost = source.acknowledged - written
    assert all(KILL_S - 0.1 < sent_at[number] < KILL_S + 0.1 for number in lost)
    assert {fact.base_offset for fact in story.these(RecordsAcknowledged)} == {-1}


def test_flush_waits_for_everything_sent_before() -> None:
    def behaviour(app: App) -> Generator[Event, Any, Any]:
        producer = app.producer(linger_ms=60_000, delivery_timeout_ms=120_000)
        yield from producer.send(P.topic, value=b"-1")
        yield from producer.flush()
        began = app.now
        deliveries = []
        for number in range(300):
            deliveries.append((yield from producer.send("clicks", value=bytes(100), partition=number % 6)))
        assert not any(delivery.done for delivery in deliveries)
        yield from producer.flush()
        assert not producer.incomplete
        offsets.extend(delivery.metadata()[1:3] for delivery in deliveries)
        took.append(app.now - began)

    offsets: list[tuple[int, int]] = []
    took: list[int] = []
    story = Story(1, {"app": behaviour}, more_topics=[Topic("clicks", 6, 3)])
    story.fly(2)
    assert offsets == [(number % 6, number // 6) for number in range(300)]
    assert took[0] < 100 * MILLISECOND


def test_send_many_numbers_and_counts_each_record_once() -> None:
    def behaviour(app: App) -> Generator[Event, Any, Any]:
        producer = app.producer()
        for _ in range(20):
            yield from producer.send_many("clicks", 100, [app.now + number for number in range(500)])
            yield app.busy(10)
        yield from producer.close()

    story = Story(1, {"app": behaviour}, more_topics=[Topic("clicks", 3, 3)])
    story.fly(2)
    next_number: Counter[TopicPartition] = Counter()
    for fact in story.these(RecordsAcknowledged):
        assert fact.columns.first_number == fact.base_offset == next_number[fact.partition]
        assert len(fact.columns.sent_at) == fact.columns.count
        assert fact.columns.size_bytes <= 16_384
        next_number[fact.partition] += fact.columns.count
    assert next_number.total() == 20 * 500
    assert {name: story.cluster.log(name).log_end_offset for name in next_number} == dict(next_number)
