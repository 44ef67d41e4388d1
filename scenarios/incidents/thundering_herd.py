"""Maintenance is over and all consumers start at once: who else feels it?

Covers: incident card techvault #10 (thundering herd after maintenance), fetch surge, a saturated network card,
producers that wait in the same queue, client quotas (consumer_byte_rate).

Story: Eight services, a group each, read a topic of click events. They are stopped for a minute of maintenance, while
producers go on. Then all eight start at the same moment and fetch what they have missed, as fast as brokers send it.
(Network cards are slow here, so that few records fill them.)

Watch for: the rate of bytes out in the seconds after the start, many times the usual one; the latency of producers,
whose acknowledgements wait behind the answers to the herd.

Predict: How many times the usual rate do brokers send after the start? What does it cost the producers? A quota
(`--set quota_bytes_per_s=300000`) is an average over eleven seconds: does it prevent the surge? What do a shorter
window (`--set quota.window.num=2`) and smaller answers (`--set max.partition.fetch.bytes=20000`) add?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.machine.devices import Hardware
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Workload, parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:100", "how clicks come, per second: poisson:100, constant:100, bursts:…, daily:…"),
    "duration": Knob("80s", "how long clicks come"),
    "size_bytes": Knob(2000, "size of a click event", 1, 100_000),
    "services": Knob(8, "how many services read all clicks", 1, 100),
    "back_at": Knob("60s", "when maintenance ends and all start"),
    "nic_bytes_per_s": Knob(4_000_000, "what a broker's network card can send", 1000, 1_000_000_000),
    "quota_bytes_per_s": Knob(0, "consumer_byte_rate of each service, per broker; 0: none", 0, 1_000_000_000),
}


@dataclass(slots=True)
class Notes:
    """When each click was sent, and how long its acknowledgement took (ns)."""

    latencies: list[tuple[int, int]] = field(default_factory=list)


def clicks(load: Workload, size_bytes: int, duration: int, notes: Notes) -> Behaviour:
    """Sends each click when it comes, acks=all."""

    def run(app: App) -> Generator[Event, Any, None]:
        def told(due: int, _: Delivery) -> None:
            notes.latencies.append((due, app.now - due))

        producer = app.producer(acks="all")
        for time in load.arrivals(app.machine.streams.columns("clicks"), duration):
            due = yield from app.arrive(time)
            yield from producer.send("clicks", b"x" * size_bytes, on_delivery=partial(told, due), sent_at=due)
        yield from producer.close()

    return run


def service(name: str, starts_at: int) -> Behaviour:
    """Starts after the maintenance and reads whatever there is."""

    def run(app: App) -> Generator[Event, Any, None]:
        yield app.until(starts_at)
        consumer = app.consumer(name, ["clicks"], auto_offset_reset="earliest", client_id=name)
        while True:
            yield from consumer.poll_slices()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    duration, back_at = parse_duration(settings["duration"]), parse_duration(settings["back_at"])
    names = [f"service-{number}" for number in range(1, settings["services"] + 1)]
    notes, quota = Notes(), settings["quota_bytes_per_s"]
    site = clicks(parse_workload(settings["arrivals"]), settings["size_bytes"], duration, notes)
    return Plan(
        duration=duration,
        cluster=ClusterSpec(
            hardware=Hardware(nic_bytes_per_s=settings["nic_bytes_per_s"]),
            client_quotas={name: {"consumer_byte_rate": quota} for name in names} if quota else {},
        ),
        topics=(Topic("clicks", 6, 3, {"min.insync.replicas": 2}),),
        apps=(
            AppSpec("site", site, "site", finite=True),
            *(AppSpec(name, service(name, back_at), "services") for name in names),
        ),
        groups=tuple(GroupSpec(name, ("clicks",)) for name in names),
        stages=(("site", "clicks"), ("clicks", "services")),
        wrap_up=lambda complete: results(notes, settings["services"], back_at) if complete else {},
    )


def results(notes: Notes, services: int, back_at: int) -> Mapping[str, object]:
    """The worst latency of an acknowledgement before the start of the services, and after it."""
    before = [latency for due, latency in notes.latencies if due >= WARM and due + latency < back_at]
    after = [latency for due, latency in notes.latencies if due + latency >= back_at]
    worst_before, worst_after = (max(latencies, default=0) / MILLISECOND for latencies in (before, after))
    told = f"{services} services start at once: the worst acknowledgement took {worst_after:,.0f} ms"
    return {
        "finding": f"{told}, {worst_before:,.0f} ms before",
        "worst_before_ms": worst_before,
        "worst_after_ms": worst_after,
        "sentences": [f"{told}, and {worst_before:,.0f} ms before."],
    }


def surge(run: "Run") -> float:
    """How many times the usual rate the brokers send to consumers in the busiest second."""
    _, sent = run.metrics.series("BytesOutPerSec")
    times, came = run.metrics.series("BytesInPerSec", topic="clicks")
    end_s = parse_duration(run.settings["duration"]) / SECOND
    usual = [rate for time_s, rate in zip(times, came, strict=True) if time_s <= end_s]
    return max(sent) / (int(run.settings["services"]) * sum(usual) / len(usual))


def claims(run: "Run") -> Mapping[str, bool]:
    """The herd fills the network cards, and producers wait behind it."""
    return {
        "brokers send five times the usual rate and more after the start": surge(run) > 5,
        "an acknowledgement takes fifty times as long as ever before, and more": run.results["worst_after_ms"]
        > 50 * run.results["worst_before_ms"],
        "nothing is lost": run.verdict.ok,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """With quotas over a short window and small answers producers hardly notice."""
    return {
        "no acknowledgement takes longer than two seconds": run.results["worst_after_ms"] < 2000,
        "all services have caught up, and nothing is lost": run.verdict.ok,
    }


WARM = 5 * SECOND
"""By then the producer knows its brokers."""


scenario = Scenario(
    name="thundering-herd",
    summary="After maintenance all services start at once and fetch what they missed: producers wait behind the herd.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"quota_bytes_per_s": 300_000, "quota.window.num": 2, "max.partition.fetch.bytes": 20_000},
    cured=cured,
)
