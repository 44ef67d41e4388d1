"""What the consumers and share consumers of a scenario file do: poll, work, commit, and begin anew after a failure."""

from collections.abc import Callable, Generator
from contextlib import suppress
from random import Random
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import ClientError, ClientTimeoutError, CommitFailedError
from sim.actors.consumer.consumer import Consumer
from sim.actors.share.share_consumer import ShareConsumer
from sim.machine.clock import SECOND
from sim.rules.share.share_acknowledgement import AcknowledgeType
from sim.rules.topics import TopicPartition
from sim.world.script.script import ConsumerPart, ShareGroupPart
from sim.world.settings import merged

__all__ = [
    "UnreadableRecordError",
    "again_and_again",
    "closed",
    "consuming",
    "handle",
    "is_poison",
    "positions",
    "sharing",
]

PAUSE = SECOND
CLOSE_TIMEOUT_MS = 5000
Steps = Generator[Event, Any, Any]


class UnreadableRecordError(ClientError):
    """A record that the application cannot read and was not told to skip."""


def consuming(part: ConsumerPart, name: str) -> Behaviour:
    """The behaviour of one member of a group; `name` is its own, and that of its place with static membership."""
    own: dict[str, object] = {"auto.offset.reset": "earliest", "enable.auto.commit": part.commit == "auto"}
    if part.static:
        own["group.instance.id"] = name
    config = merged(own, part.config)

    def session(app: App) -> Steps:
        consumer = app.consumer(part.group, part.topics, **config)
        try:
            yield from _consume(app, part, consumer)
        except ClientError:
            yield from closed(consumer)
            raise

    return lambda app: again_and_again(app, session)


def sharing(part: ShareGroupPart, name: str) -> Behaviour:
    """The behaviour of one member of a share group."""
    config = merged({"share.acknowledgement.mode": "explicit"}, part.config)

    def session(app: App) -> Steps:
        consumer = app.share_consumer(part.group, part.topics, **config)
        try:
            yield from _share(app, part, consumer, app.machine.streams[f"{name}/releases"])
        except ClientError:
            yield from closed(consumer)
            raise

    return lambda app: again_and_again(app, session)


def again_and_again(app: App, session: Callable[[App], Steps]) -> Steps:
    """A session with clients of its own, and after a failure another one, as a supervisor would do."""
    while True:
        try:
            yield from session(app)
        except UnreadableRecordError:
            raise
        except ClientError:
            yield app.sleep(PAUSE)


def closed(consumer: Consumer | ShareConsumer) -> Steps:
    """Leave the group, with little patience."""
    with suppress(ClientError):
        yield from consumer.close(timeout_ms=CLOSE_TIMEOUT_MS)


def is_poison(value: bytes | None) -> bool:
    """Whether a record is none that an application can read: text does not begin with a zero byte."""
    return value is not None and value.startswith(b"\0")


def handle(app: App, record: Any, handler_ms: float, poison: str) -> Generator[Event, Any, bool]:
    """The work for a record; False for one that is skipped. Raises UnreadableRecordError."""
    if is_poison(record.value):
        if poison == "raise":
            raise UnreadableRecordError(f"{app.name} cannot read {record.topic}-{record.partition}@{record.offset}")
        return False
    yield from _work(app, handler_ms)
    return True


def positions(consumer: Consumer) -> dict[TopicPartition, int]:
    """Where the consumer goes on, of those partitions for which it is known."""
    known = {partition: consumer.position(partition) for partition in consumer.assignment()}
    return {partition: position for partition, position in known.items() if position is not None}


def _consume(app: App, part: ConsumerPart, consumer: Consumer) -> Steps:
    committed: dict[TopicPartition, int] = {}

    def commit() -> Steps:
        nonlocal committed
        now = positions(consumer)
        if now != committed:
            with suppress(CommitFailedError, ClientTimeoutError):
                yield from consumer.commit(now)
                committed = now

    while True:
        records = yield from consumer.poll()
        if part.commit == "sync-before":
            yield from commit()
        for record in records:
            yield from handle(app, record, part.handler_ms, part.poison)
        if part.commit == "sync-after":
            yield from commit()


def _share(app: App, part: ShareGroupPart, consumer: ShareConsumer, chance: Random) -> Steps:
    while True:
        for record in (yield from consumer.poll()):
            yield from _work(app, part.handler_ms)
            what = AcknowledgeType.REJECT if is_poison(record.value) else AcknowledgeType.ACCEPT
            if chance.random() < part.release_share:
                what = AcknowledgeType.RELEASE
            consumer.acknowledge(record, what)


def _work(app: App, ms: float) -> Steps:
    if ms:
        yield app.busy(ms)
