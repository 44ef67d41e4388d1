"""Exactly once costs 20 % of the throughput, or 3 %: what does it cost?

Covers: transactions, commit interval, throughput. The misconception: a fixed price, such as "20 to 21 %" (kmsg) or "3 %
for idempotence and 20 to 30 % for transactions". A commit costs some round trips, however much is in it; what exactly
once costs depends on how long a transaction is.

Story: Four copiers copy the same topic, each to a topic of its own, with 5 ms of work for each record. One commits
nothing until it is done; three commit transactions every 10, 100 and 1000 ms.

Watch for: the time that one commit takes, which differs little; the share of all time that commits take, which differs
a lot. The longer a transaction, the later become its records visible to others: that is the other side of the price.

Predict: How many records a second does each copier manage? Which interval would you take if readers want to see a
record within half a second?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass
from typing import Any

from simpy import Event

from scenarios.misconceptions.parts import Steps, source
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer import Consumer
from sim.actors.producer.producer import Producer
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Constant

__all__ = ["scenario"]

KNOBS = {"records": Knob(300, "records that each copier copies", 100, 1_000_000)}
INTERVALS_MS = {"no-transactions": 0, "every-10-ms": 10, "every-100-ms": 100, "every-1000-ms": 1000}
IN = TopicPartition("in", 0)
START = 8 * SECOND


@dataclass(slots=True)
class Work:
    """What one copier has done: records, commits, how long commits took and when it was done; nanoseconds."""

    records: int = 0
    commits: int = 0
    committing: int = 0
    done_at: int = START + 1

    def summary(self) -> dict[str, float]:
        """Records a second, milliseconds for one commit, and the share of time that commits took."""
        lasted = self.done_at - START
        return {
            "records_per_s": self.records * SECOND / lasted,
            "commit_ms": self.committing / MILLISECOND / max(1, self.commits),
            "share_of_time": self.committing / lasted,
        }


def commit(consumer: Consumer, producer: Producer, transactional: bool) -> Generator[Event, Any, None]:
    """What was read counts as done: with the records that came of it, or after them."""
    yield from producer.flush()
    if not transactional:
        yield from consumer.commit()
        return
    offsets = {IN: consumer.position(IN) or 0}
    yield from producer.send_offsets_to_transaction(offsets, consumer.consumer_group_metadata())
    yield from producer.commit_transaction()


def copier(name: str, records: int, work: Work) -> Behaviour:
    """Copies so many records and commits whenever its interval is over."""
    interval = INTERVALS_MS[name] * MILLISECOND

    def run(app: App) -> Steps:
        consumer = app.consumer(
            name, ["in"], auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=2
        )
        producer = app.producer(**({"transactional_id": name} if interval else {}))
        if interval:
            yield from producer.init_transactions()
        while not consumer.assignment():
            yield from consumer.poll(100, max_records=0)
        yield app.until(START)
        while work.records < records:
            if interval:
                producer.begin_transaction()
            end = app.now + interval
            while True:
                for record in (yield from consumer.poll()):
                    yield app.busy(ms=5)
                    yield from producer.send(f"out-{name}", record.value)
                    work.records += 1
                if (interval and app.now >= end) or work.records >= records:
                    break
            began = app.now
            yield from commit(consumer, producer, bool(interval))
            work.commits, work.committing, work.done_at = work.commits + 1, work.committing + app.now - began, app.now
        yield from consumer.close()
        yield from producer.close()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    works, records = {name: Work() for name in INTERVALS_MS}, settings["records"]
    behaviours = {name: copier(name, records, work) for name, work in works.items()}
    return Plan(
        duration=None,
        topics=(Topic("in", 1, 1), *(Topic(f"out-{name}", 1, 3) for name in INTERVALS_MS)),
        apps=(
            AppSpec("source", source("in", Constant(records / 5), 5 * SECOND, linger_ms=100), "source", finite=True),
            *(
                AppSpec(name, behaviour, name, finite=True, transactional=INTERVALS_MS[name] > 0)
                for name, behaviour in behaviours.items()
            ),
        ),
        groups=tuple(GroupSpec(name, ("in",), exactly_once_in=f"out-{name}") for name in INTERVALS_MS),
        stages=(
            ("source", "in"),
            *(("in", name) for name in INTERVALS_MS),
            *((name, f"out-{name}") for name in INTERVALS_MS),
        ),
        wrap_up=lambda complete: results(works) if complete else {},
    )


def results(works: Mapping[str, Work]) -> Mapping[str, object]:
    """The curve of throughput against commit interval."""
    found = {name: work.summary() for name, work in works.items()}
    base = found["no-transactions"]["records_per_s"]
    transactional = {name: each for name, each in found.items() if INTERVALS_MS[name]}
    cost = {name: 1 - each["records_per_s"] / base if base else 0.0 for name, each in transactional.items()}
    told = {name: name.replace("-", " ") for name in cost}
    return {
        "copiers": found,
        "cost": cost,
        "finding": "transactions cost " + "; ".join(f"{share:.1%} {told[name]}" for name, share in cost.items()),
        "sentences": [
            f"A transaction {told[name]} copies {found[name]['records_per_s']:.0f} records a second, "
            f"and commits take {found[name]['share_of_time']:.1%} of the time."
            for name in cost
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """The price falls with the interval, as commits take about as long."""
    cost = list(run.results["cost"].values())
    each = [run.results["copiers"][name] for name in run.results["cost"]]
    commits_ms = [found["commit_ms"] for found in each]
    return {
        "the longer the interval, the less it costs": cost == sorted(cost, reverse=True),
        "a commit takes about as long, be a transaction short or long": max(commits_ms) < 3 * min(commits_ms),
        "so the prices are far apart": each[0]["share_of_time"] > 10 * each[2]["share_of_time"],
        "each record was copied exactly once": run.verdict.ok and not any(run.verdict.redelivered.values()),
    }


scenario = Scenario(
    name="exactly-once-has-a-price-tag",
    summary="What transactions cost depends on the commit interval: the shorter, the more; no fixed percentage.",
    story=__doc__ or "",
    make=make,
    knobs=KNOBS,
    level="intermediate",
    claims=claims,
)
