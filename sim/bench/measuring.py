"""A workload flown and timed, and SimPy's bare events in the same process just before and after."""

import resource
import time
from collections.abc import Generator
from typing import Any

from simpy import Environment, Event

from sim.bench.workloads import Workload
from sim.machine.clock import SECOND
from sim.observe.metrics import Metrics
from sim.run import no_garbage_collection
from sim.world.flight import Flight

__all__ = ["bare_events_per_s", "measure"]


def measure(workload: Workload) -> dict[str, float]:
    """Fly a workload with metrics and without a journal; the figures by their names, units last.

    `start_wall_s` is the time until the cluster stands and the first simulated second is over.
    ValueError unless seconds and rate are positive.
    """
    seconds, rate = workload.seconds, workload.rate
    if seconds <= 0 or rate <= 0:
        raise ValueError(f"seconds and rate must be more than nothing, not {seconds:g} and {rate}")
    warm_up = workload.warm_up_s * SECOND
    until = warm_up + round(seconds * SECOND)
    before, began = bare_events_per_s(), time.perf_counter()
    flight = Flight(workload.plan(until), seed=0)
    metrics = Metrics(flight)
    start_wall_s, wall, processor, records, events = 0.0, 0.0, 0.0, 0, 0
    with no_garbage_collection():
        for now in flight.fly(until):
            metrics.sample()
            if now <= SECOND:
                start_wall_s = time.perf_counter() - began
            if now == warm_up:
                wall, records, events = time.perf_counter(), metrics.records_delivered, flight.clock.events_booked()
                processor = time.process_time()
        wall, processor = time.perf_counter() - wall, time.process_time() - processor
    records = metrics.records_delivered - records
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
        "processor_s": round(processor, 3),
        "start_wall_s": round(start_wall_s, 3),
    }


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
