"""Orders, payments, shipping as services that share events: an order that is saved, and whose event is lost.

Covers: event-driven microservices, dual write, outbox, retry topic, dead-letter topic, idempotent handling.

Story: The order service saves each order in its database and tells the others by an event in sales_transactions.
Payments charges the card: some charges fail at first and go round by a retry topic, and some never will, which end in
the dead-letter topic after a number of attempts. Shipping sends what was paid. The order service is killed in the
middle, and started again. With a dual write it saves, then sends: what was in its producer's buffer dies with it. With
an outbox the event is a row that the same database transaction saves; a relay reads the rows, sends them, and crosses
them out when they are acknowledged.

Watch for: orders in the database that nobody ever hears of, although Kafka has lost nothing that it acknowledged; with
the outbox events that may come twice, if the relay dies before it has crossed them out; payments knows their numbers.

Predict: The producer lingers for 200 ms: how many orders are lost with Kafka's 5 ms (`--set linger.ms=5`)? Does
`acks=all` help? Why is it no cure to send first and save afterwards? And what does `--set outbox=true` cost?
"""

from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import parse_duration
from sim.scenario import Scenario
from sim.world.faults import AppCrash
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:50", "how orders come, per second: poisson:50, constant:50, bursts:…, daily:…"),
    "duration": Knob("40s", "how long orders come"),
    "outbox": Knob(False, "whether events are rows of an outbox, saved with the order, or a second write"),
    "attempts": Knob(3, "how often a charge is tried before it is given up", 1, 100),
    "fails": Knob(0.1, "share of charges that fail", 0.0, 1.0),
    "crash_at": Knob("20s", "when the order service is killed"),
    "back_after": Knob("2s", "how long until it is started again"),
}
Steps = Generator[Event, Any, None]
ORDERS, RETRY, DEAD, PAID = "sales_transactions", "payments-retry", "payments-dead-letters", "payments"


@dataclass(slots=True)
class Books:
    """What survives a crash: databases of the services, by the numbers of orders; `outbox` are rows still to send."""

    orders: list[int] = field(default_factory=list)
    outbox: list[int] = field(default_factory=list)
    events: dict[int, int] = field(default_factory=dict)
    paid: set[int] = field(default_factory=set)
    retried: int = 0
    dead: set[int] = field(default_factory=set)
    shipped: dict[int, int] = field(default_factory=dict)


def order_service(workload: Workload, duration: int, outbox: bool, books: Books) -> Behaviour:
    """Saves each order and sees to its event; a service that was started again goes on with the orders that come."""

    def run(app: App) -> Steps:
        producer, begun = app.producer(acks="all", linger_ms=200), app.now
        for number, time in enumerate(workload.arrivals(app.machine.streams.columns("orders"), duration)):
            if time < begun:
                continue
            yield from app.arrive(time)
            books.orders.append(number)
            if outbox:
                books.outbox.append(number)
            else:
                yield from producer.send(ORDERS, b"%d" % number, b"order-%d" % number)
        yield from producer.close()

    return run


def relay(busy: Callable[[App], bool], books: Books) -> Behaviour:
    """Sends the rows of the outbox and crosses out what is acknowledged."""

    def run(app: App) -> Steps:
        producer = app.producer(acks="all")
        while busy(app) or books.outbox:
            rows = list(books.outbox)
            for number in rows:
                yield from producer.send(ORDERS, b"%d" % number, b"order-%d" % number)
            yield from producer.flush()
            del books.outbox[: len(rows)]
            yield app.busy(ms=100)
        yield from producer.close()

    return run


def payments(attempts: int, fails: float, books: Books) -> Behaviour:
    """Charges each order once; what fails goes to the retry topic, and in the end to the dead letters."""

    def run(app: App) -> Steps:
        consumer = app.consumer("payments", [ORDERS, RETRY], auto_offset_reset="earliest", enable_auto_commit=False)
        producer, bank = app.producer(acks="all"), app.machine.streams["bank"]
        while True:
            records = yield from consumer.poll()
            for record in records:
                number, tried = int(record.value or b"0"), sum(1 for name, _ in record.headers if name == "tried")
                if record.topic == ORDERS:
                    books.events[number] = books.events.get(number, 0) + 1
                    if books.events[number] > 1:
                        continue
                if number % 100 != 13 and bank.random() >= fails:
                    books.paid.add(number)
                    yield from producer.send(PAID, record.value, record.key)
                elif tried + 1 < attempts:
                    books.retried += 1
                    yield from producer.send(RETRY, record.value, record.key, headers=[*record.headers, ("tried", b"")])
                else:
                    books.dead.add(number)
                    yield from producer.send(DEAD, record.value, record.key)
            if records:
                yield from producer.flush()
                yield from consumer.commit()

    return run


