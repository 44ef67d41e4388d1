"""How fast this machine flies: a replicated, consumed workload against SimPy's bare events."""

import resource
import time
from collections.abc import Generator
from typing import Any

from simpy import Environment, Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND
from sim.observe.metrics import Metrics
from sim.run import no_garbage_collection
from sim.world.flight import Flight
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.topics import Topic

__all__ = ["bare_events_per_s", "measure"]

PRODUCERS = CONSUMERS = 3
PARTITIONS = 12
RECORD_SIZE_BYTES = 100
WARM_UP = 8 * SECOND
TICK = 5 * MILLISECOND


def measure(seconds: float, rate: int) -> dict[str, float]:
    """Fly the reference workload for so many simulated seconds after warm-up.

    Three brokers, replication 3, acks=all, idempotent, min.insync.replicas 2, twelve partitions, three producers with
    Kafka's default batching, one group of three consumers, metrics on, no journal. ValueError unless both are positive.
    """
    if seconds <= 0 or rate <= 0:
        raise ValueError(f"seconds and rate must be more than nothing, not {seconds:g} and {rate}")
    until = WARM_UP + round(seconds * SECOND)
    flight = Flight(plan(until, rate), seed=0)
    metrics = Metrics(flight)
    before, wall, records, events = bare_events_per_s(), 0.0, 0, 0
    with no_garbage_collection():
        for now in flight.fly(until):
            metrics.sample()
            if now == WARM_UP:
                wall, records, events = time.perf_counter(), metrics.records_delivered, flight.clock.events_booked()
    wall, records = time.perf_counter() - wall, metrics.records_delivered - records
    events = flight.clock.events_booked() - events
    bare = (before + bare_events_per_s()) / 2
    return {
        "records_per_wall_s": round(records / wall),
        "bare_simpy_events_per_s": round(bare),
        "records_per_bare_event": round(records / wall / bare, 3),
        "realtime_factor": round(seconds / wall, 3),
        "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
        "simpy_events_per_record": round(events / max(1, records), 5),
        "records": records,
        "wall_s": round(wall, 3),
    }


def plan(until: int, rate: int) -> Plan:
    """The reference workload as a plan."""
    producers = tuple(AppSpec(f"source-{number}", source(until, rate / PRODUCERS)) for number in range(PRODUCERS))
    consumers = tuple(AppSpec(f"sink-{number}", sink) for number in range(CONSUMERS))
    return Plan(
        duration=until,
        topics=(Topic("bench", PARTITIONS, 3, {"min.insync.replicas": 2}),),
        apps=producers + consumers,
        groups=(GroupSpec("sinks", ("bench",)),),
    )


def source(until: int, rate: float) -> Behaviour:
    """Sends evenly spaced records without key or content; those of a tick are handed over at its end."""
    gap = round(SECOND / rate)

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all")
        due = 0
        while app.now < until:
            yield app.until(app.now + TICK)
            if due <= app.now:
                yield from producer.send_many("bench", RECORD_SIZE_BYTES, range(due, app.now + 1, gap))
                due += ((app.now - due) // gap + 1) * gap

    return run


def sink(app: App) -> Generator[Event, Any, None]:
    """Reads and drops."""
    consumer = app.consumer("sinks", ["bench"], auto_offset_reset="earliest")
    while True:
        yield from consumer.poll_slices()


def bare_events_per_s() -> float:
    """SimPy's bare timeouts per second of wall time in this process."""
    environment = Environment()

    def ticking() -> Generator[Event, Any, None]:
        while True:
            yield environment.timeout(1)

    for _ in range(10):
        environment.process(ticking())
    started = time.perf_counter()
    environment.run(until=20_000)
    return 200_000 / (time.perf_counter() - started)
