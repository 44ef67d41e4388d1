"""What does exactly once cost? Not a fixed percentage: a curve over how often a transaction is committed.

Covers: transactions, commit interval, throughput, latency, read_committed, misconception "EOS costs 20 %".

Story: Four pipelines do the same work on the same orders, each on its own: the first commits offsets as usual and
promises at least once; the others commit one transaction each so many milliseconds, offsets and results together, as
Kafka Streams does (`commit.interval.ms`). First they work off a backlog as fast as they can: that is throughput. Then
orders come slowly, and somebody reads the results with read_committed: that is latency. Every pipeline has the same
work for an order. Rates are scaled down, so that a run takes seconds.

Watch for: what a commit costs does not depend on how much it commits: a few round trips to the coordinator and a
marker in every partition. So short transactions cost a large share of the time, long ones next to nothing; but
nobody sees a result before its transaction is committed.

Predict: At which interval is the cost below five per cent? What is the latency there? Does the answer change with
`--set work_ms=0.2`, or with `--set partitions=6`?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simpy import Event

from scenarios.streams.parts import figures, numbered
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer import Consumer
from sim.actors.producer.producer import Producer
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

__all__ = ["scenario"]

KNOBS = {
    "backlog": Knob(1000, "orders that are there at the beginning", 100, 1_000_000),
    "arrivals": Knob("constant:20", "how orders come later, per second: poisson:20, constant:20, bursts:…, daily:…"),
    "duration": Knob("6s", "how long orders come then"),
    "work_ms": Knob(2.0, "milliseconds of work for each order", 0.0, 1000.0),
    "partitions": Knob(2, "partitions of the topic of each pipeline's results", 1, 100),
}
INTERVALS_MS = {"at-least-once": 0, "eos-10ms": 10, "eos-100ms": 100, "eos-1000ms": 1000}
STARTS, LATER = 2 * SECOND, 12 * SECOND
Steps = Generator[Event, Any, None]


@dataclass(slots=True)
class Notes:
    """By pipeline: when it has worked off the backlog (seconds from its start), and how old results were when seen."""

    backlog_s: dict[str, float] = field(default_factory=dict)
    commits: dict[str, int] = field(default_factory=dict)
    ages_ms: dict[str, list[float]] = field(default_factory=dict)


def archive(backlog: int) -> Behaviour:
    """The orders that wait."""

    def run(app: App) -> Steps:
        producer = app.producer(acks="all")
        for number in range(backlog):
            yield from producer.send("orders", b"%d" % number)
        yield from producer.close()

    return run


class Pipeline:
    """Reads orders, works on each, sends a result, and commits once in an interval."""

    def __init__(self, app: App, interval_ms: int, settings: Settings, notes: Notes) -> None:
        self._app = app
        self._interval = interval_ms * MILLISECOND
        self._settings = settings
        self._notes = notes
        self._consumer: Consumer = app.consumer(
            app.name, ["orders"], auto_offset_reset="earliest", enable_auto_commit=not interval_ms, max_poll_records=5
        )
        self._producer: Producer = app.producer(transactional_id=app.name) if interval_ms else app.producer()
        self._open = False
        self._due = 0
        self._offsets: dict[TopicPartition, int] = {}

    def run(self) -> Steps:
        """For ever."""
        if self._interval:
            yield from self._producer.init_transactions()
        done, backlog, begun = 0, self._settings["backlog"], 0
        while True:
            left_ms = max(0, self._due - self._app.now) // MILLISECOND if self._open else 1000
            orders = yield from self._consumer.poll(left_ms)
            begun = begun or (self._app.now if orders else 0)
            for order in orders:
                self._begin()
                yield self._app.busy(ms=self._settings["work_ms"])
                yield from self._producer.send(f"results-{self._app.name}", b"", timestamp_ms=order.timestamp_ms)
                self._offsets[TopicPartition(order.topic, order.partition)] = order.offset + 1
            yield from self._commit()
            done += len(orders)
            if done >= backlog and self._app.name not in self._notes.backlog_s:
                self._notes.backlog_s[self._app.name] = (self._app.now - begun) / SECOND

    def _begin(self) -> None:
        if self._interval and not self._open:
            self._open, self._due = True, self._app.now + self._interval
            self._producer.begin_transaction()

    def _commit(self) -> Steps:
        if self._open and self._app.now >= self._due:
            group = self._consumer.consumer_group_metadata()
            yield from self._producer.send_offsets_to_transaction(self._offsets, group)
            yield from self._producer.commit_transaction()
            self._open, self._offsets = False, {}
            self._notes.commits[self._app.name] = self._notes.commits.get(self._app.name, 0) + 1


def pipeline(interval_ms: int, settings: Settings, notes: Notes) -> Behaviour:
    """Starts when the backlog is there."""

    def run(app: App) -> Steps:
        yield app.until(STARTS)
        yield from Pipeline(app, interval_ms, settings, notes).run()

    return run


def reader(notes: Notes) -> Behaviour:
    """Reads all results; those of orders that came after the backlog tell the latency."""

    def run(app: App) -> Steps:
        topics = [f"results-{name}" for name in INTERVALS_MS]
        consumer = app.consumer("results", topics, auto_offset_reset="earliest", isolation_level="read_committed")
        while True:
            for result in (yield from consumer.poll()):
                if result.timestamp_ms * MILLISECOND >= LATER:
                    age_ms = app.now / MILLISECOND - result.timestamp_ms
                    notes.ages_ms.setdefault(result.topic.removeprefix("results-"), []).append(age_ms)

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    orders = numbered("orders", parse_workload(settings["arrivals"]), duration, UniformKeys(100), begins=LATER)
    results_topics = tuple(f"results-{name}" for name in INTERVALS_MS)
    safe = {"min.insync.replicas": 2}
    return Plan(
        duration=LATER + duration,
        topics=(
            Topic("orders", 1, 3, safe),
            *(Topic(name, settings["partitions"], 3, safe) for name in results_topics),
        ),
        apps=(
            AppSpec("archive", archive(settings["backlog"]), "shop", finite=True),
            AppSpec("shop", orders, "shop", finite=True),
            *(
                AppSpec(name, pipeline(interval_ms, settings, notes), name, transactional=interval_ms > 0)
                for name, interval_ms in INTERVALS_MS.items()
            ),
            AppSpec("reader", reader(notes), "reader"),
        ),
        groups=(*(GroupSpec(name, ("orders",)) for name in INTERVALS_MS), GroupSpec("results", results_topics)),
        stages=(
            ("shop", "orders"),
            *(("orders", name) for name in INTERVALS_MS),
            *((name, f"results-{name}") for name in INTERVALS_MS),
            *((name, "reader") for name in results_topics),
        ),
        wrap_up=lambda complete: results(notes, settings["backlog"]) if complete else {},
    )


def results(notes: Notes, backlog: int) -> Mapping[str, object]:
    """Throughput, its loss against at least once, and latency, pipeline by pipeline."""
    rates = {name: backlog / seconds for name, seconds in notes.backlog_s.items()}
    base = rates.get("at-least-once", 0.0)
    found = {
        name: {
            "commits": notes.commits.get(name, 0),
            "records_per_s": round(rate, 1),
            "cost_percent": round(100 * (1 - rate / base), 1) if base else 0.0,
            "latency_ms": figures(notes.ages_ms.get(name, [])),
        }
        for name, rate in rates.items()
    }
    ordered: dict[str, Any] = {name: found[name] for name in INTERVALS_MS if name in found}
    told = {
        name: f"{known['cost_percent']:.1f} % slower, seen after {known['latency_ms'].get('median', 0.0):,.0f} ms"
        for name, known in ordered.items()
        if name in notes.commits
    }
    return {
        "pipelines": ordered,
        "finding": "; ".join(f"{name}: {words}" for name, words in told.items()),
        "sentences": [
            f"{name}: {known['records_per_s']:,.0f} records/s, {known['cost_percent']:.1f} % less than at least once; "
            f"median latency {known['latency_ms'].get('median', 0.0):,.0f} ms."
            for name, known in ordered.items()
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """The longer the transaction, the less throughput and the more latency it costs."""
    pipelines = run.results["pipelines"]
    exactly = [pipelines[name] for name, interval_ms in INTERVALS_MS.items() if interval_ms]
    costs = [known["cost_percent"] for known in exactly]
    waits = [known["latency_ms"]["median"] for known in exactly]
    return {
        "all pipelines have worked off the backlog": len(pipelines) == len(INTERVALS_MS),
        "a longer interval costs less throughput": costs == sorted(costs, reverse=True),
        "a longer interval costs more latency": waits == sorted(waits),
        "the dearest costs five times the cheapest at least": costs[0] > 5 * max(costs[-1], 0.1),
        "long transactions cost under five per cent of throughput": costs[-1] < 5,
        "at least once is seen before any of them": pipelines["at-least-once"]["latency_ms"]["median"] < waits[0],
    }


scenario = Scenario(
    name="exactly-once-cost",
    summary="Transactions at several commit intervals: what they cost in throughput, and what in latency.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
)
