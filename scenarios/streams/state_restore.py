"""State that is lost with its worker: restored from a changelog, or kept warm by a standby.

Covers: stateful processing, changelog topic, compaction, restore time, standby replica, recovery after a crash.

Story: A worker counts payments by card. The counts are in its memory, and each new count goes to a changelog, a
compacted topic with the card as key. A month of payments is behind it already, so the changelog is large. The worker
is killed (`kill -9`). Its partner gets the partition when the session has run out, but it cannot count on before it has
read the changelog to its end, record by record into a table of its own. That is how Kafka Streams restores a store;
with `--set standby=true` the partner reads the changelog all the time (`num.standby.replicas=1`). Sizes are scaled
down: thousands of cards, where months of a bank are millions.

Watch for: two parts of the outage: the session time-out, which nothing here mends, and the restore, which grows with
the changelog. The lag of the payments is the sum of both. No count is too low in the end; one may be too high, if
the crash fell between a changelog record and the commit of its payment.

Predict: How long does the restore take with `--set cards=10000`? How much of it does the standby save, and what does it
cost while nothing happens? Why does the changelog hold more records than there are cards, and what bounds that?
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from simpy import Event

from scenarios.streams.parts import numbered
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer_records import RebalanceListener
from sim.machine.clock import SECOND, parse_duration
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.faults import AppCrash
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:40", "how payments come, per second: poisson:40, constant:40, bursts:…, daily:…"),
    "duration": Knob("20s", "how long payments come"),
    "cards": Knob(2000, "how many cards there are, each with a count in the changelog", 1, 1_000_000),
    "restore_ms": Knob(1.0, "milliseconds that it takes to put one record of the changelog into the table", 0.0, 100.0),
    "standby": Knob(False, "whether the partner reads the changelog all the time"),
    "crash_at": Knob("32s", "when the worker is killed"),
}
PAYMENTS, CHANGELOG = TopicPartition("payments", 0), TopicPartition("counts-changelog", 0)
COMPACTED = {
    "min.insync.replicas": 2,
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": 0.01,
    "segment.ms": 5000,
}
VICTIM, PARTNER = "worker-1", "worker-2"
ARCHIVED, JOINS, SESSION_MS = 3, 20 * SECOND, 6000
Steps = Generator[Event, Any, None]


@dataclass(slots=True)
class Notes:
    """What is written down; times are nanoseconds.

    `restores` is begin, end and records of each worker's restore; `counted` is when and by whom a payment was counted,
    and its offset; `store` is that of the worker who has counted last.
    """

    archived: int = 0
    restores: dict[str, tuple[int, int, int]] = field(default_factory=dict)
    counted: list[tuple[int, str, int]] = field(default_factory=list)
    store: dict[bytes, int] = field(default_factory=dict)


class Store:
    """The counts of a worker, and the consumer that brings it the changelog.

    Another client asks for the end: on one connection the question would wait behind a fetch that finds nothing.
    """

    def __init__(self, app: App, restore_ms: float) -> None:
        self.counts: dict[bytes, int] = {}
        self.restored = 0
        self._app = app
        self._restore_ms = restore_ms
        self._ends = app.consumer()
        self._changelog = app.consumer()
        self._changelog.assign([CHANGELOG])
        self._changelog.seek_to_beginning()

    def read(self) -> Steps:
        """Put into the table what has come of the changelog."""
        records = yield from self._changelog.poll(100)
        yield self._app.busy(ms=self._restore_ms * len(records))
        self.counts |= {record.key or b"": int(record.value or b"0") for record in records}
        self.restored += len(records)

    def catch_up(self) -> Steps:
        """Read the changelog to its present end."""
        end = (yield from self._ends.end_offsets([CHANGELOG]))[CHANGELOG]
        while (self._changelog.position(CHANGELOG) or 0) < end:
            yield from self.read()


class Restore(RebalanceListener):
    """Before the first payment of a partition is read, the changelog must be."""

    def __init__(self, app: App, store: Store, notes: Notes) -> None:
        self._app = app
        self._store = store
        self._notes = notes
        self.owns = False

    def on_partitions_assigned(self, partitions: Sequence[TopicPartition]) -> Steps:
        """Restore; noted with what it took."""
        if partitions:
            self.owns = True
            begins, before = self._app.now, self._store.restored
            yield from self._store.catch_up()
            self._notes.restores[self._app.name] = begins, self._app.now, self._store.restored - before


def archive(cards: int, notes: Notes) -> Behaviour:
    """The months before: each card's count, as it stood at several times."""

    def run(app: App) -> Steps:
        producer = app.producer(acks="all")
        for count in range(1, ARCHIVED + 1):
            for card in range(cards):
                yield from producer.send(CHANGELOG.topic, b"%d" % count, b"key-%d" % card)
                notes.archived += 1
            yield from producer.flush()
            yield app.busy(ms=6000)
        yield from producer.close()

    return run


