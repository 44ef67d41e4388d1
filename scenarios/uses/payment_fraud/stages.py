"""The five stages of the workflow as applications: gateway, detector, warehouse loader, alerting (and Kafka between).

Each is ordinary client code: what it keeps in memory dies with its process.
"""

from collections.abc import Callable, Generator
from typing import Any

from simpy import Event

from scenarios.uses.payment_fraud.alerts import Alert, decode_alert, encode_alert
from scenarios.uses.payment_fraud.dead_letters import TOPIC as DEAD_LETTERS
from scenarios.uses.payment_fraud.dead_letters import DeadLetters
from scenarios.uses.payment_fraud.detector import FraudDetector
from scenarios.uses.payment_fraud.feed import Feed
from scenarios.uses.payment_fraud.ledger import Ledger
from scenarios.uses.payment_fraud.payments import Payment, decode
from scenarios.uses.payment_fraud.warehouse import Warehouse, WarehouseRow
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer import Consumer
from sim.actors.consumer.consumer_records import CommitFailedError, ConsumerRecord
from sim.actors.producer.delivery import Delivery
from sim.actors.producer.producer import Producer, SendTimeoutError
from sim.machine.clock import SECOND

__all__ = ["alerting", "detector", "gateway", "loader"]

Steps = Generator[Event, Any, Any]
INSPECTION_MS = 0.05
LOAD_BASE_MS = 20.0
LOAD_ROW_MS = 0.02
LOAD_ROWS = 5000
LOAD_EVERY = 2 * SECOND


def gateway(feed: Feed, number: int, ledger: Ledger, linger_ms: int, dead_letters: DeadLetters) -> Behaviour:
    """Takes payments as they arrive and sends them, keyed by card; what finds no room in the buffer is refused."""

    def run(app: App) -> Steps:
        producer = app.producer(client_id=app.name, acks="all", linger_ms=linger_ms)
        while (arrival := feed.take(number, app.now)) is not None:
            for letter in dead_letters.take():
                yield from _send(producer, DEAD_LETTERS, letter)
            if isinstance(arrival, int):
                yield app.until(arrival)
                continue
            if arrival.time > app.now:
                yield app.until(arrival.time)
            try:
                delivery = yield from producer.send("payments", arrival.value, arrival.key, sent_at=arrival.time)
            except SendTimeoutError:
                ledger.refused += 1
                continue
            if arrival.payment is None:
                ledger.not_payments += 1
            else:
                ledger.take(arrival.payment, arrival.time, delivery)
        for letter in dead_letters.take():
            yield from _send(producer, DEAD_LETTERS, letter)
        yield from producer.close()

    return run


def detector() -> Behaviour:
    """Keeps windows per card and sends what looks wrong to `alerts`; commits each second once its alerts are safe."""

    def run(app: App) -> Steps:
        windows = FraudDetector()
        consumer = app.consumer(
            "fraud-detection", ["payments"], client_id=app.name, auto_offset_reset="earliest", enable_auto_commit=False
        )
        producer = app.producer(client_id=f"{app.name}-alerts", acks="all")
        sent: dict[Alert, Delivery] = {}
        committed = app.now
        while True:
            records = yield from consumer.poll()
            for record in records:
                payment = _payment(record)
                alert = None if payment is None else windows.inspect(payment)
                if alert is not None:
                    sent[alert] = yield from _send(producer, "alerts", encode_alert(alert), record.key)
            if records:
                yield app.busy(ms=INSPECTION_MS * len(records))
            if app.now - committed >= SECOND:
                committed = app.now
                yield from producer.flush()
                given_up = [alert for alert, delivery in sent.items() if delivery.batch.error is not None]
                sent.clear()
                for alert in given_up:
                    sent[alert] = yield from _send(producer, "alerts", encode_alert(alert), alert.card.encode())
                if not given_up:
                    yield from _commit(consumer)

    return run


def loader(warehouse: Callable[[], Warehouse]) -> Behaviour:
    """Loads payments into the warehouse in batches, then commits: at least once to Kafka, once to the table."""

    def run(app: App) -> Steps:
        consumer = app.consumer(
            "warehouse",
            ["payments"],
            client_id=app.name,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            fetch_min_bytes=200_000,
            fetch_max_wait_ms=1000,
            max_poll_records=5000,
        )
        while True:
            records: list[ConsumerRecord] = []
            until = app.now + LOAD_EVERY
            while app.now < until and len(records) < LOAD_ROWS:
                records += yield from consumer.poll()
            if not records:
                continue
            yield app.busy(ms=LOAD_BASE_MS + LOAD_ROW_MS * len(records))
            rows = [
                WarehouseRow(payment, record.topic, record.partition, record.offset, record.timestamp_ms, app.now / 1e6)
                for record in records
                if (payment := _payment(record)) is not None
            ]
            warehouse().load(rows)
            yield from _commit(consumer)

    return run


def alerting(ledger: Ledger) -> Behaviour:
    """Raises each alert at once."""

    def run(app: App) -> Steps:
        consumer = app.consumer("alerting", ["alerts"], client_id=app.name, auto_offset_reset="earliest")
        while True:
            for record in (yield from consumer.poll()):
                if record.value is not None:
                    ledger.alert(decode_alert(record.value), app.now)

    return run


def _send(producer: Producer, topic: str, value: bytes, key: bytes | None = None) -> Generator[Event, Any, Delivery]:
    """Send, and wait for room in the buffer as long as it takes."""
    while True:
        try:
            return (yield from producer.send(topic, value, key))
        except SendTimeoutError:
            continue


def _commit(consumer: Consumer) -> Steps:
    """Commit; a member that was thrown out goes on, and what it has done is done again by others."""
    try:
        yield from consumer.commit()
    except CommitFailedError:
        return


def _payment(record: ConsumerRecord) -> Payment | None:
    """The payment in a record; replayed topics may hold other things."""
    try:
        return None if record.value is None else decode(record.value)
    except ValueError:
        return None
