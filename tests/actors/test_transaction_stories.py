"""Transactions from end to end: producers, coordinators, markers, and what consumers see of it."""

from collections.abc import Callable, Generator
from typing import Any

import pytest
from simpy import Event

from sim.actors.app import App
from sim.actors.client_errors import ProducerFencedError, TransactionError
from sim.actors.producer import Producer
from sim.machine.clock import SECOND
from sim.rules.batch import RecordBatch, RecordColumns
from sim.rules.errors import ErrorCode
from sim.rules.protocol import ProduceRequest, ProduceResponse
from sim.rules.topics import TopicPartition
from sim.rules.transaction_coordinator import partition_for_transactional_id
from sim.rules.transaction_log import TRANSACTION_STATE_TOPIC, decode_transaction
from sim.rules.transaction_metadata import TransactionState
from sim.world.topics import Topic
from tests.actors.flights import P, Probe, Sink, Story, seconds

Run = Generator[Event, Any, Any]
FEW = {"transaction.state.log.num.partitions": 3}


class Writer:
    """An application with a transactional producer; what it does is a generator, what became of it a list."""

    def __init__(self, steps: Callable[["Writer"], Run], transactional_id: str = "writer", **config: object) -> None:
        self.steps, self.config = steps, {"transactional_id": transactional_id, "linger_ms": 0, **config}
        self.log: list[tuple[str, str, float]] = []
        self.producer: Producer
        self.app: App

    def __call__(self, app: App) -> Run:
        self.app, self.producer = app, app.producer(**self.config)
        yield from self.attempt("init", self.producer.init_transactions())
        yield from self.steps(self)

    def attempt(self, name: str, call: Run) -> Run:
        """Make a call, and note how it ended and how many milliseconds it took."""
        began = self.app.now
        try:
            yield from call
            result = "ok"
        except ProducerFencedError as error:
            result = f"fenced: {error.code.name}"
        except TransactionError as error:
            result = error.code.name
        self.log.append((name, result, (self.app.now - began) / 1e6))

    def send(self, *numbers: int) -> Run:
        """Send records, wait for them, and note the error of the last one."""
        began = self.app.now
        delivery = None
        for number in numbers:
            delivery = yield from self.producer.send(P.topic, value=str(number).encode(), partition=0)
        yield from self.producer.flush()
        assert delivery is not None
        error = delivery.batch.error
        self.log.append(("send", "ok" if error is None else error.name, (self.app.now - began) / 1e6))

    def transaction(self, *numbers: int, commit: bool = True) -> Run:
        """Begin, send, end."""
        self.producer.begin_transaction()
        yield from self.send(*numbers)
        yield from self.end(commit)

    def end(self, commit: bool) -> Run:
        """Commit or abort."""
        if commit:
            yield from self.attempt("commit", self.producer.commit_transaction())
        else:
            yield from self.attempt("abort", self.producer.abort_transaction())

    @property
    def results(self) -> list[tuple[str, str]]:
        """What was called, and how it ended."""
        return [(name, result) for name, result, _ in self.log]


class Readers:
    """One consumer of each isolation level."""

    def __init__(self) -> None:
        self.committed = Sink("committed", isolation_level="read_committed")
        self.every = Sink("every", isolation_level="read_uncommitted")

    @property
    def apps(self) -> dict[str, Callable[[App], Run]]:
        return {"committed": self.committed, "every": self.every}


def story(apps: dict[str, Callable[[App], Run]], **broker_config: object) -> Story:
    return Story(1, apps=apps, broker_config={**FEW, **broker_config})


def coordinator(flown: Story, transactional_id: str = "writer") -> int:
    """The broker that coordinates a transactional id."""
    number = partition_for_transactional_id(transactional_id, 3)
    return flown.cluster.controller.image.leader(TopicPartition(TRANSACTION_STATE_TOPIC, number))


def test_a_commit_makes_visible_and_an_abort_hides() -> None:
    def steps(writer: Writer) -> Run:
        yield from writer.transaction(0, 1)
        yield from writer.transaction(2, 3, commit=False)
        yield from writer.transaction(4)
        writer.producer.begin_transaction()
        yield from writer.end(commit=True)

    writer, readers = Writer(steps), Readers()
    flown = story({"writer": writer, **readers.apps})
    flown.fly(10)
    assert {result for _, result in writer.results} == {"ok"}
    assert readers.committed.numbers == [0, 1, 4]
    assert readers.every.numbers == [0, 1, 2, 3, 4]
    log = flown.broker(flown.first_leader).storage[P]
    assert [batch.is_control for batch in log.batches()].count(True) == 3
    assert [batch.producer_epoch for batch in log.batches()][-1] == 3
    assert flown.logs_agree()


