"""What a producer does not do: more requests than allowed, more memory than it has, waiting for ever."""

from collections.abc import Generator
from typing import Any

import pytest
from simpy import Environment, Event

from sim.actors.client.app import App
from sim.actors.producer.buffer_pool import BufferPool
from sim.actors.producer.delivery import Delivery, DeliveryError
from sim.actors.producer.producer import ClientClosedError, Producer, RecordTooLargeError, SendTimeoutError
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchFailed, BatchRetried, ProducerRecords
from tests.actors.flights import Story, seconds

Steps = Generator[Event, Any, Any]


def hang(story: Story, at_s: float, for_s: float | None = None) -> None:
    """Let the leader hang, for good or for a while."""
    broker = story.broker(story.first_leader)
    story.at(at_s, broker.pause)
    if for_s is not None:
        story.at(at_s + for_s, broker.resume)


def send_evenly(producer: Producer, app: App, count: int, every_ms: float, size_bytes: int = 10) -> Steps:
    """Send so many records and return their deliveries."""
    deliveries: list[Delivery] = []
    for _ in range(count):
        deliveries.append((yield from producer.send("payments", value=bytes(size_bytes), partition=0)))
        yield app.busy(ms=every_ms)
    return deliveries


@pytest.mark.parametrize(("limit", "idempotent"), [(5, True), (5, False), (1, False), (7, False)])
def test_so_many_requests_are_in_flight_and_not_one_more(limit: int, idempotent: bool) -> None:
    """The leader hangs: of 100 batches of one record the first `limit` leave, the rest waits for an answer."""
    left: list[int] = []

    def run(app: App) -> Steps:
        producer = app.producer(linger_ms=0, max_in_flight_requests_per_connection=limit, enable_idempotence=idempotent)
        yield app.busy(ms=1000)
        yield from send_evenly(producer, app, 1, 10)
        yield app.busy(ms=990)
        yield from send_evenly(producer, app, 100, 10)

    story = Story()
    story.machine.facts.listen(ProducerRecords, lambda time, _: left.append(time))
    story.cluster.app("source", run, {}).start()
    hang(story, 1.5)
    story.fly(6)
    assert len(left) == 1 + limit
    expected = [2 + 0.01 * index for index in range(limit)]
    assert [seconds(time) for time in left[1:]] == pytest.approx(expected, abs=0.005)


def test_an_unknown_topic_blocks_send_for_max_block_ms() -> None:
    waited: list[float] = []

    def run(app: App) -> Steps:
        for max_block_ms in (60_000, 1500, 0):
            producer = app.producer(max_block_ms=max_block_ms)
            began = app.now
            with pytest.raises(SendTimeoutError, match=f"topic nowhere is not present .* {max_block_ms} ms"):
                yield from producer.send("nowhere", b"x")
            waited.append(seconds(app.now - began))

    story = Story(apps={"source": run})
    story.fly(70)
    assert waited == [60.0, 1.5, 0.0]


def test_an_unknown_partition_blocks_and_a_negative_one_is_refused() -> None:
    waited: list[float] = []

    def run(app: App) -> Steps:
        producer = app.producer(max_block_ms=2000)
        with pytest.raises(SendTimeoutError, match="partition 7 of topic payments"):
            yield from producer.send("payments", b"x", partition=7)
        waited.append(seconds(app.now))
        with pytest.raises(ValueError, match="not -1"):
            yield from producer.send("payments", b"x", partition=-1)

    Story(apps={"source": run}).fly(3)
    assert waited == [2.0]


def test_a_record_larger_than_max_request_size_or_all_memory_is_refused() -> None:
    def run(app: App) -> Steps:
        small = app.producer(max_request_size=1000)
        yield from small.send("payments", bytes(900))
        with pytest.raises(RecordTooLargeError, match="1087 bytes"):
            yield from small.send("payments", bytes(1001))
        poor = app.producer(buffer_memory=20_000)
        with pytest.raises(RecordTooLargeError, match=r"buffer.memory 20000"):
            yield from poor.send("payments", bytes(20_001))
        poorer = app.producer(buffer_memory=10_000)
        with pytest.raises(RecordTooLargeError, match="its batch 16384"):
            yield from poorer.send("payments", b"x")

    story = Story()
    app = story.cluster.app("source", run, {})
    app.start()
    story.fly(1)
    assert app.finished


