"""A log and not a queue, and the offsets that count in it."""

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.observe.recorder import LogStep
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import Steps, source
from sim.world.cluster import ClusterSpec
from sim.world.faults import LatencySpike
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["QUESTIONS"]

RATE, LOAD_S = 20, 10
ORDERS_0 = TopicPartition("orders", 0)
Reads = dict[str, list[tuple[float, float]]]
"""For each reader, over the time in seconds, how many records it has read by then."""


def _note(app: App, reads: list[tuple[float, float]], count: int) -> None:
    """The reader has got so many records more."""
    before = reads[-1][1] if reads else 0.0
    reads += [(app.now / SECOND, before), (app.now / SECOND, before + count)]


def _reader(group_id: str, reads: Reads, begins_s: int = 0) -> Behaviour:
    """Reads everything that there is and comes."""

    def run(app: App) -> Steps:
        yield app.until(begins_s * SECOND)
        consumer = app.consumer(group_id, ["orders"], auto_offset_reset="earliest")
        while True:
            _note(app, reads[group_id], len((yield from consumer.poll())))

    return run


def _replay(reads: Reads) -> Behaviour:
    """Reads the log once more when all is written, from its first offset to its end."""

    def run(app: App) -> Steps:
        yield app.until((LOAD_S + 5) * SECOND)
        consumer = app.consumer()
        consumer.assign([ORDERS_0])
        consumer.seek_to_beginning()
        end = (yield from consumer.end_offsets([ORDERS_0]))[ORDERS_0]
        while (consumer.position(ORDERS_0) or 0) < end:
            _note(app, reads["replay"], len((yield from consumer.poll())))

    return run


def _make_readers(_: Settings) -> Plan:
    reads: Reads = {"billing": [], "audit": [], "replay": []}
    groups = {"billing": 0, "audit": LOAD_S // 2}
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1, broker_config={"offsets.topic.num.partitions": 1}),
        topics=(Topic("orders"),),
        apps=(
            AppSpec("shop", source("orders", Constant(RATE), LOAD_S), "shop", finite=True),
            *(AppSpec(name, _reader(name, reads, begins_s), name) for name, begins_s in groups.items()),
            AppSpec("replay", _replay(reads), "replay", finite=True),
        ),
        groups=tuple(GroupSpec(name, ("orders",)) for name in groups),
        stages=(("shop", "orders"), *(("orders", name) for name in reads)),
        wrap_up=lambda complete: dict(reads) if complete else {},
    )


READERS = Scenario(
    "two-groups-and-a-replay", "Two groups read a topic, and somebody reads it again.", "", _make_readers
)


def _read(run: Run) -> dict[str, int]:
    """How many records each reader has got in all."""
    return {name: round(reads[-1][1]) for name, reads in run.results.items()}


def _read_times(runs: Runs) -> Proof:
    run = runs["readers"]
    log, read = run.flight.cluster.log(ORDERS_0), _read(run)
    written, left = log.log_end_offset, log.log_end_offset - log.log_start_offset
    times = sum(read.values()) / written
    return Proof(
        all(count == written for count in read.values()) and left == written,
        times,
        "times",
        f"{written:,} records were written, {sum(read.values()):,} read, and {left:,} are in the log still.",
        {"written": written, "times": f"{times:g}", "total": sum(read.values()), "left": left, **read},
    )


def _not_gone(runs: Runs) -> tuple[bool, str]:
    run = runs["readers"]
    log, read = run.flight.cluster.log(ORDERS_0), _read(run)
    left = log.log_end_offset - log.log_start_offset
    return read["replay"] == left == read["billing"], (
        f"Both groups had read all {read['billing']:,} records, and a replay got {read['replay']:,} of them again."
    )


def _not_shared(runs: Runs) -> tuple[bool, str]:
    read = _read(runs["readers"])
    return read["billing"] == read["audit"] == max(read.values()), (
        f"The group billing read {read['billing']:,} records and the group audit {read['audit']:,}: each all of them."
    )


def _importer(holds_s: int) -> Behaviour:
    """Writes thirty records in a transaction and keeps it open for a while before it commits."""

    def run(app: App) -> Steps:
        producer = app.producer(transactional_id="importer")
        yield from producer.init_transactions()
        yield app.until(3 * SECOND)
        producer.begin_transaction()
        for number in range(30):
            yield from producer.send("orders", b"%d" % number)
        yield from producer.flush()
        yield app.busy(ms=1000 * holds_s)
        yield from producer.commit_transaction()
        yield from producer.close()

    return run


def _make_marks(_: Settings) -> Plan:
    reads: Reads = {"billing": []}
    brokers = ("broker-2", "broker-3")
    return Plan(
        duration=None,
        cluster=ClusterSpec(
            broker_config={"offsets.topic.num.partitions": 1, "transaction.state.log.num.partitions": 1}
        ),
        topics=(Topic("orders", 1, 3, {"min.insync.replicas": 2}, replicas=((1, 2, 3),)),),
        apps=(
            AppSpec("shop", source("orders", Constant(RATE), LOAD_S, acks="1"), "shop", finite=True),
            AppSpec("importer", _importer(3), "importer", finite=True, transactional=True),
            AppSpec("billing", _reader("billing", reads), "billing"),
        ),
        groups=(GroupSpec("billing", ("orders",)),),
        faults=(LatencySpike(side=("broker-1",), other=brokers, at="7s", lasts="2s", latency="400ms"),),
        stages=(("shop", "orders"), ("importer", "orders"), ("orders", "billing")),
    )


