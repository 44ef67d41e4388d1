"""What the pipelines of a scenario file do: a record of the target for each of the source, exactly once or at least."""

from collections.abc import Generator
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import ClientError
from sim.actors.consumer.consumer import Consumer
from sim.actors.producer.producer import Producer
from sim.rules.topics import TopicPartition
from sim.world.script.consuming import again_and_again, closed, handle, positions
from sim.world.script.producing import hung_up
from sim.world.script.script import PipelinePart
from sim.world.settings import merged

__all__ = ["origin_of", "piping"]

Steps = Generator[Event, Any, Any]


def piping(part: PipelinePart, name: str) -> Behaviour:
    """The behaviour of one member; `name` is its own and that of its transactions."""
    own = {"auto.offset.reset": "earliest", "enable.auto.commit": False}
    if part.exactly_once:
        own["isolation.level"] = "read_committed"
    transactional = {"transactional.id": name} if part.exactly_once else {}

    def session(app: App) -> Steps:
        consumer = app.consumer(part.name, (part.source,), **merged(own, part.consumer))
        producer = app.producer(**merged(transactional, part.producer))
        work = _exactly_once if part.exactly_once else _at_least_once
        try:
            yield from work(app, part, consumer, producer)
        except ClientError:
            yield from hung_up(producer)
            yield from closed(consumer)
            raise

    return lambda app: again_and_again(app, session)


def origin_of(value: bytes, name: str) -> tuple[TopicPartition, int]:
    """Which record a record of the target was made of by the pipeline of this name: its partition and offset."""
    partition, _, offset = value.decode().removeprefix(f"{name}:").rpartition("@")
    topic, _, number = partition.rpartition("-")
    return TopicPartition(topic, int(number)), int(offset)


def _exactly_once(app: App, part: PipelinePart, consumer: Consumer, producer: Producer) -> Steps:
    """Records and offsets in one transaction; one that fails is aborted by the next session's producer."""
    yield from producer.init_transactions()
    committed: dict[TopicPartition, int] = {}
    while True:
        records = yield from consumer.poll()
        offsets = positions(consumer)
        if offsets != committed:
            producer.begin_transaction()
            yield from _pipe(app, part, records, producer)
            yield from producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
            yield from producer.commit_transaction()
            committed = offsets


def _at_least_once(app: App, part: PipelinePart, consumer: Consumer, producer: Producer) -> Steps:
    """Offsets are committed once their records are acknowledged, and else read again."""
    committed: dict[TopicPartition, int] = {}
    while True:
        records = yield from consumer.poll()
        offsets = positions(consumer)
        if offsets != committed:
            deliveries = yield from _pipe(app, part, records, producer)
            yield from producer.flush()
            for delivery in deliveries:
                yield from delivery.get()
            yield from consumer.commit(offsets)
            committed = offsets


def _pipe(app: App, part: PipelinePart, records: list[Any], producer: Producer) -> Generator[Event, Any, list[Any]]:
    deliveries = []
    for record in records:
        if (yield from handle(app, record, part.handler_ms, part.poison)):
            value = f"{part.name}:{record.topic}-{record.partition}@{record.offset}".encode()
            deliveries.append((yield from producer.send(part.target, value, record.key)))
    return deliveries
