"""A short flight with a broker crash and an application crash, flown once for all tests."""

from collections.abc import Generator
from functools import cache
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.run import Run
from sim.scenario import Scenario
from sim.world.faults import AppCrash, BrokerCrash
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic

SECOND = 1_000_000_000


def gateway(app: App) -> Generator[Event, Any, None]:
    producer = app.producer()
    for number in range(1600):
        yield app.until(number * SECOND // 40)
        yield from producer.send("orders", key=b"%d" % number, value=b"an order")
    yield from producer.close()


def reader(group: str) -> Behaviour:
    def behave(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer(group, ["orders"], auto_offset_reset="earliest", session_timeout_ms=6000)
        while True:
            yield from consumer.poll()
            yield from consumer.commit()

    return behave


def plan(_: Settings) -> Plan:
    """Forty seconds of 40 orders a second; broker 2 is down from 12 s to 18 s, detector-2 from 24 s to 36 s."""
    return Plan(
        duration=40 * SECOND,
        topics=(Topic("orders", 4, 3, {"min.insync.replicas": 2}),),
        apps=(
            AppSpec("gateway", gateway, "gateways", finite=True),
            AppSpec("detector-1", reader("fraud"), "detectors"),
            AppSpec("detector-2", reader("fraud"), "detectors"),
            AppSpec("loader", reader("warehouse"), "loader"),
        ),
        groups=(GroupSpec("fraud", ("orders",)), GroupSpec("warehouse", ("orders",))),
        faults=(
            BrokerCrash(broker=2, at="12s", lasts="6s"),
            AppCrash(app="detector-2", at="24s", lasts="12s"),
        ),
        stages=(("gateways", "orders"), ("orders", "detectors"), ("orders", "loader"), ("loader", "warehouse.duckdb")),
    )


@cache
def flown() -> Run:
    """The run of that plan."""
    return Scenario("test-story", "", "", plan).run(seed=3, recorded=True)
