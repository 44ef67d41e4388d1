"""Consume, transform, produce: exactly once with transactions, at least once without."""

from collections.abc import Callable

import pytest

from sim.actors.client.app import App
from sim.rules.groups.coordinator import OFFSETS_TOPIC, partition_for_group
from sim.rules.topics import TopicPartition
from sim.world.topics import Topic
from tests.actors.flights import P, Story
from tests.actors.transactional import FEW, Readers, Run, coordinator


class Transformer:
    """Reads one topic and writes to another, with the offsets in the same transaction, or without any transaction."""

    def __init__(self, transactional: bool) -> None:
        self.transactional = transactional

    def __call__(self, app: App) -> Run:
        consumer = app.consumer(
            "transformer",
            ["orders"],
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            enable_auto_commit=False,
            session_timeout_ms=6000,
        )
        name = {"transactional_id": "transformer"} if self.transactional else {}
        producer = app.producer(linger_ms=0, **name)
        if self.transactional:
            yield from producer.init_transactions()
        while True:
            records = yield from consumer.poll(200, max_records=5)
            if records:
                offsets = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}
                if self.transactional:
                    producer.begin_transaction()
                for record in records:
                    yield from producer.send(P.topic, value=record.value, partition=0)
                    yield app.busy(ms=10)
                if self.transactional:
                    group = consumer.consumer_group_metadata()
                    yield from producer.send_offsets_to_transaction(offsets, group)
                    yield from producer.commit_transaction()
                else:
                    yield from producer.flush()
                    yield from consumer.commit(offsets)


def feed(app: App) -> Run:
    """Orders, at an even pace."""
    producer = app.producer(linger_ms=0)
    for number in range(400):
        yield from producer.send("orders", value=str(number).encode(), partition=0)
        yield app.busy(ms=25)
    yield from producer.close()


def transformed(transactional: bool, disturb: Callable[[Story], None]) -> tuple[list[int], Story]:
    """What a read_committed consumer finds in the transformer's output after a disturbance."""
    readers = Readers()
    flown = Story(
        1,
        apps={"feed": feed, "transformer": Transformer(transactional), "committed": readers.committed},
        broker_config=FEW,
        more_topics=[Topic("orders", 1, 3, {"min.insync.replicas": 2})],
    )
    disturb(flown)
    flown.fly(60)
    return readers.committed.numbers, flown


def crash_of_the_app(flown: Story) -> None:
    app = flown.cluster.apps["transformer"]
    flown.at(5.03, app.stop)
    flown.at(6, app.start)


def crash_of_a_broker(flown: Story) -> None:
    flown.at(5.03, flown.broker(flown.first_leader).stop)
    flown.at(20, flown.broker(flown.first_leader).start)


def crash_of_the_coordinator(flown: Story) -> None:
    def stop() -> None:
        flown.broker(coordinator(flown, "transformer")).stop()

    flown.at(5.03, stop)


def crash_of_the_group_coordinator(flown: Story) -> None:
    home = TopicPartition(OFFSETS_TOPIC, partition_for_group("transformer", 3))

    def stop() -> None:
        flown.broker(flown.cluster.controller.image.leader(home)).stop()

    flown.at(5.03, stop)


@pytest.mark.parametrize(
    "disturb", [crash_of_the_app, crash_of_a_broker, crash_of_the_coordinator, crash_of_the_group_coordinator]
)
def test_consume_transform_produce_is_exactly_once(disturb: Callable[[Story], None]) -> None:
    numbers, flown = transformed(True, disturb)
    assert numbers == list(range(400))
    log = flown.cluster.log(P)
    assert bool(log.aborted.entries) == (disturb is crash_of_the_app)
    assert flown.cluster.committed_offsets("transformer") == {TopicPartition("orders", 0): 400}


def test_the_same_without_transactions_is_at_least_once() -> None:
    numbers, _ = transformed(False, crash_of_the_app)
    assert sorted(set(numbers)) == list(range(400))
    assert len(numbers) > 400
