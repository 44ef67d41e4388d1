"""Why records took long: to be acknowledged, or to reach their readers."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.explain.chain import Chain, Link, Remedy
from sim.explain.lag import lag
from sim.explain.leadership import outages, told
from sim.explain.looking import active_faults, producers_to
from sim.rules.facts.journal import BatchRetried
from sim.world import faults
from sim.world.faults import Fault
from sim.world.faults.disk import DiskFault
from sim.world.faults.network import NetworkFault

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["latency"]

LEAST_MS = 50.0
SLOW: tuple[tuple[type[Fault], str], ...] = (
    (DiskFault, "disk-slow"),
    (NetworkFault, "network-slow"),
    (faults.CpuContention, "cpu-slow"),
    (faults.StopTheWorldPause, "broker-hung"),
    (faults.BrokerHang, "broker-hung"),
    (faults.TrafficBurst, "traffic-burst"),
)


def worst(run: "Run", metric: str, at_s: float | None) -> tuple[float, float, str]:
    """The longest wait of a metric in milliseconds, when it ended, and in which topic."""
    found = [(0.0, 0.0, "")]
    for sample in run.metrics.samples:
        if sample.metric == metric and (at_s is None or abs(sample.time_s - at_s) <= 1):
            labels = dict(sample.labels)
            if labels["quantile"] == "max":
                found.append((sample.value, sample.time_s, labels["topic"]))
    return max(found, key=lambda each: each[0])


def latency(run: "Run", at_s: float | None = None) -> Chain:
    """The chain behind the longest wait; records that waited for readers are the business of lag."""
    wait_ms, ended_s, topic = worst(run, "produce-latency-ms", at_s)
    way_ms, arrived_s, read = worst(run, "end-to-end-latency-ms", at_s)
    if max(wait_ms, way_ms) < LEAST_MS:
        what = f"No record waited for more than {max(wait_ms, way_ms):.0f} ms"
        return Chain("latency", "none", (Link(0.0, what, "produce-latency-ms, end-to-end-latency-ms"),))
    if way_ms > 2 * wait_ms and way_ms > 1500:
        behind = _fetch_waits(run, read, arrived_s, way_ms - wait_ms) or lag(run, at_s)
        if behind.cause != "none":
            what = f"Records of {read} took up to {way_ms / 1e3:.1f} s to their readers, at {arrived_s:.1f} s"
            links = Link(arrived_s, what, "end-to-end-latency-ms"), *behind.links
            return Chain("latency", behind.cause, links, behind.remedy, _way_s, weight_s=behind.weight_s)
    what = f"A record of {topic} waited {wait_ms / 1e3:.2f} s for its acknowledgement, until {ended_s:.1f} s"
    first = Link(ended_s, what, "produce-latency-ms")
    begin_s = max(0.0, ended_s - wait_ms / 1e3 - 1)
    best = max(_candidates(run, topic, begin_s, ended_s, wait_ms), key=lambda chain: chain.weight_s)
    return Chain("latency", best.cause, (first, *best.links), best.remedy, _wait_s, weight_s=best.weight_s)


def _fetch_waits(run: "Run", topic: str, at_s: float, extra_ms: float) -> Chain | None:
    """Brokers wait for more bytes before they answer a fetch, for at least half of what the way took longer."""
    for app in run.flight.cluster.apps.values():
        for consumer in app.consumers:
            config = consumer.config
            reads = topic in consumer.subscription() and config.fetch_min_bytes > 1
            if reads and config.fetch_max_wait_ms >= extra_ms / 2:
                least, wait_ms = config.fetch_min_bytes, config.fetch_max_wait_ms
                what = f"a broker waits for fetch.min.bytes of {least:,} or {wait_ms} ms before it answers {app.name}"
                link = Link(at_s, what, "fetch.min.bytes, fetch.max.wait.ms")
                remedy = Remedy("consumer.fetch.min.bytes", least, 1)
                return Chain("latency", "fetch-waits", (link,), remedy, weight_s=wait_ms / 1e3)
    return None


def _wait_s(run: "Run") -> float:
    return worst(run, "produce-latency-ms", None)[0] / 1e3


def _way_s(run: "Run") -> float:
    return worst(run, "end-to-end-latency-ms", None)[0] / 1e3


def _candidates(run: "Run", topic: str, begin_s: float, end_s: float, wait_ms: float) -> Iterator[Chain]:
    for outage in outages(run):
        if outage.partition.topic == topic and outage.begin_s <= end_s and outage.end_s >= begin_s:
            weight_s = min(outage.end_s, end_s) - max(outage.begin_s, begin_s)
            links, remedy = told(run, outage)
            yield Chain("latency", outage.cause, links, remedy, weight_s=max(0.0, weight_s))
    writers = producers_to(run, topic)
    acks = writers[0].config.acks if writers else "all"
    held = [
        (time / 1e9, client, ms)
        for time, client, ms in run.recorded().hindsight.throttled
        if begin_s <= time / 1e9 <= end_s
    ]
    if held:
        time_s, client, _ = held[0]
        total_s = sum(ms for _, _, ms in held) / 1e3
        what = f"a quota held {client} back {len(held)} times, for {total_s:.1f} s together"
        link = Link(time_s, what, "ProduceThrottled")
        yield Chain("latency", "quota-throttled", (link,), weight_s=total_s)
    for fault in active_faults(run, begin_s, end_s):
        cause = next((slug for kind, slug in SLOW if isinstance(fault, kind)), None)
        if cause is not None:
            link = Link(fault.begins / 1e9, str(fault), "FaultBegan")
            remedy = Remedy("producer.acks", acks, "1") if acks == "all" else None
            yield Chain("latency", cause, (link,), remedy, weight_s=wait_ms / 2e3)
    linger_ms = writers[0].config.linger_ms if writers else 0
    if linger_ms and wait_ms <= 2 * linger_ms:
        link = Link(begin_s, f"its producer waits for more records for linger.ms of {linger_ms}", "linger.ms")
        yield Chain("latency", "linger", (link,), Remedy("producer.linger.ms", linger_ms, 0), weight_s=wait_ms / 1e3)
    retried = [
        (time / 1e9, fact)
        for time, fact in run.facts
        if isinstance(fact, BatchRetried) and fact.partition.topic == topic and begin_s <= time / 1e9 <= end_s
    ]
    if retried:
        time_s, fact = retried[0]
        what = f"a batch was sent again after {fact.error.name}"
        yield Chain("latency", "retried", (Link(time_s, what, "BatchRetried"),), weight_s=wait_ms / 4e3)
    what = "records came faster than they were written"
    yield Chain("latency", "overload", (Link(begin_s, what, "produce-latency-ms"),), weight_s=1e-6)
