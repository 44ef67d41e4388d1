"""What the producers of a scenario file do: send as records arrive, one by one or in transactions, and end."""

from collections.abc import Generator, Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, NamedTuple

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import ClientError, ClientTimeoutError, ProducerFencedError, SendTimeoutError
from sim.actors.producer.producer import Producer
from sim.machine.clock import SECOND
from sim.world.keys import keyed
from sim.world.script.script import ProducerPart, Transaction
from sim.world.settings import merged

__all__ = ["hung_up", "producing"]

PAUSE = SECOND
"""How long an application waits before it makes a new client in place of one that has failed."""

Steps = Generator[Event, Any, Any]


class Planned(NamedTuple):
    """A record that is to be sent at a time."""

    time: int
    topic: str
    key: bytes | None
    value: bytes


def producing(part: ProducerPart, name: str, duration: int) -> Behaviour:
    """The behaviour of one of the applications; `name` is its own and that of its transactions."""

    def run(app: App) -> Steps:
        records = _planned(app, part, name, duration)
        if part.transaction is None:
            yield from _one_by_one(app, part, records)
        else:
            yield from _in_transactions(app, part, name, part.transaction, records)

    return run


def hung_up(producer: Producer) -> Steps:
    """Hang up at once: what has not left is given up, and the next one aborts an open transaction."""
    with suppress(ClientError):
        yield from producer.close(timeout_ms=0)


def _planned(app: App, part: ProducerPart, name: str, duration: int) -> Iterator[Planned]:
    """The records from now on; a process that is started again does not make up for those it has missed."""
    streams, begun = app.machine.streams, app.now
    times = part.arrivals.arrivals(streams.columns(f"{name}/arrivals"), duration)
    keys = keyed(times, part.keys, streams.columns(f"{name}/keys"))
    for number, (time, key) in enumerate(keys):
        if app.conditions.due(time) >= begun:
            value = (b"%d" % number).ljust(part.record_bytes)
            yield Planned(time, part.topics[number % len(part.topics)], key, value)


def _send(app: App, producer: Producer, record: Planned) -> Steps:
    sent_at = yield from app.arrive(record.time)
    yield from producer.send(record.topic, record.value, app.key(record.key), sent_at=sent_at)


def _one_by_one(app: App, part: ProducerPart, records: Iterator[Planned]) -> Steps:
    """What finds no room within max.block.ms is dropped."""
    producer = app.producer(**part.config)
    for record in records:
        with suppress(SendTimeoutError):
            yield from _send(app, producer, record)
    yield from producer.close()


def _in_transactions(
    app: App, part: ProducerPart, name: str, transaction: Transaction, records: Iterator[Planned]
) -> Steps:
    """Each of so many records; what fails is dropped with its transaction, and the next one begins anew."""
    producer: Producer | None = None
    while chunk := list(islice(records, transaction.records)):
        if producer is None:
            producer = yield from _initialised(app, part, name)
        try:
            producer.begin_transaction()
            for record in chunk:
                yield from _send(app, producer, record)
            if app.random.random() < transaction.abort_share:
                yield from producer.flush()
                yield from producer.abort_transaction()
            else:
                yield from producer.commit_transaction()
        except ClientError as error:
            producer = yield from _recovered(app, producer, error)
    if producer is not None:
        yield from producer.close()


def _initialised(app: App, part: ProducerPart, name: str) -> Generator[Event, Any, Producer]:
    while True:
        producer = app.producer(**merged({"transactional.id": name}, part.config))
        try:
            yield from producer.init_transactions()
        except ClientError:
            yield from hung_up(producer)
            yield app.sleep(PAUSE)
        else:
            return producer


def _recovered(app: App, producer: Producer, error: ClientError) -> Generator[Event, Any, Producer | None]:
    """The producer, once its transaction is aborted; None if it is of no use any more."""
    if not isinstance(error, ProducerFencedError | ClientTimeoutError):
        try:
            yield from producer.abort_transaction()
        except ClientError:
            pass
        else:
            return producer
    yield from hung_up(producer)
    yield app.sleep(PAUSE)
    return None
