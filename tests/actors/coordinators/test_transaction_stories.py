"""Transactions from end to end: producers, coordinators, markers, and what consumers see of it."""

from sim.actors.client.app import App
from sim.machine.clock import SECOND
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import ProduceRequest, ProduceResponse
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transaction_coordinator import partition_for_transactional_id
from sim.rules.transactions.transaction_log import TRANSACTION_STATE_TOPIC, decode_transaction
from tests.actors.flights import P, Probe, Story, seconds
from tests.actors.transactional import FEW, Readers, Run, Writer, coordinator, story


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


def test_a_producer_that_is_closed_aborts_what_is_open() -> None:
    def steps(writer: Writer) -> Run:
        writer.producer.begin_transaction()
        yield from writer.send(0)
        yield from writer.producer.close()

    flown = story({"writer": Writer(steps)})
    flown.fly(3)
    log = flown.broker(flown.first_leader).storage[P]
    assert [entry.first_offset for entry in log.aborted.entries] == [0]


def test_an_abort_gives_up_what_has_not_left() -> None:
    errors: list[ErrorCode | None] = []

    def steps(writer: Writer) -> Run:
        writer.producer.begin_transaction()
        delivery = yield from writer.producer.send(P.topic, value=b"0", partition=0)
        yield from writer.end(commit=False)
        errors.append(delivery.batch.error)
        yield from writer.transaction(1)

    writer, readers = Writer(steps, linger_ms=500), Readers()
    story({"writer": writer, **readers.apps}).fly(6)
    assert errors == [ErrorCode.OPERATION_NOT_ATTEMPTED]
    assert {result for _, result in writer.results} == {"ok"}
    assert readers.every.numbers == [1]


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
