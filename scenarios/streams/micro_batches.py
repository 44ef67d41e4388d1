"""A stream in small batches, Spark's way: offsets in a checkpoint, and a crash between the output and its commit.

Covers: micro-batches, trigger interval, checkpoint, offset log and commit log, idempotent sink, latency of a trigger.

Story: Orders come steadily. At every trigger a job looks how far the topic goes, writes that range into the offset log
of its checkpoint, reads it, hands the batch to its sink with the number of the batch, and then marks the number in the
commit log. It commits nothing to Kafka. The job is killed (`kill -9`) after an output and before its mark. It is
modelled as an application on a consumer, after Spark's "Structured Streaming Programming Guide" (triggers, recovery by
checkpointing, foreachBatch) and its "Kafka Integration Guide"; a batch is one task, and the engine's own time is small.

Watch for: the batch that has no mark: after the restart it is the same range under the same number, once more; the
age of the orders when their batch comes out, from the work of one batch to a trigger and that work. There is no group
whose lag could be watched, as nobody commits anything.

Predict: How many orders are in the sink twice? What does `--set idempotent=true` need to know to leave them out? What
becomes of latency with `--set trigger=2s`, and when does a batch take longer than its trigger?
"""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Any

from simpy import Event

from scenarios.streams.parts import figures, numbered, partitions_of, period_of
from sim.actors.client.app import App, Behaviour
from sim.actors.consumer.consumer import Consumer
from sim.actors.consumer.consumer_records import ConsumerRecord
from sim.machine.clock import MILLISECOND, parse_duration
from sim.rules.facts.group import CommitAccepted
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.world.faults import AppCrash
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import parse_workload

__all__ = ["scenario"]

KNOBS = {
    "arrivals": Knob("poisson:100", "how orders come, per second: poisson:100, constant:100, bursts:…, daily:…"),
    "duration": Knob("40s", "how long orders come"),
    "trigger": Knob("5s", "how long from the beginning of one batch to that of the next"),
    "work_ms": Knob(1.0, "milliseconds of work for each order", 0.0, 1000.0),
    "mark_ms": Knob(500, "milliseconds that it takes to mark a batch in the checkpoint", 0, 10_000),
    "idempotent": Knob(False, "whether the sink leaves out a batch whose number it has already"),
    "crash_at": Knob("20900ms", "when the job is killed"),
    "back_after": Knob("2s", "how long until its process is started again"),
}
PARTITIONS = partitions_of("orders", 2)
Range = dict[TopicPartition, tuple[int, int]]


@dataclass(slots=True)
class Notes:
    """What outlives the job: the two logs of its checkpoint, and the sink, batch by batch as it was written.

    `offsets` are the ranges of the batches in order, `marked` is how many of them are done. A row of the sink is the
    number of the batch, that of the order, and how old the order was then, in milliseconds.
    """

    offsets: list[Range] = field(default_factory=list)
    marked: int = 0
    rows: list[tuple[int, int, float]] = field(default_factory=list)
    repeated: int | None = None


def plan_batch(consumer: Consumer, notes: Notes) -> Generator[Event, Any, Range]:
    """The range that has no mark, or a new one from the end of the last to that of the topic."""
    if len(notes.offsets) > notes.marked:
        notes.repeated = notes.marked
        return notes.offsets[notes.marked]
    ends = yield from consumer.end_offsets(PARTITIONS)
    last = notes.offsets[-1] if notes.offsets else {}
    notes.offsets.append({name: (last.get(name, (0, 0))[1], ends[name]) for name in PARTITIONS})
    return notes.offsets[-1]


def read(consumer: Consumer, wanted: Range) -> Generator[Event, Any, list[ConsumerRecord]]:
    """The records of a range, and no others."""
    records: list[ConsumerRecord] = []
    for name, (first, end) in wanted.items():
        consumer.assign([name])
        consumer.seek(name, first)
        while (consumer.position(name) or 0) < end:
            records += [record for record in (yield from consumer.poll()) if record.offset < end]
    return records


