"""A stream record by record, Flink's way: barriers, a checkpoint, and a sink that commits with it.

Covers: checkpoint barriers, alignment, state snapshot, two-phase commit, transactional sink, visibility latency.

Story: Orders are counted by customer as they come, and each is passed on to a sink topic in a Kafka transaction. At
every checkpoint interval each source puts a barrier behind what it has read. The operator takes no more from a source
whose barrier has come until those of all sources have: the state is then that of exactly the records before them. The
sink flushes (the first phase), state and offsets are stored, and the transaction is committed (the second phase). The
job is killed (`kill -9`) between two checkpoints and begins anew from the last one. It is modelled as an application
on the clients, after Flink's "Stateful Stream Processing" (aligned checkpoints) and "Kafka connector"
(DeliveryGuarantee.EXACTLY_ONCE). Left out: a second transaction while the first is being committed, so that the
operator pauses for a checkpoint; and the recovery of a transaction whose checkpoint was stored but which was not
committed, for which Flink resumes the producer of the dead job.

Watch for: the orders after the last checkpoint, which are counted and sent again: a reader with read_uncommitted has
them twice, one with read_committed never sees the first ones, as the new job aborts what the dead one left open. What
it pays is time: an order is visible when the checkpoint after it is.

Predict: How old is an order when read_committed shows it, in the median? What does `--set interval=1s` change, and what
if it is shorter than a checkpoint takes? Why is a source blocked, though there is something to read?
"""

from collections import Counter, deque
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simpy import Event

from scenarios.streams.parts import figures, numbered, partitions_of, period_of
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer import Consumer
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.actors.producer.producer import Producer
from sim.machine.clock import MILLISECOND, SECOND, parse_duration
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.faults import AppCrash
from sim.world.keys import ZipfKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:40", "how orders come, per second: poisson:50, constant:40, bursts:…, daily:…"),
    "duration": Knob("35s", "how long orders come"),
    "interval": Knob("5s", "how long from one checkpoint to the next"),
    "work_ms": Knob(2.0, "milliseconds of work for each order", 0.0, 1000.0),
    "store_ms": Knob(100, "milliseconds that it takes to store a checkpoint", 0, 60_000),
    "crash_at": Knob("23s", "when the job is killed"),
    "back_after": Knob("1500ms", "how long until its process is started again"),
}
SOURCES = partitions_of("orders", 2)
READERS = ("read_committed", "read_uncommitted")
RECORDS_A_TURN = 20
Steps = Generator[Event, Any, None]


@dataclass(slots=True)
class Notes:
    """What outlives the job: its last checkpoint, and what the readers have seen.

    `aligning_ms` is how long each checkpoint had a source blocked; `seen` are numbers of orders with their age in
    milliseconds, by reader.
    """

    offsets: dict[TopicPartition, int] = field(default_factory=lambda: dict.fromkeys(SOURCES, 0))
    counts: Counter[bytes] = field(default_factory=Counter)
    checkpoints: int = 0
    restored: int = 0
    aligning_ms: list[float] = field(default_factory=list)
    seen: dict[str, list[tuple[int, float]]] = field(default_factory=lambda: {name: [] for name in READERS})


class Operator:
    """Counts orders from its sources in turn, and takes a checkpoint when the barriers of all have come.

    In the queue of a source a barrier is None.
    """

    def __init__(self, app: App, consumer: Consumer, producer: Producer, notes: Notes, settings: Settings) -> None:
        self._app = app
        self._consumer = consumer
        self._producer = producer
        self._notes = notes
        self._settings = settings
        self._counts = Counter(notes.counts)
        self._queues: dict[TopicPartition, deque[ConsumerRecord | None]] = {name: deque() for name in SOURCES}
        self._taken = dict(notes.offsets)
        self._blocked: dict[TopicPartition, int] = {}

    def read(self) -> Steps:
        """Queue what the sources have."""
        for order in (yield from self._consumer.poll(20)):
            self._queues[TopicPartition(order.topic, order.partition)].append(order)

    def inject(self) -> None:
        """A barrier behind what each source has read."""
        for queue in self._queues.values():
            queue.append(None)

    def turn(self) -> Steps:
        """Some orders, one source after the other, but none behind a barrier that waits for others."""
        for _ in range(RECORDS_A_TURN):
            for name, queue in self._queues.items():
                if queue and name not in self._blocked:
                    order = queue.popleft()
                    if order is None:
                        self._blocked[name] = self._app.now
                    else:
                        yield from self._count(name, order)
            if len(self._blocked) == len(SOURCES):
                yield from self._checkpoint()

    def _count(self, name: TopicPartition, order: ConsumerRecord) -> Steps:
        yield self._app.busy(ms=self._settings["work_ms"])
        self._counts[order.key or b""] += 1
        self._taken[name] = order.offset + 1
        yield from self._producer.send("counted", order.value, order.key, timestamp_ms=order.timestamp_ms)

    def _checkpoint(self) -> Steps:
        """Flush, store, commit, and let the sources go on."""
        notes = self._notes
        notes.aligning_ms.append((self._app.now - min(self._blocked.values())) / MILLISECOND)
        yield from self._producer.flush()
        yield self._app.busy(ms=self._settings["store_ms"])
        notes.offsets, notes.counts = dict(self._taken), Counter(self._counts)
        yield from self._producer.commit_transaction()
        notes.checkpoints += 1
        self._producer.begin_transaction()
        self._blocked.clear()


