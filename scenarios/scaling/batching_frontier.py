"""Latency buys throughput: the frontier of linger.ms and batch.size, and what each of them is good for.

Covers: batching, linger.ms, batch.size, request overhead, latency against throughput, percentiles.

Story: Two experiments in one flight. In the first, producers that differ only in linger.ms write equal, steady loads,
each to a topic of its own. In the second, producers that differ only in batch.size have a heap of records to send, one
after the other, as fast as they can, on machines of their own.
Rates are small here, 200 records a second for each of the first, so that the brokers are never the limit there.

Watch for: requests that become fewer with linger.ms, and a latency that grows by it, since the first record of a batch
waits for the last; with a heap to send batches are full anyway, so linger.ms is no matter there and batch.size is all.

Predict: Which linger.ms halves the requests, and what does p99 become? How much faster is a batch of 64 KiB than one of
1 KiB? What does `--set acks=1` change?
"""

from collections.abc import Generator, Mapping, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND, parse_duration
from sim.rules.config import ProducerConfig
from sim.rules.errors import ConfigError
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:200", "steady load of each producer of the first experiment, per second"),
    "duration": Knob("10s", "how long the steady load lasts"),
    "heap": Knob(10_000, "records that each producer of the second experiment has to send", 100, 10_000_000),
    "record_bytes": Knob(100, "size of a record", 1, 100_000),
}
LINGERS_MS, BATCHES_BYTES = (0, 5, 20, 100), (1_024, 4_096, 16_384, 65_536)
START = SECOND
"""When the steady load begins: what a producer needs to know at first would be the p99 of a load so small."""

Ends = dict[str, tuple[int, int]]


def steady(topic: str, linger_ms: int, workload: Workload, duration: int, size_bytes: int) -> Behaviour:
    """The same arrivals for each linger, once the producer knows its topic."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all", linger_ms=linger_ms)
        yield from producer.partitions_for(topic)
        for time in workload.arrivals(app.machine.streams.columns("arrivals"), duration):
            due = yield from app.arrive(START + time)
            yield from producer.send_many(topic, size_bytes, [due])
        yield from producer.close()

    return run


def flood(topic: str, batch_bytes: int, begins: int, count: int, size_bytes: int, ends: Ends) -> Behaviour:
    """As fast as it can."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks="all", batch_size=batch_bytes)
        yield from producer.partitions_for(topic)
        yield app.until(begins)
        yield from producer.send_many(topic, size_bytes, [app.now] * count)
        yield from producer.flush()
        ends[topic] = begins, app.now
        yield from producer.close()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run. Raises ConfigError for acks=0."""
    if ProducerConfig.of(settings.overrides["producer"]).acks == "0":
        raise ConfigError("acks=0: a heap is sent when the last of it is acknowledged; write acks=1 or acks=all")
    ends: Ends = {}
    duration, count, size_bytes = parse_duration(settings["duration"]), settings["heap"], settings["record_bytes"]
    workload = parse_workload(settings["arrivals"])
    lingers, batches = [f"linger-{ms}" for ms in LINGERS_MS], [f"batch-{size}" for size in BATCHES_BYTES]
    return Plan(
        duration=None,
        topics=tuple(Topic(name, 1, 3, {"min.insync.replicas": 2}) for name in (*lingers, *batches)),
        apps=(
            *(
                AppSpec(f"writer-{name}", steady(name, ms, workload, duration, size_bytes), f"{name}-writer", True)
                for name, ms in zip(lingers, LINGERS_MS, strict=True)
            ),
            *(
                AppSpec(
                    f"writer-{name}",
                    flood(name, size, START + duration + number * 5 * SECOND, count, size_bytes, ends),
                    f"{name}-writer",
                    True,
                )
                for number, (name, size) in enumerate(zip(batches, BATCHES_BYTES, strict=True))
            ),
        ),
        stages=tuple((f"{name}-writer", name) for name in (*lingers, *batches)),
        wrap_up=lambda complete: results(ends, count) if complete else {},
    )


def results(ends: Ends, count: int) -> Mapping[str, object]:
    """The throughput for each batch.size."""
    rates = {topic: round(count * SECOND / (end - begun)) for topic, (begun, end) in ends.items()}
    first, last = (rates.get(f"batch-{size}", 0) for size in (BATCHES_BYTES[0], BATCHES_BYTES[-1]))
    return {
        "records_per_s": rates,
        "finding": f"batch.size {BATCHES_BYTES[0]:,} B: {first:,} records/s; {BATCHES_BYTES[-1]:,} B: {last:,}",
        "sentences": [f"{topic} took {rate:,} records/s." for topic, rate in rates.items()],
    }


def frontier(run: "Run") -> list[tuple[int, int, float]]:
    """For each linger.ms how many batches there were, and the p99 of the latency in milliseconds."""
    found = []
    for linger_ms in LINGERS_MS:
        topic = f"linger-{linger_ms}"
        batches = list(run.flight.cluster.log(TopicPartition(topic, 0)).batches(0))
        p99_ms = run.metrics.histograms["produce-latency-ms", (("topic", topic),)].summary()["p99"]
        found.append((linger_ms, len(batches), p99_ms))
    return found


def claims(run: "Run") -> Mapping[str, bool]:
    """More linger, fewer batches, more latency; more batch, more throughput."""
    points = frontier(run)
    rates = [run.results["records_per_s"][f"batch-{size}"] for size in BATCHES_BYTES]
    told = ", ".join(f"{batches:,} at {linger_ms} ms" for linger_ms, batches, _ in points)
    p99s = ", ".join(f"{p99_ms:.0f} ms at {linger_ms} ms" for linger_ms, _, p99_ms in points)
    return {
        f"batches become fewer with linger.ms ({told})": falls([batches for _, batches, _ in points]),
        f"p99 latency grows with linger.ms ({p99s})": falls([-p99_ms for _, _, p99_ms in points]),
        "p99 is linger.ms and less than 15 ms more": all(
            linger_ms <= p99_ms < linger_ms + 15 for linger_ms, _, p99_ms in points
        ),
        "with a heap to send throughput grows with batch.size": falls([-rate for rate in rates]),
        "sixty-four times the batch.size gives more than three times the throughput": rates[-1] > 3 * rates[0],
    }


def falls(values: Sequence[float]) -> bool:
    """Whether each is less than the one before it."""
    return all(later < earlier for earlier, later in pairwise(values))


scenario = Scenario(
    name="batching-frontier",
    summary="linger.ms and batch.size: what latency buys in requests, and large batches in throughput.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    claims=claims,
)
