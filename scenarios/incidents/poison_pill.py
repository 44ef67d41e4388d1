"""One record that nobody can handle: why does the lag of a single partition grow without end?

Covers: incident card oc-g038 (12 partitions, one blocked at one offset), seek and retry, dead-letter topic, lag of a
partition.

Story: A service applies events of a topic with twelve partitions. A record of partition 4 cannot be parsed. The service
does what many do: it seeks back to the failed record and tries again after a pause, for ever.

Watch for: the lag of partition 4, which grows just as fast as events arrive there, while the other eleven partitions
have none; the group is healthy, has all its members, and commits. A lag summed over the topic hides it for long.

Predict: How fast does the lag grow: as fast as the topic's arrivals, a third, a twelfth of them? Does a restart help?
With `--set attempts=3` the record goes to a dead-letter topic: what becomes of the events behind it?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from simpy import Event

from scenarios.incidents.load import Sent, source
from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND, parse_duration
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.faults import PoisonRecord
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

PARTITIONS, BLOCKED = 12, 4
POISON = b"\x00poison"
KNOBS = {
    "arrivals": Knob("constant:120", "how events come, per second: poisson:120, constant:120, bursts:…, daily:…"),
    "duration": Knob("30s", "how long events come"),
    "poison_at": Knob("8s", "when the bad record comes"),
    "attempts": Knob(0, "after how many attempts a record goes to the dead-letter topic; 0: never", 0, 1000),
    "pause_ms": Knob(200, "how long the service waits after a failure", 0, 60_000),
}


@dataclass(slots=True)
class Notes:
    """What the service writes down: events applied by partition, attempts at the bad record, when it was given up."""

    applied: dict[int, int] = field(default_factory=dict)
    attempts: int = 0
    dead_letters: int = 0
    freed_at: int | None = None


def service(attempts: int, pause_ms: float, notes: Notes) -> Behaviour:
    """Applies events in order; a failed one is sought again, or becomes a dead letter."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer("service", ["events"], auto_offset_reset="earliest", enable_auto_commit=False)
        producer = app.producer(acks="all")
        while True:
            records, failed = (yield from consumer.poll()), -1
            yield app.busy(ms=1)
            for record in records:
                if record.partition == failed:
                    continue
                if record.value == POISON:
                    notes.attempts += 1
                    if not 0 < attempts <= notes.attempts:
                        failed = record.partition
                        consumer.seek(TopicPartition("events", failed), record.offset)
                        continue
                    yield from producer.send("events.dead-letters", record.value, record.key)
                    yield from producer.flush()
                    notes.dead_letters, notes.freed_at = notes.dead_letters + 1, app.now
                notes.applied[record.partition] = notes.applied.get(record.partition, 0) + (record.value != POISON)
            consumer.commit_async()
            if failed >= 0:
                yield app.busy(ms=pause_ms)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, sent, duration = Notes(), Sent(), parse_duration(settings["duration"])
    events = source("events", parse_workload(settings["arrivals"]), UniformKeys(5000), duration, sent)
    member = service(settings["attempts"], settings["pause_ms"], notes)
    poison = PoisonRecord(topic="events", partition=BLOCKED, value=POISON.decode(), at=settings["poison_at"])
    return Plan(
        duration=duration,
        drain=5 * SECOND,
        topics=(Topic("events", PARTITIONS, 3), Topic("events.dead-letters", 1, 3)),
        apps=(
            AppSpec("source", events, "source", finite=True),
            *(AppSpec(f"service-{number}", member, "service") for number in (1, 2, 3)),
        ),
        groups=(GroupSpec("service", ("events",)),),
        faults=(poison,),
        stages=(("source", "events"), ("events", "service"), ("service", "events.dead-letters")),
        wrap_up=lambda complete: results(notes, sent, poison.begins) if complete else {},
    )


def results(notes: Notes, sent: Sent, poison_at: int) -> Mapping[str, object]:
    """How many events wait behind the bad one, at which rate they came, and how long it stood in the way."""
    came: dict[int, int] = {}
    behind = 0
    for partition, _, due in sent.acknowledged:
        came[partition] = came.get(partition, 0) + 1
        behind += partition == BLOCKED and due >= poison_at
    span_s = (max(sent.sent, default=0) - poison_at) / SECOND
    waiting = {partition: came[partition] - notes.applied.get(partition, 0) for partition in sorted(came)}
    stuck = waiting.get(BLOCKED, 0)
    blocked_s = None if notes.freed_at is None else (notes.freed_at - poison_at) / SECOND
    told = f"{notes.attempts} attempts at one record; {stuck} events of events-{BLOCKED} wait behind it"
    return {
        "finding": told if blocked_s is None else f"A dead letter after {notes.attempts} attempts, {blocked_s:.1f} s",
        "attempts": notes.attempts,
        "dead_letters": notes.dead_letters,
        "blocked_s": blocked_s,
        "waiting": {f"events-{number}": count for number, count in waiting.items()},
        "arrived_there_per_s": behind / span_s if span_s > 0 else 0.0,
        "sentences": [f"{told}, where {behind / span_s:.1f} come each second."] if span_s > 0 else [],
    }


def lag_growth(run: "Run", number: int) -> float:
    """By how many records a second the lag of a partition grew while it was blocked and events came."""
    times, lags = run.metrics.series("records-lag", partition=f"events-{number}")
    begin_s = parse_duration(run.settings["poison_at"]) / SECOND
    end_s = parse_duration(run.settings["duration"]) / SECOND
    found = [(time, lag) for time, lag in zip(times, lags, strict=True) if begin_s + 1 <= time <= end_s]
    (first, low), (last, high) = found[0], found[-1]
    return (high - low) / (last - first)


def claims(run: "Run") -> Mapping[str, bool]:
    """One partition is blocked, and its lag grows as fast as events come to it."""
    waiting, rate = run.results["waiting"], run.results["arrived_there_per_s"]
    others = [count for name, count in waiting.items() if name != f"events-{BLOCKED}"]
    growing = [number for number in range(PARTITIONS) if number != BLOCKED and abs(lag_growth(run, number)) > 1]
    return {
        "the lag of the blocked partition grows as fast as events arrive there, to a tenth": abs(
            lag_growth(run, BLOCKED) - rate
        )
        < 0.1 * rate,
        "no event of any other partition waits, and none of their lags grows": not any(others) and not growing,
        "the bad record is tried a hundred times and more": run.results["attempts"] > 100,
        "nothing is lost: all events are in the log": not run.verdict.lost,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """A dead-letter topic lets the others pass."""
    limit_s = run.settings["attempts"] * (run.settings["pause_ms"] / 1000 + 0.3)
    return {
        "the bad record is in the dead-letter topic, once": run.results["dead_letters"] == 1,
        "it has stood in the way for its attempts and pauses only": 0 < run.results["blocked_s"] < limit_s,
        "no event waits in the end": not any(run.results["waiting"].values()),
        "nothing is lost and the group has caught up": run.verdict.ok,
    }


scenario = Scenario(
    name="poison-pill",
    summary="A record that cannot be handled is tried for ever: one partition of twelve stands still.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"attempts": 3},
    cured=cured,
)