def job(settings: Settings, duration: int, notes: Notes) -> Behaviour:
    """Restores the last checkpoint, counts, and ends with a checkpoint after the last order."""
    interval = period_of(settings, "interval")

    def run(app: App) -> Steps:
        producer, consumer = app.producer(transactional_id="counted-sink", linger_ms=20), app.consumer()
        yield from producer.init_transactions()
        notes.restored += bool(notes.checkpoints)
        consumer.assign(SOURCES)
        for name, offset in notes.offsets.items():
            consumer.seek(name, offset)
        producer.begin_transaction()
        operator, due = Operator(app, consumer, producer, notes, settings), app.now // interval * interval + interval
        ends_at, last = duration + interval, 1 << 62
        while notes.checkpoints < last:
            yield from operator.read()
            if app.now >= due:
                operator.inject()
                due += interval
                last = min(last, notes.checkpoints + 1) if app.now > ends_at else last
            yield from operator.turn()
        yield from producer.close()

    return run


def reader(level: str, notes: Notes) -> Behaviour:
    """Notes each order and how old it is when it is seen."""

    def run(app: App) -> Steps:
        consumer = app.consumer(level, ["counted"], auto_offset_reset="earliest", isolation_level=level)
        while True:
            for order in (yield from consumer.poll()):
                notes.seen[level].append((int(order.value or b""), app.now / MILLISECOND - order.timestamp_ms))

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration = Notes(), parse_duration(settings["duration"])
    orders = numbered("orders", parse_workload(settings["arrivals"]), duration, ZipfKeys(100, 1.0))
    topics = {"orders": len(SOURCES), "counted": 1}
    return Plan(
        duration=duration,
        topics=tuple(Topic(name, partitions, 3, {"min.insync.replicas": 2}) for name, partitions in topics.items()),
        apps=(
            AppSpec("shop", orders, "shop", finite=True),
            AppSpec("job", job(settings, duration, notes), "job", finite=True, transactional=True),
            *(AppSpec(level.replace("_", "-"), reader(level, notes), level) for level in READERS),
        ),
        groups=tuple(GroupSpec(level, ("counted",)) for level in READERS),
        faults=(AppCrash(app="job", at=settings["crash_at"], lasts=settings["back_after"]),),
        stages=(("shop", "orders"), ("orders", "job"), ("job", "counted"), *(("counted", level) for level in READERS)),
        wrap_up=lambda complete: results(notes, settings) if complete else {},
    )


def results(notes: Notes, settings: Settings) -> Mapping[str, object]:
    """What each reader has seen, how often, and how old."""
    interval_s = period_of(settings, "interval") / SECOND
    found: dict[str, Any] = {}
    for level, seen in notes.seen.items():
        different = len({order for order, _ in seen})
        ages_ms = figures([age for _, age in seen])
        found[level] = {"orders": different, "duplicates": len(seen) - different, "latency_ms": ages_ms}
    told = {
        level: f"{known['duplicates']:,} twice, seen after {known['latency_ms'].get('median', 0.0) / 1000:.2f} s"
        for level, known in found.items()
    }
    return {
        "interval_s": interval_s,
        "checkpoints": notes.checkpoints,
        "restored": notes.restored,
        "in_state": notes.counts.total(),
        "aligning_ms": figures(notes.aligning_ms),
        "readers": found,
        "finding": "; ".join(f"{level}: {words}" for level, words in told.items()),
        "sentences": [
            *(f"With {level} {found[level]['orders']:,} orders came, {told[level]} (median)." for level in READERS),
            f"{notes.checkpoints} checkpoints, {interval_s:g} s apart; {notes.counts.total():,} orders in the state.",
        ],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """Exactly once for who reads what is committed, at the price of an interval."""
    found = run.results
    committed, uncommitted = (found["readers"][level] for level in READERS)
    interval_ms = found["interval_s"] * 1000
    leaders = [run.flight.cluster.leader(name) for name in SOURCES]
    orders = sum(leader.log.log_end_offset for leader in leaders if leader is not None)
    return {
        "the job went on from a checkpoint": found["restored"] == 1,
        "the restored state counts every order once": found["in_state"] == orders > 0,
        "read_committed sees every order once": (committed["orders"], committed["duplicates"]) == (orders, 0),
        "read_uncommitted sees orders twice": uncommitted["duplicates"] > 0 and uncommitted["orders"] == orders,
        "an order is visible after half an interval in the median": 0.4 * interval_ms
        < committed["latency_ms"]["median"]
        < 0.8 * interval_ms,
        "read_uncommitted sees it at once": uncommitted["latency_ms"]["median"] < 0.05 * interval_ms,
    }


scenario = Scenario(
    name="aligned-checkpoints",
    summary="Barriers, a checkpoint, a transaction committed with it: exactly once, seen an interval later.",
    story=__doc__ or "",
    level="advanced",
    make=make,
    knobs=KNOBS,
    claims=claims,
)
