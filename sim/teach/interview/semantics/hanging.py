"""A transaction that does not end, and the last stable offset that waits for it."""

from itertools import pairwise

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.config import ProducerConfig
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, Steps, small, writer
from sim.teach.interview.semantics.members import ONE_BROKER
from sim.world.faults import AppHang
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

BILLS, LEVELS = TopicPartition("bills", 0), ("read_committed", "read_uncommitted")
HANG_S, HANGING_END_S = 13, 90


def _hanging(app: App) -> Steps:
    """One transaction after the other, of half a second."""
    producer = app.producer(transactional_id="hanging")
    yield from producer.init_transactions()
    for number in range(2 * HANGING_END_S):
        yield app.until((number + 2) * SECOND // 2)
        producer.begin_transaction()
        yield from producer.send("bills", b"%d" % number)
        yield app.busy(ms=300)
        yield from producer.commit_transaction()


def _member(level: str, got: dict[str, list[int]]) -> Behaviour:
    """Reads in a group, and notes when."""

    def run(app: App) -> Steps:
        consumer = app.consumer(level, ["bills"], auto_offset_reset="earliest", isolation_level=level)
        while True:
            got.setdefault(level, []).extend(app.now for _ in (yield from consumer.poll()))

    return run


def _hanging_plan(_: Settings) -> Plan:
    """A producer hangs in the middle of a transaction; another one goes on."""
    sent, got = Sent(), dict[str, list[int]]()
    return Plan(
        duration=HANGING_END_S * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("bills"),),
        apps=(
            AppSpec("hanging", _hanging, "hanging", transactional=True),
            AppSpec("plain", writer("bills", 10, HANGING_END_S, sent), "plain", finite=True),
            *(AppSpec(level, _member(level, got), level) for level in LEVELS),
        ),
        groups=tuple(GroupSpec(level, ("bills",)) for level in LEVELS),
        faults=(AppHang(app="hanging", at=f"{HANG_S}.15s"),),
        stages=(("hanging", "bills"), ("plain", "bills"), *(("bills", level) for level in LEVELS)),
        wrap_up=lambda complete: (
            {"read_s": {level: [t / SECOND for t in times] for level, times in got.items()}} if complete else {}
        ),
    )


HANGING = small("hanging-transaction", _hanging_plan)


def _gaps(run: Run) -> list[tuple[float, float]]:
    """Points (seconds, records between last stable offset and high watermark)."""
    steps = run.recorded().steps[BILLS]
    return [(step.time_s, step.high_watermark - step.last_stable_offset) for step in steps]


def _stood_still_s(run: Run) -> tuple[float, float]:
    """The longest time without another last stable offset, and when it began."""
    moves, last = [(0.0, 0)], 0
    for step in run.recorded().steps[BILLS]:
        if step.last_stable_offset > last:
            last = step.last_stable_offset
            moves.append((step.time_s, last))
    longest = max(range(1, len(moves)), key=lambda at: moves[at][0] - moves[at - 1][0])
    return moves[longest][0] - moves[longest - 1][0], moves[longest - 1][0]


def _stuck(runs: Runs) -> Proof:
    run = runs["hanging"]
    still, since = _stood_still_s(run)
    timeout = ProducerConfig().transaction_timeout_ms / 1000
    gap = max(points for _, points in _gaps(run))
    strict, loose = (_longest_s(run, level) for level in LEVELS)
    return Proof(
        timeout <= still <= timeout + 12 and since > HANG_S - 1 and gap > 9 * timeout and loose < 2,
        still,
        "s",
        f"The last stable offset stood still for {still:.1f} s, {gap:,.0f} records below the high watermark in the "
        f"end.",
        {
            "still": still,
            "gap": gap,
            "timeout": timeout,
            "strict": strict,
            "loose": loose,
            "sweep": run.flight.cluster.config.transaction_abort_timed_out_transaction_cleanup_interval_ms / 1000,
        },
    )


def _longest_s(run: Run, level: str) -> float:
    times: list[float] = run.results["read_s"][level]
    return max(later - time for time, later in pairwise(times))


def _others_wait(runs: Runs) -> tuple[bool, str]:
    strict, loose = (_longest_s(runs["hanging"], level) for level in LEVELS)
    return strict > 30 * loose, (
        f"The readers with read_committed got nothing for {strict:.1f} s, not even records of the producer that was "
        f"well; those with read_uncommitted never waited longer than {loose:.1f} s."
    )


def _watermark_moves(runs: Runs) -> tuple[bool, str]:
    run = runs["hanging"]
    under = [value for _, value in zip(*run.metrics.series("UnderReplicatedPartitions"), strict=True)]
    gap = max(points for _, points in _gaps(run))
    return gap > 100 and not any(under), (
        f"The high watermark went on, {gap:,.0f} records ahead of the last stable offset, and {sum(under):.0f} "
        f"partitions were under-replicated: only transactions hold the last stable offset back."
    )


QUESTIONS = (
    Question(
        number=58,
        topic="semantics",
        level="senior",
        asks="Consumers with read_committed stand still, all brokers are well. What is it?",
        predict="A producer hangs in a transaction. For how many seconds does the last stable offset stand still?",
        flights={"hanging": Experiment(HANGING, recorded=True)},
        prove=_stuck,
        answer="""
            An open transaction that does not end. The last stable offset cannot pass its first record, while the high
            watermark goes on with what others write: in the run the gap grew to {gap:,.0f} records, and read_committed
            got nothing for {strict:.0f} seconds. A producer that hangs or has died without a successor is ended by the
            transaction coordinator: after transaction.timeout.ms, {timeout:.0f} seconds by default, it aborts, and it
            looks every {sweep:.0f} seconds; here it took {still:.1f}. A new producer with the same transactional.id
            aborts it at once. What you watch is LastStableOffsetLag of the partition.
        """,
        follow_up="And if it stays open for longer than the timeout?",
        follow_up_answer="""
            Then the coordinator does not know of it: a hanging transaction, from a late write after an abort.
            kafka-transactions.sh finds and aborts it. Since KIP-890 brokers verify with the coordinator before they
            append, so that new clients cannot make one. An ordinary one is over after {timeout:.0f} to some {still:.0f}
            seconds.
        """,
        wrong=(
            WrongAnswer("Only the producer that hangs is affected.", _others_wait),
            WrongAnswer("The high watermark is stuck, so a replica must be out of sync.", _watermark_moves),
        ),
        picture=Picture(
            x="seconds from the start",
            y="records from last stable offset to high watermark",
            curves=lambda runs: {"gap": _gaps(runs["hanging"])},
            title=lambda runs: (
                f"A transaction hangs: the last stable offset stands still for {_stuck(runs).number:.1f} s"
            ),
        ),
    ),
)