def shipping(books: Books) -> Behaviour:
    """Ships what is paid."""

    def run(app: App) -> Steps:
        consumer = app.consumer("shipping", [PAID], auto_offset_reset="earliest")
        while True:
            for record in (yield from consumer.poll()):
                number = int(record.value or b"0")
                books.shipped[number] = books.shipped.get(number, 0) + 1

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    books, duration, outbox = Books(), parse_duration(settings["duration"]), settings["outbox"]
    orders = order_service(parse_workload(settings["arrivals"]), duration, outbox, books)
    relays = (AppSpec("relay", relay(lambda app: app.now < duration, books), "orders", finite=True),) if outbox else ()
    crash = {"at": settings["crash_at"], "lasts": settings["back_after"]}
    topics = {ORDERS: 3, RETRY: 1, DEAD: 1, PAID: 3}
    return Plan(
        duration=None,
        topics=tuple(Topic(name, count, 3, {"min.insync.replicas": 2}) for name, count in topics.items()),
        apps=(
            AppSpec("orders", orders, "orders", finite=True),
            *relays,
            AppSpec("payments", payments(settings["attempts"], settings["fails"], books), "payments-service"),
            AppSpec("shipping", shipping(books), "shipping"),
        ),
        groups=(GroupSpec("payments", (ORDERS, RETRY)), GroupSpec("shipping", (PAID,))),
        faults=tuple(AppCrash(app=name, **crash) for name in ("orders", *(spec.name for spec in relays))),
        stages=(
            ("orders", ORDERS),
            (ORDERS, "payments-service"),
            ("payments-service", RETRY),
            (RETRY, "payments-service"),
            ("payments-service", DEAD),
            ("payments-service", PAID),
            (PAID, "shipping"),
        ),
        wrap_up=lambda complete: results(books) if complete else {},
    )


def results(books: Books) -> Mapping[str, object]:
    """What became of the orders in the database."""
    unheard = [number for number in books.orders if number not in books.events]
    twice = sum(count > 1 for count in books.events.values())
    return {
        "orders": len(books.orders),
        "without_event": len(unheard),
        "events_twice": twice,
        "shipped": len(books.shipped),
        "shipped_twice": sum(count > 1 for count in books.shipped.values()),
        "retries": books.retried,
        "dead_letters": len(books.dead),
        "open": len([number for number in books.events if number not in books.shipped and number not in books.dead]),
        "finding": f"{len(books.orders):,} orders saved, {len(unheard):,} of them without an event; "
        f"{twice:,} events came twice",
        "sentences": [
            f"Of {len(books.orders):,} orders {len(books.shipped):,} were shipped, {len(books.dead):,} ended in the "
            f"dead-letter topic after {books.retried:,} retries in all, and {len(unheard):,} were never heard of."
        ],
    }


def claims(run: "Run") -> Mapping[str, bool]:
    """The dual write loses events, and Kafka is not to blame."""
    found = run.results
    return {
        "a dual write leaves orders in the database without an event": found["without_event"] > 0,
        "Kafka has lost none that it acknowledged": not run.verdict.lost,
        **settled(run),
    }


def settled(run: "Run") -> Mapping[str, bool]:
    """With and without the outbox every event comes to an end."""
    found = run.results
    return {
        "every order with an event is shipped once or is a dead letter": found["open"] == found["shipped_twice"] == 0,
        "charges that fail are tried again, and some end as dead letters": found["retries"] > 0 < found["dead_letters"],
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """With the outbox every order has its event."""
    return {"with an outbox every order has an event": run.results["without_event"] == 0, **settled(run)}


scenario = Scenario(
    name="order-saga",
    summary="Orders, payments, shipping: a dual write loses events at a crash, an outbox does not.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"outbox": True},
    cured=cured,
)
