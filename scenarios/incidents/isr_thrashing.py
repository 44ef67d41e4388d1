"""One follower's disk is ten times as slow: why do replicas fall out of sync and come back, again and again?

Covers: incident card yiteai #1 (ISR thrashing: one follower's disk 10 to 20 times slower, under-replicated partitions
from 0 to all and back), replica.lag.time.max.ms, acks=all beside acks=1, dirty pages.

Story: A plant sends telemetry in bursts with acks=1, a shop sends orders with acks=all; broker 3 follows all partitions
and leads none. Its disk becomes ten times as slow. Between bursts it keeps up, in a burst it does not.
(Disks are a hundredth as fast as the card's 500 MB/s, and so is the load. replica.lag.time.max.ms is 10 s, as it was up
to Kafka 2.4.)

Watch for: the ISR of each partition, which shrinks in every burst and grows after it; the orders, which wait for the
slow disk as long as its broker is in sync, and no longer once it is out.

Predict: Which producers get slower, those with acks=1 or with acks=all? Does a higher
`--set replica.lag.time.max.ms=60000` help: whom, and at whose cost? What becomes of it with `--set slow_factor=1`?
"""

from collections.abc import Generator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from simpy import Event

from scenarios.incidents.load import Sent, source
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.machine.devices import Hardware
from sim.rules.facts.journal import IsrChanged
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.faults import DiskSlow
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

SLOW = 3
REPLICAS = ((1, 2, SLOW), (2, 1, SLOW)) * 3
RECORD_BYTES, TICK = 10_000, 100 * MILLISECOND
KNOBS = {
    "arrivals": Knob("poisson:20", "how orders come, per second: poisson:20, constant:20, bursts:…, daily:…"),
    "duration": Knob("170s", "how long both send"),
    "usual_bytes_per_s": Knob(100_000, "telemetry between bursts", 0, 100_000_000),
    "burst_bytes_per_s": Knob(2_000_000, "telemetry in a burst", 0, 100_000_000),
    "burst": Knob("10s", "how long a burst lasts"),
    "every": Knob("50s", "from one burst to the next", 0.001),
    "disk_bytes_per_s": Knob(5_000_000, "what a disk can write", 1000, 1_000_000_000),
    "slow_factor": Knob(10.0, "how many times as slow the disk of the follower is", 1, 1000),
}


def plant(settings: Settings, duration: int) -> Behaviour:
    """Sends telemetry, ten times a second."""
    every, burst = parse_duration(settings["every"]), parse_duration(settings["burst"])

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="1", client_id="telemetry")
        for time in range(0, duration, TICK):
            yield app.until(time)
            in_burst = time >= every - burst and (time + burst) % every < burst
            rate = settings["burst_bytes_per_s"] if in_burst else settings["usual_bytes_per_s"]
            yield from producer.send_many("telemetry", RECORD_BYTES, [time] * (rate * TICK // SECOND // RECORD_BYTES))
        yield from producer.close()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    sent, duration = Sent(), parse_duration(settings["duration"])
    shop = source("orders", parse_workload(settings["arrivals"]), UniformKeys(1000), duration, sent, acks="all")
    return Plan(
        duration=duration,
        cluster=ClusterSpec(
            hardware=Hardware(disk_bytes_per_s=settings["disk_bytes_per_s"], dirty_limit_bytes=1 << 20),
            broker_config={"replica.lag.time.max.ms": 10_000},
            group_topics=False,
        ),
        topics=(Topic("telemetry", len(REPLICAS), 3, replicas=REPLICAS), Topic("orders", 6, 3, replicas=REPLICAS)),
        apps=(
            AppSpec("plant", plant(settings, duration), "plant", finite=True),
            AppSpec("shop", shop, "shop", finite=True),
        ),
        faults=(DiskSlow(broker=SLOW, factor=settings["slow_factor"], at="5s"),),
        stages=(("plant", "telemetry"), ("shop", "orders")),
        wrap_up=lambda complete: results(sent) if complete else {},
    )


def results(sent: Sent) -> Mapping[str, object]:
    """For how long no order was acknowledged, in all and at a time."""
    lengths = [length_s for length_s, _ in sent.silences()]
    told = f"No order acknowledged for {sum(lengths):.0f} s in all, {max(lengths, default=0):.1f} s at a time"
    return {
        "finding": told,
        "orders": len(sent.sent),
        "silent_s": sum(lengths),
        "longest_silence_s": max(lengths, default=0),
        "sentences": [f"{told}."],
    }


def isr_changes(run: "Run") -> int:
    """How often an ISR shrank or grew."""
    return sum(isinstance(fact, IsrChanged) and time > 0 for time, fact in run.facts)


def falls(run: "Run") -> int:
    """How many times replicas began to be missing after all had been in sync."""
    _, missing = run.metrics.series("UnderReplicatedPartitions")
    return sum(before == 0 < after for before, after in pairwise(missing))


def slowest_ms(run: "Run", topic: str) -> float:
    """The longest that producers waited for an acknowledgement, after the first seconds."""
    times, latencies = run.metrics.series("produce-latency-ms", topic=topic, quantile="max")
    return max(latency for time_s, latency in zip(times, latencies, strict=True) if time_s > 2)


def claims(run: "Run") -> Mapping[str, bool]:
    """The slow follower goes and comes back with each burst, and acks=all waits for it as long as it is in sync."""
    _, missing = run.metrics.series("UnderReplicatedPartitions")
    an_hour = isr_changes(run) * 3600 / run.simulated_s
    return {
        "replicas fall out of sync in each of three bursts, and are back in between": falls(run) == 3,
        "more than half of all partitions are under-replicated at the worst": max(missing) > len(REPLICAS),
        "ISRs change more than two hundred times an hour": an_hour > 200,
        "orders, with acks=all, wait for more than five seconds": slowest_ms(run, "orders") > 5000,
        "telemetry, with acks=1, never waits for a tenth of a second": slowest_ms(run, "telemetry") < 100,
        "nothing is lost": run.verdict.ok,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """With another disk nothing of it is left."""
    return {
        "no ISR ever changes": isr_changes(run) == 0,
        "no order waits for a tenth of a second": slowest_ms(run, "orders") < 100,
        "nothing is lost": run.verdict.ok,
    }


scenario = Scenario(
    name="isr-thrashing",
    summary="A slow follower falls out of sync in every burst and comes back after it; who waits for it?",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"slow_factor": 1},
    cured=cured,
)
