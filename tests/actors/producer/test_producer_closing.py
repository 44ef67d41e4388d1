"""Closing a producer, with or without patience, and what becomes of those who still wait in send()."""

from collections.abc import Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.client.app import App
from sim.actors.client.client_errors import ClientClosedError, SendTimeoutError
from sim.actors.producer.delivery import Delivery
from sim.actors.producer.producer import Producer
from sim.rules.errors import ErrorCode
from tests.actors.flights import P, Story, seconds
from tests.actors.producer.test_producer_limits import hang

Steps = Generator[Event, Any, Any]


def closing(timeout_ms: int | None, hang_for_s: float | None) -> tuple[float, list[ErrorCode | None]]:
    """One record is in flight to a leader that hangs, one waits: how long close() takes, and what became of them."""
    took: list[float] = []
    deliveries: list[Delivery] = []

    def run(app: App) -> Steps:
        producer = app.producer(linger_ms=0, max_in_flight_requests_per_connection=1)
        yield from (yield from producer.send(P.topic, b"warm", partition=0)).get()
        yield app.until(1_000_000_000)
        for _ in range(2):
            deliveries.append((yield from producer.send(P.topic, b"x", partition=0)))
        began = app.now
        yield from producer.close(timeout_ms)
        took.append(seconds(app.now - began))
        assert all(delivery.done for delivery in deliveries)
        assert not producer.incomplete
        yield app.busy(ms=20_000)

    story = Story(apps={"source": run})
    if hang_for_s is not None:
        hang(story, 0.9, for_s=hang_for_s)
    story.fly(15)
    return took[0], [delivery.batch.error for delivery in deliveries]


def test_close_waits_for_the_answers_but_not_longer_than_its_timeout() -> None:
    took, errors = closing(None, 5.0)
    assert (round(took, 1), errors) == (4.9, [None, None])
    assert closing(2000, 5.0) == (2.0, [ErrorCode.UNKNOWN_SERVER_ERROR] * 2)
    assert closing(0, 5.0) == (0.0, [ErrorCode.UNKNOWN_SERVER_ERROR] * 2)
    took, errors = closing(2000, None)
    assert took < 0.05
    assert errors == [None, None]


def test_a_negative_timeout_is_refused() -> None:
    def run(app: App) -> Steps:
        with pytest.raises(ValueError, match="cannot be negative"):
            yield from app.producer().close(timeout_ms=-1)
        yield app.busy(ms=1)

    story = Story()
    app = story.cluster.app("source", run, {})
    app.start()
    story.fly(1)
    assert app.finished


def test_who_waits_for_memory_or_metadata_when_the_producer_is_closed_is_told_so() -> None:
    ends: list[tuple[str, float]] = []

    def sender(app: App, producer: Producer, topic: str, size: int) -> Steps:
        try:
            yield from producer.send(topic, bytes(size), partition=0)
            ends.append((f"{topic} sent", seconds(app.now)))
        except ClientClosedError:
            ends.append((f"{topic} closed", seconds(app.now)))

    def run(app: App) -> Steps:
        producer = app.producer(buffer_memory=20_000, batch_size=16_000, linger_ms=0)
        yield app.busy(ms=1000)
        for topic in (P.topic, P.topic, "nowhere"):
            app.spawn(sender(app, producer, topic, 15_000))
        yield app.busy(ms=1000)
        yield from producer.close()
        yield app.busy(ms=100_000)

    story = Story(apps={"source": run})
    hang(story, 0.5, for_s=3.0)
    story.fly(70)
    assert ends[:2] == [("payments sent", 1.0), ("payments closed", 2.0)]
    assert ends[2][0] == "nowhere closed"
    assert ends[2][1] == pytest.approx(3.5, abs=0.05), "metadata are closed with the last answer"


def test_partitions_are_told_and_an_unknown_topic_is_waited_for() -> None:
    seen: list[list[int]] = []
    waited: list[float] = []

    def run(app: App) -> Steps:
        producer = app.producer(max_block_ms=1500)
        seen.append((yield from producer.partitions_for(P.topic)))
        began = app.now
        with pytest.raises(SendTimeoutError, match="topic nowhere is not present"):
            yield from producer.partitions_for("nowhere")
        waited.append(seconds(app.now - began))

    Story(apps={"source": run}).fly(3)
    assert (seen, waited) == ([[0]], [1.5])
