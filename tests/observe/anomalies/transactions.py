"""Applications with transactions that do what is needed to see, or not to see, what is undecided."""

from collections.abc import Callable

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.topics import TopicPartition
from tests.observe.anomalies.flights import P, Q, Steps


def writing(steps: Callable[[App, "Writer"], Steps], transactional_id: str) -> Behaviour:
    """An application with a transactional producer that is ready."""

    def run(app: App) -> Steps:
        writer = Writer(app, transactional_id)
        yield from writer.producer.init_transactions()
        yield app.until(2 * SECOND)
        yield from steps(app, writer)

    return run


class Writer:
    """A transactional producer, one record per batch."""

    def __init__(self, app: App, transactional_id: str) -> None:
        self.producer = app.producer(transactional_id=transactional_id, linger_ms=0, batch_size=1)

    def send(self, *names: TopicPartition) -> Steps:
        """Send one record to each of these partitions, and wait."""
        for name in names:
            yield from self.producer.send(name.topic, value=b"1", partition=name.partition)
        yield from self.producer.flush()


def aborting() -> Behaviour:
    """Commits and aborts in turn."""

    def steps(_: App, writer: Writer) -> Steps:
        for number in range(6):
            writer.producer.begin_transaction()
            yield from writer.send(P, P)
            if number % 2:
                yield from writer.producer.abort_transaction()
            else:
                yield from writer.producer.commit_transaction()

    return writing(steps, "aborting")


class Together:
    """Sends to one partition and, before it commits, polls another one for a second."""

    def __init__(self, target: TopicPartition, origin: TopicPartition) -> None:
        self.target, self.origin = target, origin

    def __call__(self, app: App) -> Steps:
        consumer = app.consumer(auto_offset_reset="earliest", isolation_level="read_committed")
        consumer.assign([self.origin])

        def steps(app: App, writer: Writer) -> Steps:
            writer.producer.begin_transaction()
            yield from writer.send(self.target)
            end = app.now + SECOND
            while app.now < end:
                yield from consumer.poll(100)
            yield from writer.producer.commit_transaction()
            while True:
                yield from consumer.poll(100)

        yield from writing(steps, app.name)(app)


def pipes() -> dict[str, Behaviour]:
    """Two transactions at the same time, each of which polls what the other one sends."""
    return {"east": Together(P, Q), "west": Together(Q, P)}


def crossing() -> dict[str, Behaviour]:
    """Two transactions at the same time that write to two partitions in different orders."""

    def first(app: App, writer: Writer) -> Steps:
        writer.producer.begin_transaction()
        yield from writer.send(P)
        yield app.busy(ms=200)
        yield from writer.send(Q, P)
        yield from writer.producer.commit_transaction()

    def second(app: App, writer: Writer) -> Steps:
        writer.producer.begin_transaction()
        yield app.busy(ms=100)
        yield from writer.send(P, Q)
        yield from writer.producer.commit_transaction()

    return {"first": writing(first, "first"), "second": writing(second, "second")}


def hurried() -> Behaviour:
    """Many records of one transaction that wait for one request in flight."""

    def run(app: App) -> Steps:
        producer = app.producer(
            transactional_id="hurried", linger_ms=0, batch_size=1, max_in_flight_requests_per_connection=1
        )
        yield from producer.init_transactions()
        producer.begin_transaction()
        for _ in range(10):
            yield from producer.send(P.topic, value=b"1", partition=P.partition)
        yield from producer.commit_transaction()

    return run


def exactly_once(app: App) -> Steps:
    """Polls payments in a group and sends an order for each; one transaction in five is aborted and done again."""
    config = {"auto_offset_reset": "earliest", "enable_auto_commit": False, "session_timeout_ms": 6000}
    consumer = app.consumer("pipe", [P.topic], **config)
    producer = app.producer(transactional_id=app.name)
    yield from producer.init_transactions()
    number = 0
    while True:
        records = yield from consumer.poll(200, max_records=20)
        if not records:
            continue
        number += 1
        producer.begin_transaction()
        for record in records:
            yield from producer.send(Q.topic, value=record.value, partition=record.partition)
        names = dict.fromkeys(TopicPartition(record.topic, record.partition) for record in records)
        offsets = {name: max(r.offset + 1 for r in records if r.partition == name.partition) for name in names}
        yield from producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
        if number % 5:
            yield from producer.commit_transaction()
        else:
            yield from producer.abort_transaction()
            for name in names:
                consumer.seek(name, min(r.offset for r in records if r.partition == name.partition))