def test_an_open_transaction_holds_back_everything_after_it_and_its_end_wakes_the_readers() -> None:
    def steps(writer: Writer) -> Run:
        writer.producer.begin_transaction()
        yield from writer.send(0)
        plain = writer.app.producer(linger_ms=0)
        yield from plain.send(P.topic, value=b"1", partition=0)
        yield writer.app.until(8 * SECOND)
        yield from writer.end(commit=True)

    writer, readers = Writer(steps), Readers()
    flown = story({"writer": writer, **readers.apps})
    flown.fly(8)
    assert (readers.committed.numbers, readers.every.numbers) == ([], [0, 1])
    flown.fly(9)
    assert readers.committed.numbers == [0, 1]
    assert 8 < seconds(readers.committed.got[0][0]) < 8.1


def zombie(open_before: bool) -> tuple[Writer, Writer, Readers]:
    """A second producer initialises the transactional id of the first."""

    def first(writer: Writer) -> Run:
        if open_before:
            writer.producer.begin_transaction()
            yield from writer.send(0)
        yield writer.app.until(8 * SECOND)
        if not open_before:
            writer.producer.begin_transaction()
        yield from writer.send(1)
        yield from writer.end(commit=True)
        yield from writer.end(commit=False)

    def second(writer: Writer) -> Run:
        yield writer.app.until(9 * SECOND)
        yield from writer.transaction(2)

    def later(app: App) -> Run:
        yield app.until(6 * SECOND)
        yield from new(app)

    old, new, readers = Writer(first), Writer(second), Readers()
    story({"old": old, "new": later, **readers.apps}).fly(12)
    return old, new, readers


def test_a_zombie_with_an_open_transaction_is_fenced() -> None:
    old, new, readers = zombie(open_before=True)
    assert old.results == [
        ("init", "ok"),
        ("send", "ok"),
        ("send", "INVALID_PRODUCER_EPOCH"),
        ("commit", "INVALID_PRODUCER_EPOCH"),
        ("abort", "fenced: PRODUCER_FENCED"),
    ]
    assert new.results == [("init", "ok"), ("send", "ok"), ("commit", "ok")]
    assert 100 < new.log[0][2] < 250  # CONCURRENT_TRANSACTIONS first, and once more after retry.backoff.ms
    assert (readers.committed.numbers, readers.every.numbers) == ([2], [0, 2])


def test_a_zombie_without_an_open_transaction_is_fenced() -> None:
    old, new, readers = zombie(open_before=False)
    assert [result for _, result in old.results] == [
        "ok",
        "INVALID_PRODUCER_EPOCH",
        "INVALID_PRODUCER_EPOCH",
        "fenced: PRODUCER_FENCED",
    ]
    assert new.log[0][2] < 100
    assert (readers.committed.numbers, readers.every.numbers) == ([2], [2])


def test_a_transaction_that_is_open_for_too_long_is_aborted_and_its_producer_goes_on() -> None:
    def steps(writer: Writer) -> Run:
        writer.producer.begin_transaction()
        yield from writer.send(0)
        yield writer.app.until(15 * SECOND)
        yield from writer.send(1)
        yield from writer.end(commit=True)
        yield from writer.end(commit=False)
        yield from writer.transaction(2)

    writer, readers = Writer(steps, transaction_timeout_ms=3000), Readers()
    flown = story({"writer": writer, **readers.apps})
    leader = flown.broker(flown.first_leader)
    flown.fly(9.9)
    assert leader.storage[P].last_stable_offset(1) == 0
    flown.fly(11)
    assert leader.storage[P].last_stable_offset(2) == 2
    flown.fly(18)
    refused = "INVALID_PRODUCER_EPOCH"
    assert [result for _, result in writer.results] == ["ok", "ok", refused, refused, "ok", "ok", "ok"]
    assert (readers.committed.numbers, readers.every.numbers) == ([2], [0, 2])


def test_a_time_out_that_the_broker_does_not_allow() -> None:
    def steps(writer: Writer) -> Run:
        yield writer.app.busy(ms=1)

    writer = Writer(steps, transaction_timeout_ms=900_001)
    story({"writer": writer}).fly(3)
    assert writer.results == [("init", "INVALID_TRANSACTION_TIMEOUT")]


