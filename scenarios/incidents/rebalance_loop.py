"""Forty members, and each batch takes nearly as long as may pass between polls: why does the group never come to rest?

Covers: incident card arika #2 (40 members, a rebalance of 45 s, batches of 280 s on average, sometimes more than
300 s), max.poll.interval.ms, eager rebalance, max.poll.records, cooperative rebalance.

Story: Forty workers share forty partitions. A batch of ten records takes each 280 s on average, one in some dozens more
than the 300 s of max.poll.interval.ms. That one is put out of the group, and all others have to join again. (The card's
workers have more and shorter records in a batch; only the time of a batch counts.)

Watch for: members can join only between two batches, so that everybody who has joined waits for the slowest, with
nothing to do; by then the next one is late.

Predict: How long does a rebalance take: the card's 45 s, or longer? Which share of its time does the group spend in
rebalances? What changes with `--set max.poll.records=2`? Does `--set partition.assignment.strategy=cooperative-sticky`
make it better or worse? (Whoever works while his join is answered sends no heartbeats.)
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer import CommitFailedError
from sim.machine.clock import SECOND, parse_duration
from sim.rules.facts.journal import GroupChanged, MemberRemoved
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["scenario"]

KNOBS = {
    "members": Knob(40, "workers in the group, and partitions", 1, 200),
    "duration": Knob("1800s", "how long it is looked at"),
    "record_s": Knob(28.0, "how long a record takes on average", 0.001, 3600),
    "spread": Knob(0.045, "standard deviation of a batch's time, as a share of its mean", 0, 1),
}


@dataclass(slots=True)
class Notes:
    """Time that was worked (ns), which part of it was in vain as its commit failed, and records committed."""

    worked: int = 0
    in_vain: int = 0
    committed: int = 0


def feed(settings: Settings) -> Behaviour:
    """Fills the topic at once: there is always work."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer()
        count = round(parse_duration(settings["duration"]) / SECOND / settings["record_s"]) + 20
        for partition in range(settings["members"]):
            yield from producer.send_many("jobs", 100, [app.now] * count, partition=partition)
        yield from producer.close()

    return run


def worker(settings: Settings, notes: Notes) -> Behaviour:
    """Works on a batch, commits it, polls again; a commit that is refused was work in vain."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer(
            "workers", ["jobs"], auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=10
        )
        chance = app.machine.streams.columns(f"{app.name} works")
        yield app.busy(ms=1000)
        while True:
            records = yield from consumer.poll()
            if not records:
                continue
            began = app.now
            mean_ms = 1000 * settings["record_s"] * len(records)
            yield app.busy(ms=max(0.0, chance.normal(mean_ms, settings["spread"] * mean_ms)))
            notes.worked += app.now - began
            done = {TopicPartition("jobs", record.partition): record.offset + 1 for record in records}
            try:
                yield from consumer.commit(done)
                notes.committed += len(records)
            except CommitFailedError:
                notes.in_vain += app.now - began

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, members = Notes(), settings["members"]
    return Plan(
        duration=parse_duration(settings["duration"]),
        drain=0,
        cluster=ClusterSpec(brokers=1, racks=1),
        topics=(Topic("jobs", members),),
        apps=(
            AppSpec("feed", feed(settings), "feed", finite=True),
            *(AppSpec(f"worker-{number}", worker(settings, notes), "workers") for number in range(1, members + 1)),
        ),
        groups=(GroupSpec("workers", ("jobs",)),),
        stages=(("feed", "jobs"), ("jobs", "workers")),
        wrap_up=lambda complete: results(settings, notes) if complete else {},
    )


def results(settings: Settings, notes: Notes) -> Mapping[str, object]:
    """Which share of the members' time was worked, and which share of the work was in vain."""
    whole = settings["members"] * parse_duration(settings["duration"])
    worked, in_vain = notes.worked / max(1, whole), notes.in_vain / max(1, notes.worked)
    told = f"Work for {worked:.0%} of the time; {in_vain:.1%} of it in vain, as its commit was refused"
    return {
        "finding": told,
        "worked_share": worked,
        "in_vain_share": in_vain,
        "committed": notes.committed,
        "sentences": [told + "."],
    }


def rebalances_s(run: "Run") -> list[float]:
    """How long each rebalance took after the group's first assignment; one that is still on counts up to the end."""
    states = [(time, fact) for time, fact in run.facts if isinstance(fact, GroupChanged) and fact.group_id == "workers"]
    spans: list[float] = []
    since: int | None = None
    for time, fact in [*states, (run.flight.now, None)]:
        if fact is None or fact.state == "Stable":
            spans += [] if since is None else [(time - since) / SECOND]
            since = None
        elif since is None:
            since = time
    return spans[1:]


def put_out(run: "Run") -> int:
    """How many members had to go."""
    return sum(isinstance(fact, MemberRemoved) and fact.group_id == "workers" for _, fact in run.facts)


def claims(run: "Run") -> Mapping[str, bool]:
    """One late member costs everybody a rebalance that lasts as long as the longest batch."""
    spans = rebalances_s(run)
    return {
        "late members are put out, and the work of their batches is in vain": put_out(run) > 0
        and run.results["in_vain_share"] > 0,
        "a rebalance takes up to 200 s and more, as it waits for the longest batch: not the card's 45 s": max(
            spans, default=0
        )
        > 200,
        "the group spends more than a quarter of its time in rebalances": sum(spans) > run.simulated_s / 4,
    }


def cured(run: "Run") -> Mapping[str, bool]:
    """With a fifth of the records in a batch nobody is late."""
    return {
        "no member is put out": put_out(run) == 0,
        "there is no rebalance after the first": not rebalances_s(run),
        "no work is in vain": run.results["in_vain_share"] == 0,
        "members work for more than nineteen twentieths of the time": run.results["worked_share"] > 0.95,
    }


scenario = Scenario(
    name="rebalance-loop",
    summary="Batches take nearly max.poll.interval.ms: a late member puts all forty into rebalance after rebalance.",
    story=__doc__ or "",
    level="advanced",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"max.poll.records": 2},
    cured=cured,
)
