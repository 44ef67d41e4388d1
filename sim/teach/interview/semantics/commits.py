"""At most once, at least once, exactly once: when a service commits, and what crashes make of it."""

from collections import Counter
from collections.abc import Callable, Mapping
from itertools import accumulate

from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.actors.producer.producer import Producer
from sim.machine.clock import SECOND
from sim.rules.topics import TopicPartition
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, Steps, small, writer
from sim.teach.interview.semantics.members import ONE_BROKER, static_member
from sim.world.faults import AppCrash
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

KILLS, RATE = tuple(f"{8 + 2.3 * number:.1f}s" for number in range(10)), 40
Records = list[ConsumerRecord]


def _bill(app: App, producer: Producer, orders: Records) -> Steps:
    for order in orders:
        yield app.busy(ms=15)
        yield from producer.send(f"bills-{app.name}", order.value)
    yield from producer.flush()


def _at_most_once(app: App) -> Steps:
    """Commits, then works."""
    consumer, producer = static_member(app), app.producer()
    while True:
        if orders := (yield from consumer.poll()):
            yield from consumer.commit()
            yield from _bill(app, producer, orders)


def _at_least_once(app: App) -> Steps:
    """Works, then commits."""
    consumer, producer = static_member(app), app.producer()
    while True:
        if orders := (yield from consumer.poll()):
            yield from _bill(app, producer, orders)
            yield from consumer.commit()


def _exactly_once(app: App) -> Steps:
    """Commits bills and offsets in one transaction."""
    consumer, producer = static_member(app), app.producer(transactional_id=app.name)
    yield from producer.init_transactions()
    while True:
        if orders := (yield from consumer.poll()):
            producer.begin_transaction()
            yield from _bill(app, producer, orders)
            offsets = {TopicPartition("orders", 0): orders[-1].offset + 1}
            yield from producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
            yield from producer.commit_transaction()


SERVICES: Mapping[str, Callable[[App], Steps]] = {
    "at-most-once": _at_most_once,
    "at-least-once": _at_least_once,
    "exactly-once": _exactly_once,
}


def _bank(bills: dict[str, list[int]]) -> Behaviour:
    """Reads all bills in the end."""

    def run(app: App) -> Steps:
        yield app.until(45 * SECOND)
        consumer = app.consumer(auto_offset_reset="earliest", isolation_level="read_committed")
        consumer.assign([TopicPartition(f"bills-{name}", 0) for name in SERVICES])
        while found := (yield from consumer.poll(3000)):
            for bill in found:
                bills.setdefault(bill.topic.removeprefix("bills-"), []).append(int(bill.value or b""))

    return run


def _services_plan(_: Settings) -> Plan:
    """Three services read the same orders and are killed in the same moments."""
    sent, bills = Sent(), dict[str, list[int]]()
    return Plan(
        duration=45 * SECOND,
        cluster=ONE_BROKER,
        topics=(Topic("orders"), *(Topic(f"bills-{name}") for name in SERVICES)),
        apps=(
            AppSpec("shop", writer("orders", RATE, 26, sent, begins_s=6, linger_ms=500), "shop", finite=True),
            *(AppSpec(name, steps, name, transactional=name == "exactly-once") for name, steps in SERVICES.items()),
            AppSpec("bank", _bank(bills), "bank", finite=True),
        ),
        groups=tuple(GroupSpec(name, ("orders",)) for name in SERVICES),
        faults=tuple(AppCrash(app=name, at=at, lasts="200ms") for name in SERVICES for at in KILLS),
        stages=(
            ("shop", "orders"),
            *(("orders", name) for name in SERVICES),
            *((name, f"bills-{name}") for name in SERVICES),
            *((f"bills-{name}", "bank") for name in SERVICES),
        ),
        wrap_up=lambda complete: _outcome(sent.count, bills) if complete else {},
    )


def _outcome(orders: int, bills: Mapping[str, list[int]]) -> dict[str, object]:
    found = {name: bills.get(name, []) for name in SERVICES}
    return {
        "orders": orders,
        "lost": {name: orders - len(set(each)) for name, each in found.items()},
        "twice": {name: len(each) - len(set(each)) for name, each in found.items()},
        "wrong": {name: _wrong_so_far(orders, Counter(each)) for name, each in found.items()},
    }


