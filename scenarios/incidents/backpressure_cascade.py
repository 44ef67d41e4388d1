"""The database becomes slow: why do consumers lose their partitions, and how do they keep them?

Covers: incident card techvault #14 (backpressure cascade), a bounded queue behind the consumer, pause and resume,
max.poll.interval.ms, records read twice, order at a slow place.

Story: Three sinks read orders and put them into a queue of 50 for a thread that writes to a database. The database
becomes twenty times as slow for a minute. Whoever finds the queue full waits in put() and does not poll meanwhile.
(max.poll.interval.ms is 20 s here and the queue small, in place of 300 s and thousands.)

Watch for: members that leave as they have not polled; their partitions move to others, who read again what was not
committed, so that the slow database gets more work, not less; and the producers, who feel nothing of it all.

Predict: Does the pressure reach the producers? How many orders are written twice? With `--set pausing=true` a sink
pauses its partitions when the queue is full, and goes on polling: where does the backlog stand then?
"""

from collections import deque
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from scenarios.incidents.load import Sent, source
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.rules.facts.journal import MemberRemoved
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.faults import SlowHandler
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

SINKS = 3
KNOBS = {
    "arrivals": Knob("poisson:60", "how orders come, per second: poisson:60, constant:60, bursts:…, daily:…"),
    "duration": Knob("100s", "how long orders come"),
    "write_ms": Knob(25.0, "how long the database takes for an order", 0.1, 60_000),
    "slow_at": Knob("15s", "when the database becomes slow"),
    "slow_for": Knob("60s", "for how long"),
    "factor": Knob(20.0, "how many times as slow", 1, 1000),
    "queue": Knob(50, "how many orders fit into the queue of a sink", 1, 1_000_000),
    "pausing": Knob(False, "whether a sink with a full queue pauses its partitions instead of waiting"),
}


@dataclass(slots=True)
class Notes:
    """Orders that were queued for the database, how many of them again, and the longest queue."""

    queued: set[tuple[int, int]] = field(default_factory=set)
    again: int = 0
    longest: int = 0

    def note(self, record: ConsumerRecord, waiting: int) -> None:
        """An order is in a queue of this length."""
        place = record.partition, record.offset
        self.again += place in self.queued
        self.queued.add(place)
        self.longest = max(self.longest, waiting)


@dataclass(slots=True)
class Queue:
    """Orders between poll() and the database, which writes one after the other.

    `ends` is when each of those that wait will be written (ns), with its partition and the offset behind it.
    """

    ends: deque[tuple[int, TopicPartition, int]] = field(default_factory=deque)

    def put(self, record: ConsumerRecord, now: int, cost: int) -> None:
        """The order waits for its turn."""
        begins = max(now, self.ends[-1][0]) if self.ends else now
        self.ends.append((begins + cost, TopicPartition(record.topic, record.partition), record.offset + 1))

    def written(self, now: int) -> dict[TopicPartition, int]:
        """Take out what is written by now: up to which offset of each partition."""
        offsets: dict[TopicPartition, int] = {}
        while self.ends and self.ends[0][0] <= now:
            _, partition, offset = self.ends.popleft()
            offsets[partition] = offset
        return offsets


def sink(settings: Settings, notes: Notes) -> Behaviour:
    """Polls, fills the queue, commits what is written of the partitions that it still has."""
    limit, pausing = settings["queue"], settings["pausing"]

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer(
            "sinks", auto_offset_reset="earliest", enable_auto_commit=False, max_poll_interval_ms=20_000
        )
        consumer.subscribe(["orders"])
        queue, done = Queue(), dict[TopicPartition, int]()
        while True:
            for record in (yield from consumer.poll(100, limit)):
                done.update(queue.written(app.now))
                if len(queue.ends) >= limit and not pausing:
                    yield app.until(queue.ends[0][0])
                    done.update(queue.written(app.now))
                queue.put(record, app.now, round(settings["write_ms"] * app.conditions.slowness * MILLISECOND))
                notes.note(record, len(queue.ends))
            done.update(queue.written(app.now))
            mine = consumer.assignment()
            if pausing and len(queue.ends) >= limit / 2:
                consumer.pause(mine)
            else:
                consumer.resume(consumer.paused())
            if offsets := {partition: offset for partition, offset in done.items() if partition in mine}:
                consumer.commit_async(offsets)
            done.clear()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, sent, duration = Notes(), Sent(), parse_duration(settings["duration"])
    shop = source("orders", parse_workload(settings["arrivals"]), UniformKeys(1000), duration, sent, acks="all")
    names = [f"sink-{number}" for number in range(1, SINKS + 1)]
    slow = {"at": settings["slow_at"], "lasts": settings["slow_for"], "factor": settings["factor"]}
    return Plan(
        duration=duration,
        drain=400 * SECOND,
        topics=(Topic("orders", 6, 3, {"min.insync.replicas": 2}),),
        apps=(
            AppSpec("shop", shop, "shop", finite=True),
            *(AppSpec(name, sink(settings, notes), "sinks") for name in names),
        ),
        groups=(GroupSpec("sinks", ("orders",)),),
        faults=tuple(SlowHandler(app=name, **slow) for name in names),
        stages=(("shop", "orders"), ("orders", "sinks")),
        wrap_up=lambda complete: results(notes, sent) if complete else {},
    )


def results(notes: Notes, sent: Sent) -> Mapping[str, object]:
    """How much was written twice, how long queues were, and how long producers waited at most."""
    told = f"{notes.again:,} of {len(notes.queued):,} orders were written more than once"
    return {
        "finding": f"{told}; the longest queue held {notes.longest}",
        "orders": len(sent.sent),
        "written": len(notes.queued),
        "written_again": notes.again,
        "longest_queue": notes.longest,
        "silences_s": sent.silences(),
        "sentences": [f"{told}; the longest queue held {notes.longest}."],
    }


def put_out(run: "Run") -> int:
    """How many times a member of the group had to go."""
    return sum(isinstance(fact, MemberRemoved) and fact.group_id == "sinks" for _, fact in run.facts)


def slowest_ms(run: "Run") -> float:
    """The longest that producers waited for an acknowledgement, after the first seconds."""
    times, latencies = run.metrics.series("produce-latency-ms", topic="orders", quantile="max")
    return max(latency for time_s, latency in zip(times, latencies, strict=True) if time_s > 5)


def claims(run: "Run") -> Mapping[str, bool]:
    """Waiting in put() is a silence between polls, and the slow database gets more work for it."""
    return {
        "members that wait for the database are put out of the group, though they live": put_out(run) >= SINKS,
        "one order in a hundred, and more, is written more than once": run.results["written_again"]
        > 0.01 * run.results["orders"],
        "the pressure does not reach the producers: no acknowledgement takes a tenth of a second": slowest_ms(run)
        < 100,
        "every order is written in the end": run.results["written"] == run.results["orders"] and run.verdict.ok,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """Who pauses goes on polling; the backlog stands in the log."""
    _, lags = run.metrics.series("records-lag", group="sinks")
    return {
        "no member is put out": put_out(run) == 0,
        "no order is written twice": run.results["written_again"] == 0,
        "queues stay bounded, by half as much again": run.results["longest_queue"] <= 1.5 * run.settings["queue"],
        "the backlog stands in the log: ten times as much as in all queues": max(lags)
        > 10 * SINKS * run.settings["queue"],
        "every order is written in the end": run.results["written"] == run.results["orders"] and run.verdict.ok,
    }


scenario = Scenario(
    name="backpressure-cascade",
    summary="A slow database fills a queue, who waits for it does not poll, and rebalances add to its work.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"pausing": True},
    cured=cured,
)
