"""A join that misses customers who are there: the same keys, but different numbers of partitions.

Covers: co-partitioning, stream-table join, repartitioning, key to partition, range assignor, missed joins.

Story: Every order should be joined with its customer. Two workers read both topics in one group; the range assignor
gives each the partitions of the same number from both, so that each keeps the customers of its partitions in a table
and looks up there. That is right when a key has the same partition in both topics. Orders have six partitions,
customers four. Kafka Streams refuses this ("Topics not co-partitioned") or repartitions; a join written by hand
just misses. With `--set repartition=true` somebody copies customers to a topic with as many partitions as orders.

Watch for: nothing fails, no lag grows, the verdict is fine; only the joins are missing, of the same customers every
time. Which they are follows from the keys alone: both partitions of the key must be with the same worker.

Predict: Which share of the orders finds its customer? What with `--set workers=1`? Does `--set customers_partitions=3`
mend it, or 6?
"""

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simpy import Event

from scenarios.streams.parts import numbered
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import parse_duration
from sim.rules.producer.partitioner import partition_for_key
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

__all__ = ["scenario"]

Steps = Generator[Event, Any, None]

KNOBS = {
    "arrivals": Knob("poisson:50", "how orders come, per second: poisson:50, constant:50, bursts:…, daily:…"),
    "duration": Knob("20s", "how long orders come"),
    "workers": Knob(2, "how many workers join", 1, 12),
    "customers": Knob(200, "how many customers there are", 1, 10_000),
    "orders_partitions": Knob(6, "partitions of the topic orders", 1, 100),
    "customers_partitions": Knob(4, "partitions of the topic customers", 1, 100),
    "repartition": Knob(False, "whether customers are copied to a topic with as many partitions as orders"),
}
TABLE_LOADED = 12_000_000_000
COPY = "customers-by-orders"


@dataclass(slots=True)
class Notes:
    """Orders that each customer has placed, those that found their customer, and who owns which partition."""

    orders: Counter[bytes] = field(default_factory=Counter)
    joined: Counter[bytes] = field(default_factory=Counter)
    owners: dict[TopicPartition, str] = field(default_factory=dict)


def register(count: int) -> Behaviour:
    """All customers, once, before the first order."""

    def run(app: App) -> Steps:
        producer = app.producer(acks="all")
        for number in range(count):
            yield from producer.send("customers", b"a customer", b"key-%d" % number)
        yield from producer.close()

    return run


def copier() -> Behaviour:
    """Sends every customer to the other topic, where the key decides anew: Kafka Streams' `repartition()`."""

    def run(app: App) -> Steps:
        consumer = app.consumer("copier", ["customers"], auto_offset_reset="earliest")
        producer = app.producer(acks="all")
        while True:
            for customer in (yield from consumer.poll()):
                yield from producer.send(COPY, customer.value, customer.key)

    return run


def worker(table_topic: str, notes: Notes) -> Behaviour:
    """Keeps the customers of its partitions in a table, and looks up each order in it."""

    def run(app: App) -> Steps:
        consumer = app.consumer(
            "join",
            ["orders", table_topic],
            auto_offset_reset="earliest",
            partition_assignment_strategy="range",
        )
        customers: dict[bytes | None, bytes | None] = {}
        while True:
            for record in (yield from consumer.poll()):
                if record.topic == table_topic:
                    customers[record.key] = record.value
                else:
                    notes.orders[record.key or b""] += 1
                    notes.joined[record.key or b""] += record.key in customers
            notes.owners |= dict.fromkeys(consumer.assignment(), app.name)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration, repartition = Notes(), parse_duration(settings["duration"]), settings["repartition"]
    partitions = {"orders": settings["orders_partitions"], "customers": settings["customers_partitions"]}
    partitions |= {COPY: partitions["orders"]} if repartition else {}
    table = COPY if repartition else "customers"
    keys = UniformKeys(settings["customers"])
    orders = numbered("orders", parse_workload(settings["arrivals"]), duration, keys, TABLE_LOADED)
    copies = (AppSpec("copier", copier(), "copier"),) if repartition else ()
    return Plan(
        duration=TABLE_LOADED + duration,
        topics=tuple(Topic(name, count, 3, {"min.insync.replicas": 2}) for name, count in partitions.items()),
        apps=(
            AppSpec("register", register(settings["customers"]), "register", finite=True),
            AppSpec("shop", orders, "shop", finite=True),
            *copies,
            *(AppSpec(f"worker-{n}", worker(table, notes), "join") for n in range(1, settings["workers"] + 1)),
        ),
        groups=(GroupSpec("join", ("orders", table)), *((GroupSpec("copier", ("customers",)),) if repartition else ())),
        stages=(
            ("shop", "orders"),
            ("orders", "join"),
            ("register", "customers"),
            *((("customers", "copier"), ("copier", COPY)) if repartition else ()),
            (table, "join"),
        ),
        wrap_up=lambda complete: results(notes, table, partitions) if complete else {},
    )


def results(notes: Notes, table: str, partitions: Mapping[str, int]) -> Mapping[str, object]:
    """Joined and missed orders, and how many should be missed by where the partitions of each key are."""

    def owner(topic: str, key: bytes) -> str | None:
        return notes.owners.get(TopicPartition(topic, partition_for_key(key, partitions[topic])))

    orders, joined = notes.orders.total(), notes.joined.total()
    apart = [key for key in notes.orders if owner("orders", key) != owner(table, key)]
    foretold = sum(notes.orders[key] for key in apart)
    return {
        "orders": orders,
        "joined": joined,
        "missed": orders - joined,
        "missed_by_the_keys": foretold,
        "customers": len(notes.orders),
        "customers_apart": len(apart),
        "finding": f"{partitions['orders']} and {partitions[table]} partitions: {orders - joined:,} of {orders:,} "
        "orders miss their customer",
        "sentences": [
            f"{joined:,} of {orders:,} orders found their customer, {orders - joined:,} did not.",
            f"The partitions of {len(apart):,} of {len(notes.orders):,} customers are with another worker than those "
            f"of their orders, which tells {foretold:,} misses.",
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """Joins are missed, and the keys tell which."""
    found = run.results
    return {
        "every order is read": found["orders"] == run.metrics.records_acknowledged - run.settings["customers"],
        "a good part of the orders misses its customer": found["missed"] > 0.2 * found["orders"],
        "those are the orders whose key is with two workers": found["missed"] == found["missed_by_the_keys"],
        "the brokers have delivered everything": run.verdict.ok,
    }


def cured(run: Run) -> Mapping[str, bool]:
    """With equal partitions none is."""
    found = run.results
    return {
        "no order misses its customer": found["missed"] == 0 < found["orders"],
        "no key is with two workers": found["customers_apart"] == 0,
    }


scenario = Scenario(
    name="repartition-join",
    summary="Two topics with the same keys and other numbers of partitions: joins are missed until they are equal.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"repartition": True},
    cured=cured,
)
