"""The producers of a script: they send what the workload brings, plainly or in transactions, whatever happens."""

from collections.abc import Generator, Iterator
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.client.client_errors import ClientError, ProducerFencedError, SendTimeoutError
from sim.actors.producer.producer import Producer
from sim.rules.errors import ConfigError
from sim.world.keys import Keys, NoKeys, RoundRobinKeys, SingleKey, UniformKeys, ZipfKeys, keyed
from sim.world.script.script import ProducerScript
from sim.world.workload import parse_workload

__all__ = ["parse_keys", "source"]

Steps = Generator[Event, Any, Any]


def source(script: ProducerScript, duration: int) -> Behaviour:
    """What a producer's application does for so many nanoseconds; started again, it goes on with what is due then."""
    workload, keys, value = parse_workload(script.arrivals), parse_keys(script.keys), bytes(script.size_bytes)

    def arrivals(app: App) -> Iterator[tuple[int, bytes | None]]:
        streams, start = app.machine.streams, app.now
        times = workload.arrivals(streams.columns(f"arrivals/{script.name}"), duration)
        for time, key in keyed(times, keys, streams.columns(f"keys/{script.name}")):
            if app.conditions.due(time) >= start:
                yield time, key

    def run(app: App) -> Steps:
        due = arrivals(app)
        send = _in_transactions if script.transaction_records else _plainly
        while (yield from send(app, script, due, value)):
            yield app.busy(ms=100)

    return run


def _plainly(app: App, script: ProducerScript, due: Iterator[tuple[int, bytes | None]], value: bytes) -> Steps:
    """Send until nothing is due any more; True if another producer has to go on."""
    producer = app.producer(client_id=app.name, **script.config)
    try:
        for time, key in due:
            sent_at = yield from app.arrive(time)
            try:
                yield from producer.send(script.topic, value, app.key(key), sent_at=sent_at)
            except SendTimeoutError:
                continue
        yield from producer.close()
    except ClientError:
        yield from producer.close(0)
        return True
    return False


def _in_transactions(app: App, script: ProducerScript, due: Iterator[tuple[int, bytes | None]], value: bytes) -> Steps:
    """The same in transactions; a producer that was fenced has nothing to say any more."""
    producer = app.producer(client_id=app.name, transactional_id=script.name, **script.config)
    try:
        yield from producer.init_transactions()
        while batch := [pair for pair, _ in zip(due, range(script.transaction_records), strict=False)]:
            yield from _transaction(app, producer, script, batch, value)
        yield from producer.close()
    except ProducerFencedError:
        return False
    except ClientError:
        yield from producer.close(0)
        return True
    return False


def _transaction(
    app: App, producer: Producer, script: ProducerScript, batch: list[tuple[int, bytes | None]], value: bytes
) -> Steps:
    producer.begin_transaction()
    try:
        for time, key in batch:
            sent_at = yield from app.arrive(time)
            yield from producer.send(script.topic, value, app.key(key), sent_at=sent_at)
        if script.abort_share and app.random.random() < script.abort_share:
            yield from producer.abort_transaction()
        else:
            yield from producer.commit_transaction()
    except ProducerFencedError:
        raise
    except ClientError:
        yield from producer.abort_transaction()


def parse_keys(text: str) -> Keys:
    """Keys as a script names them. Raises ConfigError, one line that names the forms there are."""
    kind, _, rest = text.partition(":")
    parts = rest.split(",")
    try:
        if kind == "none" and not rest:
            return NoKeys()
        if kind == "uniform":
            return UniformKeys(int(rest))
        if kind == "zipf":
            return ZipfKeys(int(parts[0]), float(parts[1]))
        if kind == "single" and rest:
            return SingleKey(rest.encode())
        if kind == "round-robin":
            return RoundRobinKeys(int(rest))
    except (ValueError, IndexError) as error:
        raise ConfigError(f"keys {text!r}: {error}; write uniform:100 or zipf:100,1.1") from error
    raise ConfigError(f"keys {text!r}: write none, uniform:100, zipf:100,1.1, single:KEY or round-robin:10")