def _wrong_so_far(orders: int, bills: Mapping[int, int]) -> list[tuple[int, int]]:
    """Of the first so many orders, how many bills are missing or too many."""
    wrong = accumulate(abs(bills.get(order, 0) - 1) for order in range(orders))
    return [(0, 0), *list(enumerate(wrong, start=1))[9::10]]


def _three_ways(runs: Runs) -> Proof:
    found = runs["crashes"].results
    lost, twice = found["lost"], found["twice"]
    most, least, exactly = SERVICES
    holds = lost[most] > 0 == twice[most] and twice[least] > 0 == lost[least] and lost[exactly] == twice[exactly] == 0
    return Proof(
        holds,
        twice[least],
        "orders billed twice",
        f"{len(KILLS)} crashes, {found['orders']:,} orders: committed first, {lost[most]} are never billed; committed "
        f"afterwards, {twice[least]} are billed twice; in one transaction {lost[exactly]} and {twice[exactly]}.",
        {
            "kills": len(KILLS),
            "orders": found["orders"],
            "lost": lost[most],
            "twice": twice[least],
            "exactly_lost": lost[exactly],
            "exactly_twice": twice[exactly],
            "redelivered": runs["crashes"].verdict.redelivered["exactly-once"],
        },
    )


def _kafka_delivers_all(runs: Runs) -> tuple[bool, str]:
    run = runs["crashes"]
    lost = run.results["lost"]["at-most-once"]
    return run.verdict.ok and lost > 0, (
        f"The brokers lost {len(run.verdict.lost)} records and delivered all of them; {lost} orders were lost after "
        f"poll(), as their offsets had been committed before the work."
    )


def _read_again(runs: Runs) -> tuple[bool, str]:
    run = runs["crashes"]
    again, twice = run.verdict.redelivered["exactly-once"], run.results["twice"]["exactly-once"]
    return again > 0 == twice, (
        f"The transactional service read {again} records more than once, and {twice} of its bills are there twice: "
        f"not delivery is exactly once, but the effect in Kafka."
    )


QUESTIONS = (
    Question(
        number=51,
        topic="semantics",
        level="junior",
        asks="At most once, at least once, exactly once: what decides which one you have?",
        predict="A service commits after its work and is killed ten times: how many orders does it bill twice?",
        flights={"crashes": Experiment(small("three-ways", _services_plan))},
        prove=_three_ways,
        answer="""
            The order of two steps: the work and the commit of the offset. Commit first, and what a crash interrupts is
            never done: at most once, {lost} of {orders:,} orders lost in {kills} crashes. Work first, and it is done
            again: at least once, {twice} billed twice. Exactly once needs both in one step. In Kafka that is a
            transaction: results and offsets are committed together, who reads with read_committed sees neither before.
            In the same crashes {exactly_lost} were lost and {exactly_twice} billed twice, though {redelivered} were
            read again. Outside of Kafka you need at least once and an idempotent effect.
        """,
        follow_up="Which one do you get by default?",
        follow_up_answer="""
            At least once, if you handle the records of a poll before you poll again: auto-commit then commits what
            earlier polls returned. If you hand them to threads and poll on, neither: a crash may lose some and repeat
            others. In the run at least once repeated {twice} of {orders:,}.
        """,
        wrong=(
            WrongAnswer("The broker decides: with acks=all and idempotence nothing is lost.", _kafka_delivers_all),
            WrongAnswer("With exactly once each record is delivered once only.", _read_again),
        ),
        picture=Picture(
            x="orders",
            y="of them lost or billed twice",
            curves=lambda runs: {
                name: [(order, wrong) for order, wrong in points]
                for name, points in runs["crashes"].results["wrong"].items()
            },
            title=lambda runs: (
                f"{len(KILLS)} crashes: commit first loses {_three_ways(runs).figures['lost']} orders; commit "
                f"afterwards repeats {_three_ways(runs).figures['twice']}; a transaction neither"
            ),
        ),
    ),
)