def job(trigger: int, settings: Settings, duration: int, notes: Notes) -> Behaviour:
    """Batch after batch, each at a multiple of the trigger, until one after the last order is empty."""
    work_ms, mark_ms, idempotent = settings["work_ms"], settings["mark_ms"], settings["idempotent"]

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer()
        while True:
            if len(notes.offsets) == notes.marked:
                yield app.until((app.now // trigger + 1) * trigger)
            begun, number = app.now, notes.marked
            orders = yield from read(consumer, (yield from plan_batch(consumer, notes)))
            yield app.busy(ms=work_ms * len(orders))
            if not (idempotent and any(row[0] == number for row in notes.rows)):
                now_ms = app.now / MILLISECOND
                notes.rows += [(number, int(order.value or b""), now_ms - order.timestamp_ms) for order in orders]
            yield app.busy(ms=mark_ms)
            notes.marked += 1
            if not orders and begun > duration:
                return

    return run


def make(settings: Settings) -> Plan:
    """The plan of one run."""
    notes, duration, trigger = Notes(), parse_duration(settings["duration"]), period_of(settings, "trigger")
    orders = numbered("orders", parse_workload(settings["arrivals"]), duration, UniformKeys(1000))
    return Plan(
        duration=duration,
        topics=(Topic("orders", len(PARTITIONS), 3, {"min.insync.replicas": 2}),),
        apps=(
            AppSpec("shop", orders, "shop", finite=True),
            AppSpec("job", job(trigger, settings, duration, notes), "job", finite=True),
        ),
        faults=(AppCrash(app="job", at=settings["crash_at"], lasts=settings["back_after"]),),
        stages=(("shop", "orders"), ("orders", "job")),
        wrap_up=lambda complete: results(notes, trigger) if complete else {},
    )


def results(notes: Notes, trigger: int) -> Mapping[str, object]:
    """Rows of the sink, and latencies of the batches that no crash has held up."""
    orders = len({order for _, order, _ in notes.rows})
    twice = len(notes.rows) - orders
    held_up = () if notes.repeated is None else (notes.repeated, notes.repeated + 1)
    latency_ms = figures([age for batch, _, age in notes.rows if batch not in held_up])
    return {
        "batches": notes.marked,
        "repeated_batch": notes.repeated,
        "rows": len(notes.rows),
        "orders": orders,
        "duplicates": twice,
        "trigger_ms": trigger / MILLISECOND,
        "latency_ms": latency_ms,
        "finding": f"{notes.marked} batches, {twice:,} of {orders:,} orders twice in the sink; "
        f"mean latency {latency_ms.get('mean', 0) * MILLISECOND / trigger:.2f} triggers",
        "sentences": [
            f"{notes.marked} batches brought {orders:,} orders into the sink, {twice:,} of them twice.",
            f"Without the crash an order was {latency_ms.get('mean', 0) / 1000:.1f} s old in the mean when its batch "
            f"came out, at most {latency_ms.get('most', 0) / 1000:.1f} s, with a trigger of "
            f"{trigger / MILLISECOND / 1000:g} s.",
        ],
    }


def common(run: Run) -> dict[str, bool]:
    """What holds with and without the cure."""
    found = run.results
    trigger, latency = found["trigger_ms"], found["latency_ms"]
    return {
        "no order is missing in the sink": found["orders"] == run.metrics.records_acknowledged,
        "the batch without a mark was planned again": found["repeated_batch"] is not None,
        "nothing was committed to Kafka": not any(isinstance(fact, CommitAccepted) for _, fact in run.facts),
        "mean latency is half a trigger and the work of a batch": 0.5 * trigger < latency["mean"] < 0.75 * trigger,
        "at most it is a trigger and a half": trigger < latency["most"] < 1.5 * trigger,
    }


def claims(run: Run) -> Mapping[str, bool]:
    """A sink that only appends has the batch twice."""
    return {**common(run), "orders are in the sink twice": run.results["duplicates"] > 0}


def cured(run: Run) -> Mapping[str, bool]:
    """A sink that knows the numbers of its batches has it once."""
    return {**common(run), "no order is in the sink twice": run.results["duplicates"] == 0}


scenario = Scenario(
    name="micro-batches",
    summary="Small batches with a checkpoint of their own: a crash before the mark, and a batch that comes again.",
    story=__doc__ or "",
    level="intermediate",
    make=make,
    knobs=KNOBS,
    claims=claims,
    cure={"idempotent": True},
    cured=cured,
)
