"""At most once, at least once, exactly once: four ways to commit, and what a crash makes of each.

Covers: delivery semantics, commit before and after the work, auto-commit, transactions, read_committed.

Story: A shop takes orders. Four billing services read the same orders, each in a group of its own, and write one
bill for each order to a topic of their own; a bank collects the bills with read_committed. The services differ only
in when they commit: before the work; after it; whenever auto-commit is due; in one transaction with the bills. All
four are killed (`kill -9`) in the same moments, twice. Later the broker that leads the orders is killed, too.

Watch for: the orders between the last commit and the kill. Who had committed before the work has lost them, who
commits after it bills them again, with auto-commit those of up to five seconds. The transaction of the fourth dies
with it and is aborted when its successor begins. The dead broker costs time, and neither a bill nor a second one. The
verdict finds nothing wrong: the brokers have delivered every order, and what is lost was lost after poll().

Predict: Which services charge somebody twice, and which forget somebody? What do smaller rounds change
(`--set max.poll.records=5`)? What does the bank collect with `--set isolation.level=read_uncommitted`?
"""

from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from scenarios.basics.broker_failure import PreferredLeaderCrash
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer import Consumer
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.actors.producer.producer import Producer
from sim.machine.clock import parse_duration
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.faults import Fault
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["BillersCrash", "Outcome", "scenario"]

