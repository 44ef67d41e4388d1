"""Card payments under fire: what happens to every payment when a broker and a fraud detector die.

Covers: producing with acks=all, keys and partitions, replication and ISR, consumer groups and rebalance,
idempotent loading, delivery at least once.

Story: Gateways take card payments (1) and send them, keyed by card, to the topic `payments` with six
partitions on three brokers (2). Three fraud detectors share the topic and send what looks wrong to
`alerts` (3). A loader fills a warehouse, a real DuckDB file (4), and an alerting service raises the alerts
(5). Halfway a broker is killed and comes back; later a detector is killed and comes back.

Watch for: the flat line of acknowledgements while the controller has not yet missed the dead broker; leaders
that do not return with it; the lag of two partitions that nobody reads until the dead detector's session is over.

Predict: Which costs more, the broker or the detector? Is a payment lost? Does the warehouse hold every cent?
"""

from collections.abc import Iterator, Mapping

from scenarios.uses.payment_fraud.books import Books
from scenarios.uses.payment_fraud.conservation import MoneyConserved
from scenarios.uses.payment_fraud.customers import CATEGORIES
from scenarios.uses.payment_fraud.dead_letters import TOPIC as DEAD_LETTERS
from scenarios.uses.payment_fraud.dead_letters import DeadLetters
from scenarios.uses.payment_fraud.feed import Feed
from scenarios.uses.payment_fraud.stages import alerting, detector, gateway, loader
from scenarios.uses.payment_fraud.trouble import check, planned_faults, too_late
from sim.machine.clock import parse_duration
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:450", "how payments arrive, per second: poisson:450, constant:450, bursts:…, daily:…"),
    "duration": Knob("4m", "how long payments arrive"),
    "gateways": Knob(2, "payment gateways, each with one producer", 1, 100),
    "linger_ms": Knob(100, "linger.ms of the gateways' producers", 0, 60_000),
    "detectors": Knob(3, "members of the fraud-detection group", 1, 100),
    "partitions": Knob(6, "partitions of the topic payments", 1, 1000),
    "brokers": Knob(3, "brokers in the cluster", 1, 100),
    "replication_factor": Knob(3, "replicas of each partition", 1, 100),
    "customers": Knob(2000, "card holders", 1, 1_000_000),
    "merchants": Knob(300, "merchants, some for each kind of shop", len(CATEGORIES), 100_000),
    "fraud_share": Knob(0.01, "share of payments that belong to fraud episodes", 0, 0.5),
    "broker_crash": Knob(2, "the broker that is killed", 1, 100),
    "broker_crash_at": Knob("60s", "when it is killed"),
    "broker_back_after": Knob("30s", "how long until its process is started again"),
    "detector_crash_at": Knob("130s", "when the second detector (or the only one) is killed"),
    "detector_back_after": Knob("60s", "how long until its process is started again"),
}
STAGES = (
    ("gateways", "payments"),
    ("payments", "fraud detectors"),
    ("fraud detectors", "alerts"),
    ("payments", "warehouse loader"),
    ("warehouse loader", "warehouse.duckdb"),
    ("alerts", "alerting"),
)


def make(settings: Settings) -> Plan:
    """The plan of one run. Raises ConfigError, one line, for what cannot be flown."""
    check(settings, KNOBS)
    wanted = settings.input is not None and settings.input.on_bad_line == "dead-letter"
    feed = Feed(settings, settings["gateways"])
    books = Books(DeadLetters(feed.replay, wanted, settings.out), settings.out)

    def wrap_up(complete: bool) -> Mapping[str, object]:
        feed.close()
        try:
            results = books.close() if complete else {"sentences": []}
        finally:
            books.discard()
        return {**results, "sentences": [*results["sentences"], *too_late(settings)]}

    return Plan(
        duration=parse_duration(settings["duration"]) if settings.input is None else None,
        progress=None if feed.replay is None else lambda: feed.replay.fraction_read if feed.replay else 1.0,
        cluster=ClusterSpec(brokers=settings["brokers"], racks=3),
        topics=tuple(_topics(settings, wanted)),
        apps=tuple(_apps(settings, feed, books)),
        groups=(
            GroupSpec("fraud-detection", ("payments",)),
            GroupSpec("warehouse", ("payments",)),
            GroupSpec("alerting", ("alerts",)),
        ),
        faults=planned_faults(settings),
        stages=STAGES,
        wrap_up=wrap_up,
        invariants={"money-conserved": MoneyConserved(books)},
    )


def _topics(settings: Settings, with_dead_letters: bool) -> Iterator[Topic]:
    copies = settings["replication_factor"]
    config = {"min.insync.replicas": min(2, copies)}
    yield Topic("payments", settings["partitions"], copies, config)
    yield Topic("alerts", 3, copies, config)
    if with_dead_letters:
        yield Topic(DEAD_LETTERS, 1, copies, config)


def _apps(settings: Settings, feed: Feed, books: Books) -> Iterator[AppSpec]:
    for number in range(settings["gateways"]):
        behaviour = gateway(feed, number, books.ledger, settings["linger_ms"], books.dead_letters)
        yield AppSpec(f"gateway-{number + 1}", behaviour, "gateways", finite=True)
    for number in range(settings["detectors"]):
        yield AppSpec(f"detector-{number + 1}", detector(), "fraud detectors")
    yield AppSpec("loader", loader(lambda: books.warehouse), "warehouse loader")
    yield AppSpec("alerting", alerting(books.ledger), "alerting")


scenario = Scenario(
    name="payment-fraud",
    summary="Card payments pass gateways, fraud detectors and a warehouse while a broker and a detector die.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    takes_input=True,
)
