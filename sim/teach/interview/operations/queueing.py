"""Utilisation and waiting: a consumer as a queue, flown at several shares of what it can do."""

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

import numpy
from numpy.typing import NDArray
from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import MILLISECOND, SECOND
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

WORK_MS = 10.0
Times = NDArray[numpy.float64]


class Queue(NamedTuple):
    """A consumer with a topic of its own: how busy it is, how many records, whether each takes equally long."""

    utilisation: float
    records: int
    even: bool = False

    @property
    def topic(self) -> str:
        """Its topic's name."""
        return f"jobs-{self.utilisation:.0%}-{'even' if self.even else 'random'}".replace("%", "")


FULL, EVEN = Queue(0.9, 2600), Queue(0.9, 1500, even=True)
QUEUES = (Queue(0.5, 600), Queue(0.7, 800), Queue(0.8, 1200), FULL, EVEN)


def exponential(count: int, mean: float, columns: numpy.random.Generator) -> Times:
    """Exponential times in random order whose mean is exact, as each of `count` equal parts of the law has one."""
    parts = -numpy.log1p(-(numpy.arange(count) + 0.5) / count)
    found: Times = columns.permutation(parts) * (mean / parts.mean())
    return found


def source(queue: Queue) -> Behaviour:
    """Records at random moments, numbered."""

    def run(app: App) -> Generator[Event, Any, None]:
        producer = app.producer(linger_ms=0)
        yield from producer.partitions_for(queue.topic)
        gaps = exponential(
            queue.records, WORK_MS / queue.utilisation, app.machine.streams.columns(f"{queue.topic}-gaps")
        )
        for due_ms in numpy.cumsum(gaps).tolist():
            due = SECOND + round(due_ms * MILLISECOND)
            yield app.until(due)
            yield from producer.send(queue.topic, b"%d" % due)
        yield from producer.close()

    return run