def test_buffer_memory_blocks_send_and_is_free_again_after_the_acknowledgement() -> None:
    """Three batches of 16,384 bytes fit into 50,000: while the leader hangs the fourth waits until it is back."""
    times: list[float] = []
    free: list[int] = []

    def run(app: App) -> Steps:
        producer = app.producer(buffer_memory=50_000, linger_ms=0)
        yield app.busy(ms=1000)
        for _ in range(5):
            yield from producer.send("payments", value=bytes(16_000), partition=0)
            times.append(seconds(app.now))
            free.append(producer.free_bytes)
        yield from producer.flush()
        free.append(producer.free_bytes)

    story = Story(apps={"source": run})
    hang(story, 0.5, for_s=4.0)
    story.fly(6)
    assert times[:3] == [1.0, 1.0, 1.0]
    assert all(4.5 < time < 4.6 for time in times[3:])
    assert free[:3] == [50_000 - 16_384 * taken for taken in (1, 2, 3)]
    assert free[-1] == 50_000


def test_memory_that_does_not_come_back_is_given_up_after_max_block_ms() -> None:
    """The wait counts from the call of send(); the other sender in line then takes what has become free."""
    ends: list[tuple[str, float, bool]] = []

    def sender(app: App, producer: Producer, name: str, begin_ms: float) -> Steps:
        yield app.busy(ms=begin_ms)
        try:
            yield from producer.send("payments", value=bytes(16_000), partition=0)
            ends.append((name, seconds(app.now), True))
        except SendTimeoutError:
            ends.append((name, seconds(app.now), False))

    def run(app: App) -> Steps:
        producer = app.producer(buffer_memory=40_000, linger_ms=0, max_block_ms=3000)
        for name, begin_ms in (("a", 1000), ("b", 1000), ("c", 2000), ("d", 3500), ("e", 3600)):
            app.spawn(sender(app, producer, name, begin_ms))
        yield app.busy(ms=10_000)

    story = Story(apps={"source": run})
    hang(story, 0.5, for_s=5.0)
    story.fly(8)
    assert [(name, success) for name, _, success in ends] == [
        ("a", True),
        ("b", True),
        ("c", False),
        ("d", True),
        ("e", True),
    ]
    assert ends[2][1] == 5.0
    assert all(5.5 < time < 5.6 for _, time, _ in ends[3:])


def test_memory_is_given_to_those_who_wait_in_turn() -> None:
    environment = Environment()
    pool = BufferPool(100)
    assert pool.take(60)
    first, second = environment.event(), environment.event()
    pool.wait(80, first)
    pool.wait(30, second)
    assert not pool.take(10), "though 40 bytes are free, others were here before"
    pool.give(30)
    assert (first.triggered, second.triggered, pool.free_bytes) == (False, False, 70)
    pool.give(30)
    assert (first.value, second.triggered, pool.free_bytes) == (True, False, 20)
    pool.give_up(second)
    assert (second.value, pool.exhausted) == (False, False)
    assert pool.take(20)


def test_delivery_timeout_ends_a_record_in_the_queue_to_the_millisecond() -> None:
    """All brokers are gone: whatever is tried meanwhile, 120 s after send() the application is told."""
    told: list[tuple[float, ErrorCode | None]] = []

    def run(app: App) -> Steps:
        producer = app.producer()
        yield app.busy(ms=1000)
        note = lambda delivery: told.append((seconds(app.now), delivery.batch.error))  # noqa: E731
        delivery = yield from producer.send("payments", b"x", on_delivery=note)
        with pytest.raises(DeliveryError, match="REQUEST_TIMED_OUT for payments-0"):
            yield from delivery.get()
        assert producer.free_bytes == producer.config.buffer_memory
        assert not producer.incomplete

    story = Story(apps={"source": run})
    for broker in story.cluster.brokers.values():
        story.at(0.9, broker.stop)
    story.fly(125)
    assert told == [(121.0, ErrorCode.REQUEST_TIMED_OUT)]