def test_calls_that_must_not_be_made() -> None:
    refused: list[str] = []

    def refuse(call: Run) -> Run:
        try:
            yield from call
        except ValueError as error:
            refused.append(str(error))

    def steps(writer: Writer) -> Run:
        producer = writer.producer
        yield from refuse(producer.send(P.topic, value=b"0", partition=0))
        yield from refuse(producer.commit_transaction())
        yield from refuse(writer.app.producer().init_transactions())
        yield from refuse(producer.init_transactions())

    story({"writer": Writer(steps)}).fly(3)
    assert refused == [
        "a producer cannot send in READY",
        "a producer cannot go from READY to COMMITTING_TRANSACTION",
        "transactions need a transactional.id",
        "a producer cannot go from READY to INITIALIZING",
    ]


def test_offsets_are_committed_with_the_transaction_and_unstable_before() -> None:
    """A committed() of a read_committed consumer waits while a transaction may change the offset (recording tx8)."""
    seen: list[tuple[float, dict[TopicPartition, int]]] = []

    def reader(app: App, isolation_level: str) -> Run:
        consumer = app.consumer("group", isolation_level=isolation_level)
        found = yield from consumer.committed([P])
        seen.append((seconds(app.now), found))

    def steps(writer: Writer) -> Run:
        consumer = writer.app.consumer("group")
        for offset, commit in ((3, False), (5, True)):
            writer.producer.begin_transaction()
            offsets = writer.producer.send_offsets_to_transaction({P: offset}, consumer.consumer_group_metadata())
            yield from writer.attempt("offsets", offsets)
            waiting = writer.app.spawn(reader(writer.app, "read_committed"))
            yield from reader(writer.app, "read_uncommitted")
            yield writer.app.busy(ms=2000)
            yield from writer.end(commit)
            yield waiting

    writer = Writer(steps)
    flown = story({"writer": writer})
    flown.fly(10)
    assert [result for _, result in writer.results] == ["ok"] * 5
    assert [found for _, found in seen] == [{}, {}, {}, {P: 5}]
    assert seen[1][0] - seen[0][0] > 1.9
    assert seen[3][0] - seen[2][0] > 1.9
    assert flown.cluster.committed_offsets("group") == {P: 5}


def test_a_transaction_survives_the_coordinator() -> None:
    """Its successor reads from the log what is open, and what is decided but has no marker yet."""

    def steps(writer: Writer) -> Run:
        writer.producer.begin_transaction()
        yield from writer.send(0)
        yield writer.app.until(15 * SECOND)
        yield from writer.end(commit=True)
        yield from writer.transaction(1, commit=False)
        yield from writer.transaction(2)

    writer, readers = Writer(steps), Readers()
    flown = story({"writer": writer, **readers.apps})
    flown.fly(5)
    flown.broker(coordinator(flown)).stop()
    flown.fly(30)
    assert {result for _, result in writer.results} == {"ok"}
    assert readers.committed.numbers == [0, 2]
    assert sorted(readers.every.numbers) == [0, 1, 2]


def states(flown: Story, transactional_id: str = "writer") -> list[TransactionState]:
    """What `__transaction_state` says of a transactional id, in order."""
    name = TopicPartition(TRANSACTION_STATE_TOPIC, partition_for_transactional_id(transactional_id, 3))
    log = flown.broker(coordinator(flown)).storage[name]
    records = [record for batch in log.batches() for record in batch.records()]
    return [decode_transaction(record.key or b"", record.value or b"").state for record in records]


@pytest.mark.parametrize("commit", [True, False])
def test_a_decision_is_carried_out_by_the_next_coordinator(commit: bool) -> None:
    def steps(writer: Writer) -> Run:
        writer.producer.begin_transaction()
        yield from writer.send(0)
        yield from writer.end(commit)
        decided.append(states(flown)[-1])
        flown.broker(coordinator(flown)).stop()
        yield from writer.transaction(1)

    decided: list[TransactionState] = []
    writer, readers = Writer(steps), Readers()
    flown = story({"writer": writer, **readers.apps})
    flown.fly(40)
    prepared, completed = (
        (TransactionState.PREPARE_COMMIT, TransactionState.COMPLETE_COMMIT)
        if commit
        else (TransactionState.PREPARE_ABORT, TransactionState.COMPLETE_ABORT)
    )
    assert decided == [prepared]
    assert states(flown)[1:4] == [TransactionState.ONGOING, prepared, completed]
    assert {result for _, result in writer.results} == {"ok"}
    assert readers.committed.numbers == ([0, 1] if commit else [1])
    assert readers.every.numbers == [0, 1]


