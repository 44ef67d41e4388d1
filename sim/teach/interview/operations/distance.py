"""Distance: what a cluster over several zones or data centres costs in latency, and what it buys."""

from collections.abc import Generator
from typing import Any

import numpy
from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.producer.delivery import Delivery
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.config import ProducerConfig
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.cluster import ClusterSpec
from sim.world.faults import LatencySpike
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

ROUND_TRIPS_MS = (2, 20, 60)
TRIP_MS = 20
LONE = {"gap_ms": 1000, "records": 40}
BUSY = {"gap_ms": 5, "records": 300}


def writer(settings: Settings, waits_ms: list[float]) -> Behaviour:
    """Sends records at random moments and notes how long each acknowledgement took."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(acks=settings["acks"], linger_ms=0)
        yield from producer.partitions_for("payments")
        yield app.until(2 * SECOND)
        for _ in range(settings["records"]):
            sent_at = app.now

            def told(_: Delivery, sent_at: int = sent_at) -> None:
                waits_ms.append((app.now - sent_at) / MILLISECOND)

            yield from producer.send("payments", b"a payment", None, on_delivery=told)
            yield app.until(sent_at + round(app.random.expovariate(1) * settings["gap_ms"] * MILLISECOND))
        yield from producer.close()

    return run


def make(settings: Settings) -> Plan:
    """Three zones with a broker each; the writer is in the zone of broker 1."""
    waits_ms: list[float] = []
    zones = (("broker-1", "writer"), ("broker-2",), ("broker-3",))
    latency = f"{1000 * settings['round_trip_ms'] / 2:.0f}us"
    between = [(one, other) for place, one in enumerate(zones) for other in zones[place + 1 :]]
    placed = ((2, 3, 1) if settings["leader_is_far"] else (1, 2, 3),)
    return Plan(
        duration=None,
        cluster=ClusterSpec(group_topics=False),
        topics=(Topic("payments", 1, 3, {"min.insync.replicas": 2}, placed),),
        apps=(AppSpec("writer", writer(settings, waits_ms), "writer", finite=True),),
        faults=tuple(LatencySpike(at="0s", latency=latency, side=one, other=other) for one, other in between),
        stages=(("writer", "payments"),),
        wrap_up=lambda complete: {name: float(numpy.percentile(waits_ms, percent)) if complete else 0.0
                                  for name, percent in (("median_ms", 50), ("p99_ms", 99))},
    )  # fmt: skip


ZONES = Scenario(
    name="zones",
    summary="Three zones with a broker each, and so long a round trip between them.",
    story="",
    make=make,
    knobs={
        "round_trip_ms": Knob(20.0, "round trip between two zones, in milliseconds", 0.0, 1000.0),
        "acks": Knob("all", "acks of the writer"),
        "leader_is_far": Knob(False, "whether the leader is in another zone than the writer"),
        "gap_ms": Knob(5, "milliseconds between two records on average", 1, 10_000),
        "records": Knob(300, "how many records are written", 1, 100_000),
    },
)
FLIGHTS = {
    **{f"lone-{trip}": Experiment(ZONES, {**LONE, "round_trip_ms": trip}) for trip in ROUND_TRIPS_MS},
    **{f"busy-{trip}": Experiment(ZONES, {**BUSY, "round_trip_ms": trip}) for trip in ROUND_TRIPS_MS},
    "far": Experiment(ZONES, {**LONE, "leader_is_far": True}),
    "acks=1": Experiment(ZONES, {**LONE, "acks": "1"}),
    "one in flight": Experiment(ZONES, {**BUSY, "producer.max.in.flight.requests.per.connection": 1}),
}


def _round_trip(runs: Runs) -> Proof:
    lone = {trip: runs[f"lone-{trip}"].results["median_ms"] for trip in ROUND_TRIPS_MS}
    far, one = runs["far"].results["median_ms"], runs["acks=1"].results["median_ms"]
    busy, single = runs[f"busy-{TRIP_MS}"].results["p99_ms"], runs["one in flight"].results["p99_ms"]
    return Proof(
        all(trip < wait < trip + 2 for trip, wait in lone.items()) and abs(far - lone[TRIP_MS] - TRIP_MS) < 2,
        lone[TRIP_MS],
        "ms",
        f"With {TRIP_MS} ms between zones a record alone is acknowledged after {lone[TRIP_MS]:.1f} ms with acks=all, "
        f"after {one:.1f} ms with acks=1; under load the 99th percentile is {busy:.0f} ms.",
        {
            "trip": TRIP_MS,
            "lone": lone[TRIP_MS],
            "one": one,
            "far": far,
            "busy": busy,
            "trips": busy / TRIP_MS,
            "single": single,
            "in_flight": ProducerConfig().max_in_flight_requests_per_connection,
            "close_trip": ROUND_TRIPS_MS[0],
            "close": lone[ROUND_TRIPS_MS[0]],
            "wide_trip": ROUND_TRIPS_MS[-1],
            "wide": runs[f"busy-{ROUND_TRIPS_MS[-1]}"].results["p99_ms"],
        },
    )


def _sum_of_distances(runs: Runs) -> tuple[bool, str]:
    mine = runs[f"lone-{TRIP_MS}"].results["median_ms"]
    return mine < 1.5 * TRIP_MS, (
        f"Two followers fetch side by side: with {TRIP_MS} ms to each an acknowledgement takes {mine:.1f} ms, and not "
        f"{2 * TRIP_MS}."
    )


def _one_trip_under_load(runs: Runs) -> tuple[bool, str]:
    mine, single = runs[f"busy-{TRIP_MS}"].results["p99_ms"], runs["one in flight"].results["p99_ms"]
    return mine > 3 * TRIP_MS, (
        f"With a record every {BUSY['gap_ms']} ms it is {mine:.0f} ms, {mine / TRIP_MS:.1f} round trips: a broker "
        "takes up the next request of a connection when it has answered the one before. With one in flight it is "
        f"{single:.0f} ms."
    )


def _one_is_as_safe(runs: Runs) -> tuple[bool, str]:
    mine = runs["acks=1"].results["median_ms"]
    return mine < TRIP_MS / 2, (
        f"With acks=1 the answer is there after {mine:.1f} ms, when no other zone can have the record: one way takes "
        f"{TRIP_MS / 2:g} ms. If the leader's zone is lost then, so is the record."
    )


QUESTIONS = (
    Question(
        number=66,
        topic="operations",
        level="senior",
        asks="You stretch a cluster over three zones or data centres. What does that cost, and what does it buy?",
        predict="""
            The round trip between zones is 20 ms, each zone has a replica, and the producer is beside the leader. After
            how many milliseconds is a record that is written alone acknowledged with acks=all?
        """,
        flights=FLIGHTS,
        prove=_round_trip,
        answer="""
            With acks=all a record waits until the followers in sync have fetched it and asked for more: one round trip
            between zones, as they fetch side by side. In the run, at {trip} ms, that is {lone:.1f} ms alone, {one:.1f}
            with acks=1, and {far:.1f} when the leader is in another zone. Under load it is more: a broker takes one
            request of a connection at a time, so with {in_flight} in flight the 99th percentile is {busy:.0f} ms,
            {trips:.0f} round trips; with one in flight they share a batch, {single:.0f} ms. Zones of one region are
            {close_trip} ms apart: stretch. With replicas spread by rack and min.insync.replicas=2 the loss of a zone
            loses no acknowledged record and stops no write. At {wide_trip} ms it is {wide:.0f} ms under load, and every
            hiccup shrinks the ISR: run a cluster in each region and mirror asynchronously.
        """,
        follow_up="How do you keep the traffic between zones, and its bill, down?",
        follow_up_answer="""
            Replication has to cross, reading need not: with broker.rack and client.rack set, and the rack-aware replica
            selector on the brokers, consumers fetch from the follower in their zone. Compress at the producer.
            Producers still go to the leader wherever it is, {far:.1f} ms instead of {lone:.1f} here.
        """,
        wrong=(
            WrongAnswer("With three zones the wait is the sum of the distances.", _sum_of_distances),
            WrongAnswer("It is one round trip more, under load as well.", _one_trip_under_load),
            WrongAnswer("acks=1 is as safe, as the other zones have the record a moment later.", _one_is_as_safe),
        ),
        picture=Picture(
            x="round trip between zones (ms)",
            y="until acknowledged with acks=all (ms)",
            curves=lambda runs: {
                name: [(trip, runs[f"{kind}-{trip}"].results[figure]) for trip in ROUND_TRIPS_MS]
                for name, kind, figure in (
                    ("under load, 99th percentile", "busy", "p99_ms"),
                    ("alone, median", "lone", "median_ms"),
                )
            },
            title=lambda runs: _round_trip(runs).says,
        ),
    ),
)
