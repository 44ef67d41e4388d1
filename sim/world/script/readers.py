"""The consumers and pipelines of a script: they read, work, commit, and begin anew when their client gives up."""

from collections.abc import Generator, Sequence
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import ClientError, ClientTimeoutError, CommitFailedError, ProducerFencedError
from sim.actors.consumer.consumer import Consumer
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.rules.topics import TopicPartition
from sim.world.script.script import ConsumerScript, PipelineScript

__all__ = ["pipeline", "reader"]

Steps = Generator[Event, Any, Any]
PAUSE_MS = 500


def reader(script: ConsumerScript) -> Behaviour:
    """What a member of a group does."""

    def run(app: App) -> Steps:
        config: dict[str, Any] = {"auto_offset_reset": "earliest", **script.config}
        if script.commit != "auto":
            config["enable_auto_commit"] = False
        if script.static:
            config["group_instance_id"] = app.name
        while True:
            consumer = app.consumer(script.group, script.topics, client_id=app.name, **config)
            try:
                while True:
                    yield from _read(app, script, consumer)
            except ClientError:
                yield from consumer.close(0)
                yield app.busy(ms=PAUSE_MS)

    return run


def _read(app: App, script: ConsumerScript, consumer: Consumer) -> Steps:
    """One poll, the work on what it has brought, and the commit before or after it."""
    records = yield from consumer.poll()
    if records and script.commit == "before":
        yield from _commit(consumer)
    if records and script.handler_ms:
        yield app.busy(ms=script.handler_ms * len(records))
    if records and script.commit == "after":
        yield from _commit(consumer)


def _commit(consumer: Consumer) -> Steps:
    """Commit; if the group has gone on meanwhile, others do the work again."""
    try:
        yield from consumer.commit()
    except (CommitFailedError, ClientTimeoutError):
        return


def pipeline(script: PipelineScript) -> Behaviour:
    """What a member does that copies one topic to another."""

    def run(app: App) -> Steps:
        copying = _exactly_once if script.exactly_once else _at_least_once
        while True:
            committed = {"isolation_level": "read_committed"} if script.exactly_once else {}
            config: dict[str, Any] = {"auto_offset_reset": "earliest", "enable_auto_commit": False, **committed}
            consumer = app.consumer(script.group, [script.source], client_id=app.name, **config, **script.config)
            try:
                yield from copying(app, script, consumer)
            except ProducerFencedError:
                return
            except ClientError:
                yield from consumer.close(0)
                yield app.busy(ms=PAUSE_MS)

    return run


def _at_least_once(app: App, script: PipelineScript, consumer: Consumer) -> Steps:
    producer = app.producer(client_id=app.name)
    while True:
        for record in (yield from consumer.poll()):
            yield from producer.send(script.target, record.value, record.key)
        yield from producer.flush()
        yield from _commit(consumer)


def _exactly_once(app: App, script: PipelineScript, consumer: Consumer) -> Steps:
    """Records and offsets in one transaction; one that fails is aborted, and the member begins anew."""
    producer = app.producer(client_id=app.name, transactional_id=app.name.partition("-twin-")[0])
    yield from producer.init_transactions()
    while True:
        records: Sequence[ConsumerRecord] = yield from consumer.poll()
        if not records:
            continue
        producer.begin_transaction()
        try:
            for record in records:
                yield from producer.send(script.target, record.value, record.key)
            offsets = {TopicPartition(record.topic, record.partition): record.offset + 1 for record in records}
            yield from producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
            yield from producer.commit_transaction()
        except ProducerFencedError:
            raise
        except ClientError:
            yield from producer.abort_transaction()
            raise