def test_the_leader_of_a_transaction_dies() -> None:
    def steps(writer: Writer) -> Run:
        yield writer.app.until(3 * SECOND)
        for number in range(40):
            yield from writer.transaction(2 * number, 2 * number + 1, commit=number % 4 != 3)
            yield writer.app.busy(ms=250)

    writer, readers = Writer(steps), Readers()
    flown = story({"writer": writer, **readers.apps})
    flown.fly(5)
    flown.broker(flown.first_leader).stop()
    flown.fly(60)
    assert len(writer.log) == 81
    assert {result for _, result in writer.results} == {"ok"}
    assert readers.committed.numbers == [n for n in range(80) if n // 2 % 4 != 3]


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


def transformed(transactional: bool, disturb: Callable[[Story], None]) -> list[int]:
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
    return readers.committed.numbers


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


@pytest.mark.parametrize("disturb", [crash_of_the_app, crash_of_a_broker, crash_of_the_coordinator])
def test_consume_transform_produce_is_exactly_once(disturb: Callable[[Story], None]) -> None:
    assert transformed(True, disturb) == list(range(400))


def test_the_same_without_transactions_is_at_least_once() -> None:
    numbers = transformed(False, crash_of_the_app)
    assert sorted(set(numbers)) == list(range(400))
    assert len(numbers) > 400


def latencies(brokers: int, count: int = 60) -> tuple[list[float], list[float]]:
    """How long init, and how long each commit of a one-record transaction takes, in milliseconds."""

    def steps(writer: Writer) -> Run:
        for number in range(count):
            yield from writer.transaction(number)
            yield writer.app.busy(ms=20)

    writer = Writer(steps)
    topic = {"min.insync.replicas": 1}
    flown = Story(1, {"writer": writer}, topic, brokers, broker_config=FEW)
    flown.fly(10)
    assert [result for _, result in writer.results] == ["ok"] * (1 + 2 * count)
    sends = [took for name, _, took in writer.log if name == "send"]
    return sends, [took for name, _, took in writer.log if name == "commit"]


def test_a_commit_takes_one_write_of_the_coordinator_and_not_the_markers() -> None:
    """Replication makes the difference; a client's and a broker's own work is short here.

    Recording tx10 has a median of 2.1 ms (0.9 at least) on one broker that shares its machine with the client.
    """
    _, alone = latencies(1)
    _, replicated = latencies(3)
    assert max(alone) < 0.9 < sorted(replicated)[len(replicated) // 2] < 2.1


def produce(flown: Story, transactional_id: str | None, producer_id: int) -> ErrorCode:
    """A transactional batch in a request of its own."""
    batch = RecordBatch(RecordColumns.of([0], None, [b"0"]), 0, -1, producer_id, 0, 0, is_transactional=True)
    request = ProduceRequest(-1, 30_000, [(P, batch)], transactional_id)
    (answer,) = Probe(flown, f"probe-{transactional_id}-{producer_id}-{flown.now_s}").ask(flown.first_leader, request)
    assert isinstance(answer, ProduceResponse)
    return answer.partitions[P].error


def test_a_leader_refuses_what_the_coordinator_does_not_know() -> None:
    def steps(writer: Writer) -> Run:
        yield writer.app.busy(ms=1)

    flown = story({"writer": Writer(steps)})
    assert produce(flown, "stranger", 9) is ErrorCode.NOT_ENOUGH_REPLICAS  # there is no `__transaction_state` yet
    flown.fly(3)
    number = partition_for_transactional_id("writer", 3)
    log = flown.broker(coordinator(flown)).storage[TopicPartition(TRANSACTION_STATE_TOPIC, number)]
    (record,) = (record for batch in log.batches() for record in batch.records())
    known = decode_transaction(record.key or b"", record.value or b"").current.producer_id
    assert produce(flown, "stranger", 9) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert produce(flown, "writer", known + 1) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert produce(flown, None, known) is ErrorCode.INVALID_TXN_STATE
    assert flown.broker(flown.first_leader).storage[P].log_end_offset == 0
    assert produce(flown, "writer", known) is ErrorCode.NONE
