"""A group that loses some of its members: how long until all partitions are read again."""

from collections.abc import Generator
from statistics import median
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.capacity.cases import Case, Recreation
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.facts.journal import RecordsDelivered
from sim.world.cluster import ClusterSpec
from sim.world.flight import Flight
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.topics import Topic

__all__ = ["group_recovery"]

KILLED_AT = 20 * SECOND
RECORDS_PER_S = 2_000
SEEDS = range(5)
STRATEGIES = {"cooperative-sticky", "sticky", "range", "roundrobin"}


def group_recovery(case: Case) -> Recreation:
    """Seconds from the kill of one of the instances until each of its partitions is read again: median of some flights.

    Consumers are killed at a random time between their heartbeats.
    """
    threads = case.whole("threads_per_instance", 1)
    plan, session_ms = _plan(case, threads), case.whole("session_timeout_ms")
    return lambda: {"recovered_s": median(_recovery_s(plan, threads, session_ms, seed) for seed in SEEDS)}


def _recovery_s(plan: Plan, threads: int, session_ms: int, seed: int) -> float:
    flight = Flight(plan, seed)
    killed_at = KILLED_AT + flight.machine.streams["kill"].randrange(10 * SECOND)
    delivered: dict[int, int] = {}
    again: dict[int, int] = {}

    def note(time: int, fact: RecordsDelivered) -> None:
        number = fact.partition.partition
        if time < killed_at:
            delivered[number] = time
        else:
            again.setdefault(number, time)

    flight.machine.facts.listen(RecordsDelivered, note)
    for number in range(threads):
        flight.clock.call_at(killed_at, flight.cluster.apps[f"instance-0-{number}"].stop)
    patience = killed_at + 3 * session_ms * MILLISECOND + 10 * SECOND
    for now in flight.fly(patience):
        if now > killed_at and len(again) == len(delivered):
            break
    return (max(again.values(), default=patience) - killed_at) / SECOND


def _plan(case: Case, threads: int) -> Plan:
    partitions = case.whole("partitions")
    config = {"min.insync.replicas": case.whole("min_insync_replicas", 1)}
    topic = Topic("work", partitions, case.whole("rf", 1), config)
    names = [(i, n) for i in range(case.whole("instances_per_stage", 2)) for n in range(threads)]
    member = _member(case)
    apps = [AppSpec("source", _source(partitions)), *(AppSpec(f"instance-{i}-{n}", member) for i, n in names)]
    machines = case.machines()
    cluster = ClusterSpec(
        brokers=case.whole("brokers"),
        racks=1,
        hardware=machines.hardware,
        client_hardware=machines.client_hardware,
    )
    return Plan(duration=None, cluster=cluster, topics=(topic,), apps=tuple(apps), groups=(GroupSpec("g", ("work",)),))


def _source(partitions: int) -> Behaviour:
    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer()
        while True:
            for number in range(partitions):
                yield from producer.send_many("work", 100, [app.now], number)
            yield app.until(app.now + SECOND * partitions // RECORDS_PER_S)

    return run


def _member(case: Case) -> Behaviour:
    config: dict[str, Any] = {"session.timeout.ms": case.whole("session_timeout_ms")}
    if "heartbeat_ms" in case.config:
        config["heartbeat.interval.ms"] = case.whole("heartbeat_ms")
    strategy = str(case.config.get("assignor", ""))
    if strategy in STRATEGIES:
        config["partition.assignment.strategy"] = strategy

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("g", ["work"], auto_offset_reset="earliest", **config)
        while True:
            yield from consumer.poll_slices()

    return run