KNOBS = {
    "arrivals": Knob("poisson:30", "how orders come, per second: poisson:30, constant:30, bursts:…, daily:…"),
    "duration": Knob("70s", "how long orders come"),
    "work_ms": Knob(20, "milliseconds of work for each bill", 1, 1000),
    "crash_at": Knob("20s", "when all billing services are killed"),
    "crash_again_at": Knob("32s", "when they are killed once more, while they catch up"),
    "back_after": Knob("2s", "how long until their processes are started again"),
    "broker_crash_at": Knob("48s", "when the broker that leads the orders is killed"),
    "broker_back_after": Knob("20s", "how long until its process is started again"),
}
Run = Generator[Event, Any, None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BillersCrash(Fault):
    """All billing services are killed at once and started again together."""

    @property
    def subject(self) -> str:
        """What breaks."""
        return "billing"

    def begin(self, flight: "Flight") -> None:
        """Kill them."""
        for name in BILLERS:
            flight.cluster.apps[name].stop()

    def end(self, flight: "Flight") -> None:
        """Start their processes again."""
        for name in BILLERS:
            flight.cluster.apps[name].start()


@dataclass(slots=True)
class Notes:
    """How many orders the shop has taken, and the bills that the bank has: by topic, offset and number of the order."""

    orders: int = 0
    bills: dict[str, dict[int, int]] = field(default_factory=dict)


def shop(workload: Workload, duration: int, notes: Notes) -> Behaviour:
    """Numbers the orders; its producer is idempotent, so that each is in the log once."""

    def run(app: App) -> Run:
        producer = app.producer(acks="all")
        for time in workload.arrivals(app.machine.streams.columns("orders"), duration):
            due = yield from app.arrive(time)
            yield from producer.send("orders", b"%d" % notes.orders, sent_at=due)
            notes.orders += 1
        yield from producer.close()

    return run


def bank(notes: Notes) -> Behaviour:
    """Collects the bills of all services."""

    def run(app: App) -> Run:
        consumer = app.consumer(
            "bank",
            BILLS,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            auto_commit_interval_ms=1000,
        )
        while True:
            for bill in (yield from consumer.poll()):
                notes.bills.setdefault(bill.topic, {})[bill.offset] = int(bill.value or b"")

    return run


def orders_of(app: App, auto_commit: bool = False) -> Consumer:
    """The consumer of a billing service, in a group of its own."""
    return app.consumer(
        app.name,
        ["orders"],
        auto_offset_reset="earliest",
        enable_auto_commit=auto_commit,
        session_timeout_ms=6000,
        max_poll_records=50,
    )


def bill(app: App, producer: Producer, orders: Iterable[ConsumerRecord], work_ms: int) -> Run:
    """One bill for each order, and wait until all are acknowledged."""
    for order in orders:
        yield app.busy(ms=work_ms)
        yield from producer.send(f"bills-{app.name}", order.value)
    yield from producer.flush()


def at_most_once(app: App, work_ms: int) -> Run:
    """Commits before the work: what a crash interrupts is never done."""
    consumer, producer = orders_of(app), app.producer()
    while True:
        if orders := (yield from consumer.poll()):
            yield from consumer.commit()
            yield from bill(app, producer, orders, work_ms)


def at_least_once(app: App, work_ms: int) -> Run:
    """Commits after the work: what a crash interrupts is done again."""
    consumer, producer = orders_of(app), app.producer()
    while True:
        if orders := (yield from consumer.poll()):
            yield from bill(app, producer, orders, work_ms)
            yield from consumer.commit()


def auto_commit(app: App, work_ms: int) -> Run:
    """Each poll commits what earlier ones returned, if auto.commit.interval.ms is over; the work is done by then."""
    consumer, producer = orders_of(app, auto_commit=True), app.producer()
    while True:
        orders = yield from consumer.poll()
        yield from bill(app, producer, orders, work_ms)


def exactly_once(app: App, work_ms: int) -> Run:
    """Bills and offsets in one transaction: both count, or neither; to begin ends what a dead predecessor left."""
    consumer, producer = orders_of(app), app.producer(transactional_id="billing")
    yield from producer.init_transactions()
    while True:
        if orders := (yield from consumer.poll()):
            producer.begin_transaction()
            yield from bill(app, producer, orders, work_ms)
            offsets = {TopicPartition(order.topic, order.partition): order.offset + 1 for order in orders}
            yield from producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
            yield from producer.commit_transaction()


BILLERS: dict[str, Callable[[App, int], Run]] = {
    "at-most-once": at_most_once,
    "at-least-once": at_least_once,
    "auto-commit": auto_commit,
    "exactly-once": exactly_once,
}
BILLS = tuple(f"bills-{name}" for name in BILLERS)


def service(steps: Callable[[App, int], Run], work_ms: int) -> Behaviour:
    """One of the billing services, with so much work for each bill."""
    return lambda app: steps(app, work_ms)


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    source = shop(parse_workload(settings["arrivals"]), duration, notes)
    work_ms, back = settings["work_ms"], settings["back_after"]
    return Plan(
        duration=duration,
        topics=tuple(Topic(name, 1, 3, {"min.insync.replicas": 2}) for name in ("orders", *BILLS)),
        apps=(
            AppSpec("shop", source, "shop", finite=True),
            *(AppSpec(name, service(steps, work_ms), name) for name, steps in BILLERS.items()),
            AppSpec("bank", bank(notes), "bank"),
        ),
        groups=(*(GroupSpec(name, ("orders",)) for name in BILLERS), GroupSpec("bank", BILLS)),
        faults=(
            BillersCrash(at=settings["crash_at"], lasts=back),
            BillersCrash(at=settings["crash_again_at"], lasts=back),
            PreferredLeaderCrash(
                partition=TopicPartition("orders", 0),
                at=settings["broker_crash_at"],
                lasts=settings["broker_back_after"],
            ),
        ),
        stages=(
            ("shop", "orders"),
            *(("orders", name) for name in BILLERS),
            *((name, f"bills-{name}") for name in BILLERS),
            *((topic, "bank") for topic in BILLS),
        ),
        wrap_up=lambda complete: results(notes) if complete else {},
    )


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of the orders in one billing service, in numbers of records.

    An order is `lost` if there is no bill for it but one for a later order; `open` if there is none for a later one
    either, as in a run that is cut short. `duplicated` counts the second and further bills.
    """

    inputs: int
    outputs: int
    lost: int
    duplicated: int
    open: int

    @classmethod
    def of(cls, inputs: int, billed: Sequence[int]) -> "Outcome":
        """From the number of orders and the numbers on the bills."""
        different, passed = len(set(billed)), max(billed, default=-1) + 1
        return cls(inputs, len(billed), passed - different, len(billed) - different, inputs - passed)


def results(notes: Notes) -> Mapping[str, object]:
    """Inputs, outputs, lost and duplicated for each way to commit."""
    found = {
        name: Outcome.of(notes.orders, list(notes.bills.get(topic, {}).values()))
        for name, topic in zip(BILLERS, BILLS, strict=True)
    }
    costs = [f"{name} {outcome.lost:,} lost, {outcome.duplicated:,} twice" for name, outcome in found.items()]
    return {
        "pipelines": {name: asdict(outcome) for name, outcome in found.items()},
        "finding": f"{notes.orders:,} orders billed through crashes: {'; '.join(costs)}",
        "sentences": table(found),
    }


def table(found: Mapping[str, Outcome]) -> list[str]:
    """The outcomes as lines of equal columns; orders without a bill as yet only if there are any."""
    columns = ["inputs", "outputs", "lost", "duplicated"]
    columns += ["open"] * any(outcome.open for outcome in found.values())
    lines = [f"{'':<14}" + "".join(f"{column:>12}" for column in columns)]
    for name, outcome in found.items():
        lines.append(f"{name:<14}" + "".join(f"{getattr(outcome, column):>12,}" for column in columns))
    return lines


scenario = Scenario(
    name="delivery-semantics",
    summary="Four ways to commit, killed in the same moments: who loses, who repeats, and who does neither.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
)