def test_delivery_timeout_ends_a_record_in_flight_but_not_its_memory() -> None:
    """A follower hangs, so acks=all is not met: after 5 s the record is given up, in its second attempt, which began
    after 4 s; its memory comes back when that has timed out too.
    """
    seen: list[tuple[bool, int]] = []

    def run(app: App) -> Steps:
        producer = app.producer(delivery_timeout_ms=5000, request_timeout_ms=4000, linger_ms=0)
        yield app.busy(ms=500)
        yield from producer.send("payments", b"x")
        yield app.busy(ms=1000)
        delivery = yield from producer.send("payments", b"y")
        for _ in range(24):
            seen.append((delivery.done, producer.config.buffer_memory - producer.free_bytes))
            yield app.busy(ms=500)

    story = Story(apps={"source": run})
    story.at(1.0, story.broker(story.followers[0]).pause)
    story.fly(14)
    assert [done for done, _ in seen] == [False] * 10 + [True] * 14
    assert [used for _, used in seen] == [16_384] * 17 + [0] * 7


def test_without_retries_the_first_error_is_final() -> None:
    def run(app: App) -> Steps:
        producer = app.producer(retries=0, acks="1", request_timeout_ms=2000, linger_ms=0)
        yield app.busy(ms=500)
        yield from producer.send("payments", b"x")
        yield app.busy(ms=1000)
        yield from producer.send("payments", b"y")
        yield app.busy(ms=5000)

    story = Story(apps={"source": run})
    hang(story, 1.0)
    story.fly(6)
    assert story.these(BatchRetried) == []
    assert story.when(BatchFailed, error=ErrorCode.REQUEST_TIMED_OUT) == pytest.approx([3.5], abs=0.001)


def test_acks_0_is_done_at_once_and_knows_no_offset() -> None:
    """Even a hung leader is told nothing of: the record counts as sent."""
    seen: list[tuple[bool, int, float]] = []

    def run(app: App) -> Steps:
        producer = app.producer(acks="0", linger_ms=0)
        yield app.busy(ms=500)
        for wait_ms in (1000, 1000):
            delivery = yield from producer.send("payments", b"x")
            began = app.now
            offset = (yield from delivery.get()).offset
            seen.append((delivery.done, offset, seconds(app.now - began)))
            yield app.busy(ms=wait_ms)

    story = Story(apps={"source": run})
    hang(story, 1.0)
    story.fly(4)
    assert [(done, offset) for done, offset, _ in seen] == [(True, -1), (True, -1)]
    assert seen[0][2] < 0.01
    assert seen[1][2] == 0.0


def test_flush_waits_for_what_was_sent_and_close_refuses_more() -> None:
    seen: dict[str, float] = {}

    def run(app: App) -> Steps:
        producer = app.producer(linger_ms=10_000)
        yield app.busy(ms=1000)
        delivery = yield from producer.send("payments", b"x")
        yield from producer.flush()
        assert delivery.metadata().offset == 0
        seen["flushed"] = seconds(app.now)
        late = yield from producer.send("payments", b"y")
        yield app.busy(ms=3000)
        assert not late.done
        yield from producer.close()
        assert late.metadata().offset == 1
        seen["closed"] = seconds(app.now)
        with pytest.raises(ClientClosedError):
            yield from producer.send("payments", b"z")
        yield app.busy(ms=5000)

    story = Story()
    app = story.cluster.app("source", run, {})
    app.start()
    story.fly(12)
    assert app.finished
    assert 1.0 < seen["flushed"] < 1.01
    assert 4.0 < seen["closed"] - seen["flushed"] + 1.0 < 4.01


def test_closing_a_producer_wakes_a_send_that_waits_for_memory() -> None:
    ends: list[str] = []

    def blocked(producer: Producer) -> Steps:
        try:
            for _ in range(4):
                yield from producer.send("payments", value=bytes(16_000), partition=0)
        except ClientClosedError:
            ends.append("refused")

    def run(app: App) -> Steps:
        producer = app.producer(buffer_memory=40_000, linger_ms=0)
        yield app.busy(ms=1000)
        app.spawn(blocked(producer))
        yield app.busy(ms=1000)
        yield from producer.close()
        ends.append("closed")
        assert not producer.incomplete

    story = Story(apps={"source": run})
    hang(story, 0.5, for_s=3.0)
    story.fly(6)
    assert sorted(ends) == ["closed", "refused"]