def worker(restore_ms: float, standby: bool, notes: Notes) -> Behaviour:
    """Counts the payments of its partition, each count into the changelog before the offsets are committed."""

    def run(app: App) -> Steps:
        yield app.until(JOINS)
        producer, store = app.producer(acks="all"), Store(app, restore_ms)
        consumer = app.consumer(
            "counters", auto_offset_reset="earliest", enable_auto_commit=False, session_timeout_ms=SESSION_MS
        )
        restore = Restore(app, store, notes)
        consumer.subscribe(["payments"], restore)
        while True:
            payments = yield from consumer.poll(100)
            for payment in payments:
                card = payment.key or b""
                count = store.counts[card] = store.counts.get(card, 0) + 1
                yield from producer.send(CHANGELOG.topic, b"%d" % count, card)
                notes.counted.append((app.now, app.name, payment.offset))
                notes.store = store.counts
            if payments:
                yield from producer.flush()
                yield from consumer.commit()
            if standby and not restore.owns:
                yield from store.read()

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration, cards = Notes(), parse_duration(settings["duration"]), settings["cards"]
    keys = UniformKeys(cards)
    payments = numbered("payments", parse_workload(settings["arrivals"]), duration, keys, begins=JOINS)
    counter = worker(settings["restore_ms"], settings["standby"], notes)
    return Plan(
        duration=JOINS + duration,
        topics=(Topic("payments", 1, 3, {"min.insync.replicas": 2}), Topic(CHANGELOG.topic, 1, 3, COMPACTED)),
        apps=(
            AppSpec("archive", archive(cards, notes), "archive", finite=True),
            AppSpec("terminals", payments, "terminals", finite=True),
            *(AppSpec(name, counter, "counters") for name in (VICTIM, PARTNER)),
        ),
        groups=(GroupSpec("counters", ("payments",)),),
        faults=(AppCrash(app=VICTIM, at=settings["crash_at"]),),
        stages=(
            ("terminals", "payments"),
            ("payments", "counters"),
            ("archive", CHANGELOG.topic),
            (CHANGELOG.topic, "counters"),
        ),
        wrap_up=lambda complete: results(notes, cards) if complete else {},
    )


def results(notes: Notes, cards: int) -> Mapping[str, object]:
    """How long nothing was counted, and how much of that was the restore."""
    begins, ends, records = notes.restores.get(PARTNER, (0, 0, 0))
    last = max((time for time, name, _ in notes.counted if name == VICTIM), default=0)
    first = min((time for time, name, _ in notes.counted if name == PARTNER), default=last)
    outage_s, restore_s = (first - last) / SECOND, (ends - begins) / SECOND
    return {
        "cards": cards,
        "archived_records": notes.archived,
        "restores_s": {name: (end - start) / SECOND for name, (start, end, _) in notes.restores.items()},
        "restored_records": {name: count for name, (_, _, count) in notes.restores.items()},
        "restore_s": restore_s,
        "outage_s": outage_s,
        "payments": len({offset for _, _, offset in notes.counted}),
        "counted": len(notes.counted),
        "cards_in_store": len(notes.store),
        "sum_in_store": sum(notes.store.values()),
        "finding": f"{records:,} records restored in {restore_s:.1f} s; nothing was counted for {outage_s:.1f} s",
        "sentences": [
            f"After the crash nothing was counted for {outage_s:.1f} s; {restore_s:.1f} s of that was the restore of "
            f"{records:,} records.",
            f"{notes.archived:,} counts were archived for {cards:,} cards; the first restore read "
            f"{notes.restores.get(VICTIM, (0, 0, 0))[2]:,} records.",
        ],
    }


def common(run: Run) -> dict[str, bool]:
    """What holds with and without a standby."""
    found = run.results
    session_s = SESSION_MS / 1000
    return {
        "both workers have restored the state": set(found["restores_s"]) == {VICTIM, PARTNER},
        "the state knows every card": found["cards_in_store"] == found["cards"],
        "no payment is missing in the counts": found["sum_in_store"] >= ARCHIVED * found["cards"] + found["payments"],
        "the session time-out is part of the outage": found["outage_s"] > 0.5 * session_s + found["restore_s"],
    }


def claims(run: Run) -> Mapping[str, bool]:
    """Without a standby a restore takes as long as its records do."""
    found = run.results
    needed_s = found["restored_records"][PARTNER] * run.settings["restore_ms"] / 1000
    return {
        **common(run),
        "the partner restores the whole state": found["restored_records"][PARTNER] >= found["cards"],
        "a restore takes as long as its records need": needed_s <= found["restore_s"] < 1.25 * needed_s,
        "compaction has left fewer records than were written": found["restored_records"][PARTNER]
        < found["archived_records"],
    }


def cured(run: Run) -> Mapping[str, bool]:
    """A standby has next to nothing to restore."""
    found = run.results
    return {
        **common(run),
        "the standby has nearly everything already": found["restored_records"][PARTNER] < 0.1 * found["cards"],
        "its restore is a tenth of that of all cards at most": found["restore_s"]
        < 0.1 * found["cards"] * run.settings["restore_ms"] / 1000,
    }


scenario = Scenario(
    name="state-restore",
    summary="A worker with state is killed: its partner reads the whole changelog first, or has it as a standby.",
    story=__doc__ or "",
    level="advanced",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"standby": True},
    cured=cured,
)
