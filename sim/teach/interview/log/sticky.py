"""Where records without a key go."""

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.config import ProducerConfig
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import Steps, source
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Poisson

__all__ = ["QUESTIONS"]

FULL_RATE, FULL_S, SIZES = 1500, 1, {"three": 3, "twelve": 12, "forty-eight": 48}


def _in_turn(partitions: int) -> Behaviour:
    """Gives each record another partition, as the RoundRobinPartitioner does."""

    def run(app: App) -> Steps:
        producer = app.producer()
        times = Poisson(FULL_RATE).arrivals(app.machine.streams.columns("sticky-times"), FULL_S * SECOND)
        for number, time in enumerate(times):
            due = yield from app.arrive(time)
            yield from producer.send("in-turn", b"%d" % number, partition=number % partitions, sent_at=due)
        yield from producer.close()

    return run


def _make_sticky(settings: Settings) -> Plan:
    partitions = settings["partitions"]
    names = ("sticky", "in-turn")
    writers = (source("sticky", Poisson(FULL_RATE), FULL_S), _in_turn(partitions))
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1, group_topics=False),
        topics=tuple(Topic(name, partitions) for name in names),
        apps=tuple(AppSpec(name, writer, name, True) for name, writer in zip(names, writers, strict=True)),
        stages=tuple((name, name) for name in names),
    )


STICKY = Scenario(
    name="sticky-or-in-turn",
    summary="The same records without keys, to one partition at a time or to all in turn.",
    story="",
    make=_make_sticky,
    knobs={"partitions": Knob(12, "partitions of each topic", 1, 1000)},
)


def _fill(run: Run, topic: str) -> tuple[float, int]:
    """Records in a batch, in the mean, and how many batches there were."""
    logs = [run.flight.cluster.log(name) for name in run.flight.cluster.partitions() if name.topic == topic]
    counts = [batch.count for log in logs for batch in log.batches(0)]
    return sum(counts) / len(counts), len(counts)


def _fuller(runs: Runs) -> Proof:
    run = runs["twelve"]
    (sticky, few), (in_turn, many) = _fill(run, "sticky"), _fill(run, "in-turn")
    linger_ms = ProducerConfig().linger_ms
    return Proof(
        sticky > 4 * in_turn and abs(sticky - (1 + FULL_RATE * linger_ms / 1000)) < 2,
        round(sticky, 1),
        "records in a batch",
        f"A batch holds {sticky:.1f} records with the sticky partitioner ({few:,} batches), and {in_turn:.1f} when "
        f"{run.settings['partitions']} partitions take turns ({many:,} batches).",
        {
            "partitions": run.settings["partitions"],
            "rate": FULL_RATE,
            "linger_ms": linger_ms,
            "batch_size": ProducerConfig().batch_size,
            "sticky": sticky,
            "in_turn": in_turn,
            "few": few,
            "many": many,
            "formula": 1 + FULL_RATE * linger_ms / 1000,
        },
    )


def _not_in_turn(runs: Runs) -> tuple[bool, str]:
    run = runs["twelve"]
    names = [name for name in run.flight.cluster.partitions() if name.topic == "sticky"]
    ends = [run.flight.cluster.log(name).log_end_offset for name in names]
    used = sum(end > 0 for end in ends)
    return used < len(names) / 2, (
        f"In {FULL_S} s {sum(ends):,} records without a key went to {used} of {len(names)} partitions, up to "
        f"{max(ends):,} to one of them."
    )


def _no_slower(runs: Runs) -> tuple[bool, str]:
    histograms = runs["twelve"].metrics.histograms
    sticky, in_turn = (
        histograms["produce-latency-ms", (("topic", name),)].summary()["p50"] for name in ("sticky", "in-turn")
    )
    return sticky < 1.05 * in_turn, (
        f"Half of the records are acknowledged within {sticky:.1f} ms with full batches, and within {in_turn:.1f} ms "
        "with nearly empty ones: linger.ms is the same for both."
    )


QUESTIONS = (
    Question(
        number=8,
        topic="log",
        level="senior",
        asks="Where do records without a key go, and why not round robin?",
        predict="1,500 records a second without a key go to 12 partitions; linger.ms is 5, the default. How many "
        "records does a batch hold on average?",
        flights={name: Experiment(STICKY, {"partitions": count}) for name, count in SIZES.items()},
        prove=_fuller,
        answer="""
            To one partition for a while, then to another: the producer sticks to a partition until batch.size bytes,
            {batch_size:,} by default, have gone there, and then draws the next one (KIP-480, KIP-794). The reason is
            batching. A producer keeps a batch for each partition and sends it when it is full or linger.ms is over. If
            records take turns, there are {partitions} batches, and each gets a small part of them. In the run, with
            {rate:,} records a second and linger.ms={linger_ms}, a batch held {sticky:.1f} records with the sticky
            partitioner, as one plus rate times linger says, and {in_turn:.1f} in turn: {few:,} batches against
            {many:,}. Fewer and fuller batches mean fewer requests, less overhead for each record, better compression,
            and no more latency. In the long run partitions still get equally many bytes.
        """,
        follow_up="And what if a broker is slow?",
        follow_up_answer="""
            The partitioner is adaptive: a partition whose queue in the producer is long is drawn less often
            (partitioner.adaptive.partitioning.enable), so that {partitions} partitions need not get equal shares. With
            partitioner.availability.timeout.ms a broker that takes nothing is left out for a while.
        """,
        wrong=(
            WrongAnswer("Records without a key are dealt out in turn.", _not_in_turn),
            WrongAnswer("Sticky costs latency, as records wait for a full batch.", _no_slower),
        ),
        picture=Picture(
            x="partitions of the topic",
            y="records in a batch, on average",
            curves=lambda runs: {
                topic.replace("-", " "): [(run.settings["partitions"], _fill(run, topic)[0]) for run in runs.values()]
                for topic in ("sticky", "in-turn")
            },
            title=lambda runs: "Records in a batch: {sticky:.1f} sticky; {in_turn:.1f} in turn".format_map(
                _fuller(runs).figures
            ),
        ),
    ),
)
