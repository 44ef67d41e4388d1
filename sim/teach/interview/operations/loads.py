"""Clusters of m5.large brokers under loads that grow or stay, for the questions about their size."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND
from sim.machine.devices import Hardware
from sim.machine.profiles import PROFILES
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["MB", "PEAK", "RAMP", "REPLICAS", "STEADY", "is_last", "limits", "longest_waits", "machine", "sustained"]

MB = 1e6
PROFILE, REPLICAS, TOPIC = "m5.large", 3, "events"
RECORD_BYTES, BATCH_BYTES, TICK, PRODUCERS = 50_000, 1_000_000, 50 * MILLISECOND, 3
PRODUCER = {"batch_size": BATCH_BYTES, "linger_ms": 20, "max_request_size": 4 * BATCH_BYTES, "buffer_memory": 1 << 28}
BEGIN_S, LAST_S = 1, 3
PEAK, RAMP_RATES = 60 * MB, (50 * MB, 100 * MB)
Steps = Generator[Event, Any, None]


def machine() -> Hardware:
    """A broker's machine, its burst credit used up and its page cache full of what is to be written."""
    hardware = PROFILES[PROFILE].machines().hardware
    return replace(hardware, disk_burst_bytes_per_s=0.0, dirty_limit_bytes=int(10 * MB))


def limits(brokers: int, groups: int) -> dict[str, float]:
    """What a cluster takes in bytes per second, by the device that is the limit.

    Each byte leaves its leader for every other replica and every group, and goes to the disks of all replicas.

    Source: AWS, Best practices for right-sizing Apache Kafka clusters, Equation 1
    """
    return {
        "network": machine().nic_bytes_per_s * brokers / (REPLICAS - 1 + groups),
        "disk": machine().disk_bytes_per_s * brokers / REPLICAS,
    }


def sustained(run: Run) -> float:
    """Bytes per second that were written in the last seconds of the load."""
    times, values = run.metrics.series("BytesInPerSec", topic=TOPIC)
    last = [value for time, value in zip(times, values, strict=True) if is_last(run, time)]
    return sum(last) / len(last)


def is_last(run: Run, time_s: float) -> bool:
    """Whether a time is among the last seconds of the load."""
    return until_s(run) - LAST_S < time_s <= until_s(run)


def until_s(run: Run) -> float:
    """When the load ends."""
    return (run.flight.plan.duration or 0) / SECOND


def longest_waits(run: Run) -> list[tuple[float, float]]:
    """For each second of the load the longest wait for an acknowledgement, in seconds."""
    times, values = run.metrics.series("produce-latency-ms", quantile="max", topic=TOPIC)
    return [(time, value / 1000) for time, value in zip(times, values, strict=True) if time <= until_s(run)]


def sending(first: float, last: float, until: int, partitions: int, number: int) -> Behaviour:
    """Sends bytes per second from `first` at the start, growing evenly to `last` in the end, to partitions in turn."""

    def run(app: App) -> Steps:
        producer = app.producer(acks="all", **PRODUCER)
        owed, begin = 0.0, BEGIN_S * SECOND
        for turn, now in enumerate(range(begin, until, TICK), start=number * partitions // PRODUCERS):
            yield app.until(now)
            rate = first + (last - first) * (now - begin) / (until - begin)
            owed += rate * TICK / SECOND / RECORD_BYTES
            records = int(owed)
            owed -= records
            if records:
                yield from producer.send_many(TOPIC, RECORD_BYTES, [app.now] * records, turn % partitions)
        yield from producer.close()

    return run


def reading(partitions: int) -> Behaviour:
    """Reads everything and does nothing with it."""

    def run(app: App) -> Steps:
        consumer = app.consumer(auto_offset_reset="earliest", fetch_min_bytes=BATCH_BYTES)
        consumer.assign([TopicPartition(TOPIC, number) for number in range(partitions)])
        while True:
            yield from consumer.poll_slices()

    return run


def cluster(settings: Settings, first: float, last: float, seconds: int) -> Plan:
    """Producers and groups at such rates; with `broker_down` the last broker dies and does not come back."""
    brokers, groups, partitions = settings["brokers"], settings["groups"], 2 * settings["brokers"]
    until, shares = seconds * SECOND, (first / PRODUCERS, last / PRODUCERS)
    producers = (
        AppSpec(f"producer-{number}", sending(*shares, until, partitions, number), "producers")
        for number in range(PRODUCERS)
    )
    readers = (AppSpec(f"reader-{group}", reading(partitions), f"group-{group}") for group in range(groups))
    return Plan(
        duration=until,
        cluster=ClusterSpec(
            brokers=brokers,
            hardware=machine(),
            client_hardware=PROFILES[PROFILE].machines().client_hardware,
            broker_config={"broker.session.timeout.ms": 1000, "broker.heartbeat.interval.ms": 200},
            group_topics=False,
        ),
        topics=(Topic(TOPIC, partitions, REPLICAS, {"min.insync.replicas": 2}),),
        apps=(*producers, *readers),
        faults=(BrokerCrash(broker=brokers, at="1200ms"),) if settings["broker_down"] else (),
        stages=(("producers", TOPIC), *((TOPIC, f"group-{group}") for group in range(groups))),
    )


KNOBS = {
    "brokers": Knob(3, "brokers of the cluster", REPLICAS, 20),
    "groups": Knob(2, "groups that read everything", 0, 20),
    "broker_down": Knob(False, "whether the last broker dies at the beginning, for good"),
}
RAMP = Scenario(
    name="load-that-grows",
    summary="A cluster of m5.large brokers under a load that grows beyond what it can take.",
    story="",
    make=lambda settings: cluster(settings, *RAMP_RATES, 8),
    knobs=KNOBS,
)
STEADY = Scenario(
    name="load-at-the-peak",
    summary="A cluster of m5.large brokers at its peak, with all brokers or without one of them.",
    story="",
    make=lambda settings: cluster(settings, PEAK, PEAK, 11),
    knobs=KNOBS,
)
