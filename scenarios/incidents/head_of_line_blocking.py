"""One call in many takes five seconds: who waits behind it, and does a second thread for each key help?

Covers: incident card oc-g264 (a rare handler of 5 s, whale keys), head-of-line blocking, order per key, parallel
processing within a partition, commit of what is done without a gap.

Story: A service handles events of many accounts from four partitions, ten milliseconds each. One account, the whale,
makes a third of all events, and every 150th of these takes five seconds. Whoever shares the whale's partition waits.

Watch for: the waiting times by partition. Three partitions know nothing of it; in the fourth, small accounts wait for
seconds though nothing of theirs is slow.

Predict: Do more partitions help the small accounts, and does another consumer? With `--set per_key=true` each account
has a queue of its own: who still waits, and why must he?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from scenarios.incidents.load import Sent, source
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.observe.latency import quantiles
from sim.rules.producer.partitioner import partition_for_key
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.faults import KeySkew
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

PARTITIONS = 4
WHALE = b"whale"
KNOBS = {
    "arrivals": Knob("poisson:40", "how events come, per second: poisson:40, constant:40, bursts:…, daily:…"),
    "duration": Knob("60s", "how long events come"),
    "whale_share": Knob(0.33, "the whale's share of all events", 0, 1),
    "handler_ms": Knob(10.0, "how long an event is handled", 0.1, 60_000),
    "slow_s": Knob(5.0, "how long a slow one is handled", 0, 600),
    "slow_every": Knob(150, "which of the whale's events are slow: every so many-th", 1, 1_000_000),
    "per_key": Knob(False, "whether each account has a queue and a thread of its own in the service"),
}


@dataclass(slots=True)
class Notes:
    """When the handling of each record began, and how many of the whale's there were."""

    began: dict[tuple[int, int], tuple[bool, int]] = field(default_factory=dict)
    whales: int = 0


@dataclass(slots=True)
class Lanes:
    """Threads of one service, each with a queue: one for all records, or one for each key.

    `free` is when each has done all it was given; `open` is, by partition and offset, when each record is done.
    """

    per_key: bool
    free: dict[bytes | None, int] = field(default_factory=dict)
    open: dict[int, dict[int, int]] = field(default_factory=dict)

    def put(self, record: ConsumerRecord, now: int, cost: int) -> int:
        """Queue a record; returns when its handling begins."""
        lane = record.key if self.per_key else None
        begins = max(now, self.free.get(lane, 0))
        self.free[lane] = begins + cost
        self.open.setdefault(record.partition, {})[record.offset] = begins + cost
        return begins

    def done(self, now: int) -> dict[TopicPartition, int]:
        """What may be committed: up to the first record that is not done, whatever is done behind it."""
        offsets: dict[TopicPartition, int] = {}
        for partition, records in self.open.items():
            for offset in list(records):
                if records[offset] > now:
                    break
                del records[offset]
                offsets[TopicPartition("events", partition)] = offset + 1
        return offsets


def service(settings: Settings, notes: Notes) -> Behaviour:
    """Polls whenever a thread is free, gives records to the threads, commits what is done."""
    usual, slow = round(settings["handler_ms"] * MILLISECOND), round(settings["slow_s"] * SECOND)

    def run(app: App) -> Generator[Event, Any, None]:
        lanes = Lanes(settings["per_key"])
        consumer = app.consumer("service", ["events"], auto_offset_reset="earliest", enable_auto_commit=False)
        while True:
            for record in (yield from consumer.poll(100)):
                whale = record.key == WHALE
                notes.whales += whale
                cost = slow if whale and notes.whales % settings["slow_every"] == 0 else usual
                notes.began[record.partition, record.offset] = whale, lanes.put(record, app.now, cost)
            yield app.until(min(lanes.free.values(), default=app.now))
            if done := lanes.done(app.now):
                consumer.commit_async(done)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, sent, duration = Notes(), Sent(), parse_duration(settings["duration"])
    events = source("events", parse_workload(settings["arrivals"]), UniformKeys(500), duration, sent)
    whale = KeySkew(app="source", key=WHALE.decode(), share=settings["whale_share"], at="0s")
    return Plan(
        duration=duration,
        topics=(Topic("events", PARTITIONS, 3),),
        apps=(
            AppSpec("source", events, "source", finite=True),
            *(AppSpec(f"service-{number}", service(settings, notes), "service") for number in range(1, PARTITIONS + 1)),
        ),
        groups=(GroupSpec("service", ("events",)),),
        faults=(whale,),
        stages=(("source", "events"), ("events", "service")),
        wrap_up=lambda complete: results(notes, sent) if complete else {},
    )


def results(notes: Notes, sent: Sent) -> Mapping[str, object]:
    """How long events waited until their handling began: by partition, and in the whale's by who they belong to."""
    waits: dict[str, list[int]] = {}
    place = partition_for_key(WHALE, PARTITIONS)
    for partition, offset, due in sent.acknowledged:
        if due < SETTLED or (partition, offset) not in notes.began:
            continue
        whale, began = notes.began[partition, offset]
        name = "whale" if whale else f"events-{partition}"
        waits.setdefault(name, []).append(began - due)
    found = {name: quantiles(values) for name, values in sorted(waits.items())}
    mine = found.get(f"events-{place}", {}).get("p99", 0.0)
    elsewhere = max((of["p99"] for name, of in found.items() if name not in ("whale", f"events-{place}")), default=0.0)
    told = f"Small accounts beside the whale: p99 of the wait {mine:,.0f} ms; in other partitions {elsewhere:,.0f} ms"
    return {
        "finding": told,
        "wait_ms": found,
        "beside_the_whale_p99_ms": mine,
        "elsewhere_p99_ms": elsewhere,
        "sentences": [told + "."],
    }


SETTLED = 8 * SECOND
"""By then the group has its first assignment, and has read what came before."""


def claims(run: "Run") -> Mapping[str, bool]:
    """Who stands behind a slow one waits, whoever he is."""
    slow_ms = run.settings["slow_s"] * 1000
    beside, elsewhere = run.results["beside_the_whale_p99_ms"], run.results["elsewhere_p99_ms"]
    return {
        "one small account in a hundred beside the whale waits longer than half a slow call": beside > slow_ms / 2,
        "in the other partitions nobody waits for a twentieth of that": elsewhere < beside / 20,
        "nothing is lost or out of order": run.verdict.ok,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """A queue for each key frees all but the whale, who has to wait for the sake of order."""
    slow_ms = run.settings["slow_s"] * 1000
    beside, elsewhere = run.results["beside_the_whale_p99_ms"], run.results["elsewhere_p99_ms"]
    whale = run.results["wait_ms"]["whale"]["p99"]
    return {
        "small accounts beside the whale wait no longer than others, to a tenth of a second": beside < elsewhere + 100,
        "the whale still waits for its own slow calls, as its events stay in order": whale > slow_ms / 2,
        "nothing is lost or out of order": run.verdict.ok,
    }


scenario = Scenario(
    name="head-of-line-blocking",
    summary="A rare call of five seconds blocks all who stand behind it in the partition; a queue per key frees them.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"per_key": True},
    cured=cured,
)