MARKS = Scenario("offsets-of-a-log", "A transaction stays open, then the followers are slow.", "", _make_marks)


def _steps(run: Run) -> list[LogStep]:
    """Time, log end, high watermark and last stable offset of each moment at which one of them had changed."""
    return run.recorded().steps[ORDERS_0]


def _never_above(runs: Runs) -> Proof:
    steps = _steps(runs["marks"])
    wrong = sum(not stable <= watermark <= end for _, end, watermark, stable in steps)
    unreplicated = max(end - watermark for _, end, watermark, _ in steps)
    unstable = max(watermark - stable for _, _, watermark, stable in steps)
    return Proof(
        wrong == 0 < min(unreplicated, unstable),
        wrong,
        "violations",
        f"At {len(steps)} moments at which one of them had moved, LSO <= HW <= LEO was violated {wrong} times; the "
        f"high watermark was up to {unreplicated} records behind the log end, the last stable offset up to {unstable}.",
        {
            "moments": len(steps),
            "wrong": wrong,
            "unreplicated": unreplicated,
            "unstable": unstable,
            "next": steps[-1][1],
        },
    )


def _the_end_is_not_visible(runs: Runs) -> tuple[bool, str]:
    gap = max(end - watermark for _, end, watermark, _ in _steps(runs["marks"]))
    return gap > 0, f"Up to {gap} records were in the leader's log, above the high watermark, and no consumer got them."


def _offsets_are_not_counts(runs: Runs) -> tuple[bool, str]:
    log = runs["marks"].flight.cluster.log(ORDERS_0)
    records, markers = log.log_end_offset, sum(batch.is_control for batch in log.batches(0))
    sent = records - markers
    return markers > 0, (
        f"Of {records} offsets {markers} is the marker that ended the transaction: only {sent} records were sent."
    )


QUESTIONS = (
    Question(
        number=3,
        topic="log",
        level="junior",
        asks="Is Kafka a message queue?",
        predict="Two groups read a topic, and when all is read somebody replays it. How many times as many records are "
        "read as were written?",
        flights={"readers": Experiment(READERS)},
        prove=_read_times,
        answer="""
            No, it is a log that can be used as one. A queue hands each message to one receiver and deletes it. Kafka
            appends a record to a partition, and reading changes nothing: a consumer has an offset, that is a position,
            and moves it. So every group reads everything, at its own pace, and can go back. In the run {written:,}
            records were written; billing read {billing:,}, audit {audit:,}, and a replay {replay:,} again: {total:,} in
            all, {times} times what was written, and {left:,} are in the log still. They go when retention says so, read
            or not. Inside one group it looks like a queue, since the members share the partitions, but there is no
            acknowledgement per record, only a committed offset for each partition.
        """,
        follow_up="What do you do if you do need a queue?",
        follow_up_answer="""
            Share groups (KIP-932): several members read the same partition and acknowledge, release or reject single
            records, with a delivery count; order is given up for that. The log below stays a log: the {written:,}
            records here would still be there for other groups.
        """,
        wrong=(
            WrongAnswer("A record is deleted once it has been consumed.", _not_gone),
            WrongAnswer("Several groups share the records of a topic among them.", _not_shared),
        ),
        picture=Picture(
            x="seconds",
            y="records read so far",
            curves=lambda runs: dict(runs["readers"].results),
            title=lambda runs: (
                "Written once, read {times} times: billing {billing:,}; audit {audit:,}; replay {replay:,}"
            ).format_map(_read_times(runs).figures),
        ),
    ),
    Question(
        number=4,
        topic="log",
        level="senior",
        asks="What are offset, log end offset, high watermark and last stable offset?",
        predict="A transaction is open for 3 s, and later the followers are slow. How many times is the high watermark "
        "above the log end offset, or the last stable offset above the high watermark?",
        flights={"marks": Experiment(MARKS, recorded=True)},
        prove=_never_above,
        answer="""
            An offset is the place of a record in its partition: it counts from 0 and never changes. The log end offset,
            LEO, is the offset that the next record will get; each replica has its own. The high watermark, HW, is the
            offset up to which all in-sync replicas have the log; consumers see nothing above it, so nobody reads what a
            failover could take back. The last stable offset, LSO, is where the first open transaction begins, or the
            HW; read_committed stops there. Hence LSO <= HW <= LEO, always: at {moments} moments the run violated it
            {wrong} times. While followers were slow the HW was up to {unreplicated} records behind the LEO; while a
            transaction was open the LSO was up to {unstable} behind the HW.
        """,
        follow_up="What does a consumer commit, then?",
        follow_up_answer="""
            The offset of the next record it wants, that is the last one it has processed plus one. A group that has
            done everything here has committed {next}, which is the log end offset and the offset of no record yet; its
            lag is zero.
        """,
        wrong=(
            WrongAnswer("A consumer sees a record as soon as it is in the leader's log.", _the_end_is_not_visible),
            WrongAnswer(
                "The difference of two offsets is the number of records between them.", _offsets_are_not_counts
            ),
        ),
        picture=Picture(
            "marks",
            "staircase",
            title=lambda runs: (
                f"LSO <= HW <= LEO at {_never_above(runs).figures['moments']} moments; "
                f"HW up to {_never_above(runs).figures['unreplicated']} behind LEO; "
                f"LSO up to {_never_above(runs).figures['unstable']} behind HW"
            ),
        ),
    ),
)
