"""What readers see of transactions: read_committed, and what it waits for."""

from statistics import median

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.config import ConsumerConfig
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Steps, small
from sim.teach.interview.semantics.members import ONE_BROKER
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

BILLS = TopicPartition("bills", 0)
LEVELS, END_S, ABORT_EACH = ("read_committed", "read_uncommitted"), 24, 4
Ages = dict[str, dict[str, list[float]]]


def _biller(length: int) -> Behaviour:
    """Ten bills a second in transactions of one length (nanoseconds); every fourth is aborted."""

    def run(app: App) -> Steps:
        producer = app.producer(transactional_id="biller")
        yield from producer.init_transactions()
        for number in range(END_S * SECOND // length):
            good = number % ABORT_EACH != ABORT_EACH - 1
            producer.begin_transaction()
            for step in range(length * 10 // SECOND):
                yield from app.arrive(2 * SECOND + number * length + step * SECOND // 10)
                yield from producer.send("bills", b"good" if good else b"bad")
            yield app.until(2 * SECOND + (number + 1) * length - 20 * MILLISECOND)
            yield from producer.flush()
            yield from (producer.commit_transaction() if good else producer.abort_transaction())

    return run


def _plain(app: App) -> Steps:
    """Bills outside of any transaction, in the same partition."""
    producer = app.producer()
    for number in range(END_S * 10):
        yield from app.arrive(2 * SECOND + 50 * MILLISECOND + number * SECOND // 10)
        yield from producer.send("bills", b"plain")
    yield from producer.close()


def _reader(level: str, ages: Ages) -> Behaviour:
    """Notes how old each bill is when it gets it, milliseconds by kind."""

    def run(app: App) -> Steps:
        consumer = app.consumer(auto_offset_reset="earliest", isolation_level=level)
        consumer.assign([BILLS])
        while True:
            for bill in (yield from consumer.poll()):
                kind = (bill.value or b"").decode()
                ages.setdefault(level, {}).setdefault(kind, []).append(app.now / MILLISECOND - bill.timestamp_ms)

    return run


def _bills_plan(settings: Settings) -> Plan:
    """One producer with transactions, one without, and two readers."""
    ages: Ages = {}
    return Plan(
        duration=(END_S + 5) * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("bills"),),
        apps=(
            AppSpec("biller", _biller(settings["length_ms"] * MILLISECOND), "biller", True, True),
            AppSpec("plain", _plain, "plain", finite=True),
            *(AppSpec(level, _reader(level, ages), level) for level in LEVELS),
        ),
        stages=(("biller", "bills"), ("plain", "bills"), *(("bills", level) for level in LEVELS)),
        wrap_up=lambda complete: {"ages_ms": ages} if complete else {},
    )


BILLING = small(
    "transaction-length", _bills_plan, {"length_ms": Knob(2000, "milliseconds of a transaction", 200, 10_000)}
)
LENGTHS = {"short": 500, "middle": 1000, "long": 2000}


def _ages(run: Run, level: str, kind: str) -> list[float]:
    found: list[float] = run.results["ages_ms"][level].get(kind, [])
    return found


def _committed(runs: Runs) -> Proof:
    run, (strict, loose) = runs["long"], LEVELS
    waits = {name: max(_ages(runs[name], strict, "good")) for name in LENGTHS}
    aborted, seen = len(_ages(run, strict, "bad")), len(_ages(run, loose, "bad"))
    near = all(abs(wait - LENGTHS[name]) < 100 for name, wait in waits.items())
    return Proof(
        near and aborted == 0 < seen and max(_ages(run, loose, "good")) < 300,
        waits["long"] / 1000,
        "s",
        f"With transactions of {LENGTHS['long'] / 1000:.0f} s read_committed sees a record up to {waits['long']:,.0f} "
        f"ms after it was sent, and {aborted} of {seen} aborted ones.",
        {
            "length": LENGTHS["long"] / 1000,
            "most": waits["long"] / 1000,
            "median_ms": median(_ages(run, strict, "good")),
            "loose_ms": median(_ages(run, loose, "good")),
            "short_ms": waits["short"],
            "aborted": aborted,
            "seen": seen,
            "plain": max(_ages(run, strict, "plain")) / 1000,
            "default": ConsumerConfig().isolation_level,
        },
    )


def _plain_records_wait(runs: Runs) -> tuple[bool, str]:
    run = runs["long"]
    waited, loose = (max(_ages(run, level, "plain")) for level in LEVELS)
    return waited > 0.9 * LENGTHS["long"] > 5 * loose, (
        f"Records of a producer without transactions were up to {waited:,.0f} ms old when read_committed got them, "
        f"{loose:.0f} ms with read_uncommitted: they stand behind the open transaction of another one."
    )


def _aborted_are_in_the_log(runs: Runs) -> tuple[bool, str]:
    seen = len(_ages(runs["long"], "read_uncommitted", "bad"))
    return seen > 0, f"{seen} aborted records are in the log and read_uncommitted, which is the default, got them."


QUESTIONS = (
    Question(
        number=53,
        topic="semantics",
        level="junior",
        asks="What does isolation.level=read_committed do, and what does it cost?",
        predict="Transactions of two seconds: how many seconds old is the oldest record when read_committed sees it?",
        flights={name: Experiment(BILLING, {"length_ms": length}) for name, length in LENGTHS.items()},
        prove=_committed,
        answer="""
            A consumer with read_committed gets records of transactions only when they are committed, and never those of
            aborted ones. Records of an open transaction are in the log at once; the broker lets the consumer read up to
            the last stable offset, the first record of the oldest open transaction, and tells it which transactions
            were aborted, so that it skips them. So the price is latency: up to the length of a transaction. In the run
            with {length:.0f} seconds the oldest was {most:.2f} seconds old, the median {median_ms:,.0f} milliseconds
            instead of {loose_ms:.0f}; of {seen} aborted records it got {aborted}. The default is {default}.
        """,
        follow_up="Do records outside of transactions wait, too?",
        follow_up_answer="""
            Yes, if they stand behind an open transaction in the same partition: up to {plain:.2f} seconds in the run.
            Order is kept, so the consumer cannot skip ahead. Short transactions help: with half a second the longest
            wait was {short_ms:,.0f} milliseconds.
        """,
        wrong=(
            WrongAnswer("Only records of transactions wait; all others pass.", _plain_records_wait),
            WrongAnswer("Aborted records are removed from the log.", _aborted_are_in_the_log),
        ),
        picture=Picture(
            x="length of a transaction, seconds",
            y="longest wait until a record is seen, seconds",
            curves=lambda runs: {
                level: [(LENGTHS[name] / 1000, max(_ages(runs[name], level, "good")) / 1000) for name in LENGTHS]
                for level in LEVELS
            },
            title=lambda runs: (
                f"read_committed waits for the length of a transaction: {_committed(runs).number:.2f} s for "
                f"{LENGTHS['long'] / 1000:.0f} s"
            ),
        ),
    ),
)