def worker(queue: Queue, waits_ms: list[float]) -> Behaviour:
    """Works on one record after the other; notes how long after it was sent each is done."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer(auto_offset_reset="earliest")
        consumer.assign([TopicPartition(queue.topic, 0)])
        works = exponential(queue.records, WORK_MS, app.machine.streams.columns(f"{queue.topic}-work"))
        if queue.even:
            works = numpy.full(queue.records, WORK_MS)
        left = works.tolist()[::-1]
        while left:
            for record in (yield from consumer.poll()):
                yield app.busy(ms=left.pop())
                waits_ms.append((app.now - int(record.value or b"0")) / MILLISECOND)
        yield from consumer.close()

    return run


def make(_: Settings) -> Plan:
    """All queues on one broker, which has next to nothing to do."""
    waits_ms: dict[Queue, list[float]] = {queue: [] for queue in QUEUES}
    apps = [
        app
        for queue in QUEUES
        for app in (
            AppSpec(f"source-{queue.topic}", source(queue), "sources", finite=True),
            AppSpec(f"worker-{queue.topic}", worker(queue, waits_ms[queue]), "workers", finite=True),
        )
    ]
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1, group_topics=False),
        topics=tuple(Topic(queue.topic) for queue in QUEUES),
        apps=tuple(apps),
        stages=tuple(stage for queue in QUEUES for stage in (("sources", queue.topic), (queue.topic, "workers"))),
        wrap_up=lambda complete: results(waits_ms) if complete else {},
    )


def results(waits_ms: Mapping[Queue, list[float]]) -> Mapping[str, object]:
    """Mean and 99th percentile of each queue from sending to being done, and the mean that its formula says."""
    return {
        queue.topic: {
            "mean_ms": float(numpy.mean(waits)),
            "p99_ms": float(numpy.percentile(waits, 99)),
            "formula_ms": WORK_MS * (1 + (0.5 if queue.even else 1.0) * queue.utilisation / (1 - queue.utilisation)),
        }
        for queue, waits in waits_ms.items()
    }


WORKERS = Scenario(
    name="busy-workers",
    summary="Consumers that are busy for half of the time and more: how long a record takes.",
    story="",
    make=make,
)


def _hockey_stick(runs: Runs) -> Proof:
    found = [(queue, runs["workers"].results[queue.topic]) for queue in QUEUES]
    calm, full = found[0][1], next(known for queue, known in found if queue == FULL)
    near = all(abs(known["mean_ms"] / known["formula_ms"] - 1) < 0.25 for _, known in found)
    even = runs["workers"].results[EVEN.topic]
    return Proof(
        near and full["mean_ms"] > 3 * calm["mean_ms"],
        full["mean_ms"],
        "ms",
        f"At {QUEUES[0].utilisation:.0%} a record is done after {calm['mean_ms']:.0f} ms on average, at "
        f"{FULL.utilisation:.0%} after {full['mean_ms']:.0f} ms; the formula says {full['formula_ms']:.0f}.",
        {
            "work": WORK_MS,
            "calm_share": QUEUES[0].utilisation,
            "calm": calm["mean_ms"],
            "share": FULL.utilisation,
            "full": full["mean_ms"],
            "formula": full["formula_ms"],
            "calm_p99": calm["p99_ms"],
            "full_p99": full["p99_ms"],
            "even": even["mean_ms"],
            "even_formula": even["formula_ms"],
            "twice": WORK_MS / (1 - FULL.utilisation / 2),
        },
    )


def _in_proportion(runs: Runs) -> tuple[bool, str]:
    calm, full = (runs["workers"].results[queue.topic]["mean_ms"] for queue in (QUEUES[0], FULL))
    more = FULL.utilisation / QUEUES[0].utilisation
    return full > 1.5 * more * calm, (
        f"{more:.1f} times the load took {full / calm:.1f} times as long: {calm:.0f} ms became {full:.0f} ms."
    )


def _only_the_mean(runs: Runs) -> tuple[bool, str]:
    full, even = (runs["workers"].results[queue.topic]["mean_ms"] for queue in (FULL, EVEN))
    return even < 0.75 * full, (
        f"Two consumers, both {FULL.utilisation:.0%} busy with {WORK_MS:g} ms a record on average: {full:.0f} ms where "
        f"the work varies, {even:.0f} ms where each takes equally long."
    )


QUESTIONS = (
    Question(
        number=65,
        topic="operations",
        level="senior",
        asks="Why not run consumers or brokers at 90 % utilisation?",
        predict="""
            A record takes 10 ms of work on average. At 50 % utilisation it is done after some 20 ms, waiting included.
            After how many milliseconds on average at 90 %?
        """,
        flights={"workers": Experiment(WORKERS)},
        prove=_hockey_stick,
        answer="""
            Because waiting does not grow with the load but with one over what is left of it. Records come in bunches
            and work varies, so a queue builds up, and only idle time takes it down again. For random arrivals and work
            the time until a record is done is the work divided by one minus utilisation. In the run, with {work:g} ms
            of work, that is {calm:.0f} ms at {calm_share:.0%} and {full:.0f} ms at {share:.0%}, where the formula says
            {formula:.0f}; the 99th percentile goes from {calm_p99:.0f} to {full_p99:.0f} ms. Variation is the other
            half: where each record takes equally long it is {even:.0f} ms. So I plan for 60 to 70 per cent at the peak,
            with one broker or consumer missing, and I alert on latency and lag, as utilisation looks harmless until the
            end.
        """,
        follow_up="Does a second consumer halve the wait?",
        follow_up_answer="""
            It does far more near the limit: at {share:.0%} two consumers with a partition each are half as busy, and
            the formula says {twice:.0f} ms instead of {formula:.0f}. With a shared queue it would be less still, but
            each partition is a queue of its own.
        """,
        wrong=(
            WrongAnswer("Latency grows in proportion to the load.", _in_proportion),
            WrongAnswer("Only the average time of work counts.", _only_the_mean),
        ),
        picture=Picture(
            x="utilisation of the consumer (%)",
            y="from sending to done (ms)",
            curves=lambda runs: {
                name: [
                    (100 * queue.utilisation, runs["workers"].results[queue.topic][figure])
                    for queue in QUEUES
                    if not queue.even
                ]
                for name, figure in (
                    ("99th percentile", "p99_ms"),
                    ("mean", "mean_ms"),
                    ("work / (1 - utilisation)", "formula_ms"),
                )
            },
            title=lambda runs: _hockey_stick(runs).says,
        ),
    ),
)
