"""How many partitions a topic needs, and what too many of them cost."""

from math import ceil

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import Steps, source
from sim.world.cluster import ClusterSpec
from sim.world.keys import UniformKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Poisson

__all__ = ["QUESTIONS"]


RATE, WORK_MS, LOAD_S = 60, 40, 12
SIZES = (1, 2, 3, 4, 6)


def _member(topic: str) -> Behaviour:
    """Works on each record and commits after each poll."""

    def run(app: App) -> Steps:
        consumer = app.consumer(
            topic, [topic], auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=5
        )
        while True:
            if records := (yield from consumer.poll()):
                yield app.busy(ms=WORK_MS * len(records))
                yield from consumer.commit()

    return run


def _make(_: Settings) -> Plan:
    topics = {f"of-{size}": size for size in SIZES}
    keys = UniformKeys(1000)
    return Plan(
        duration=LOAD_S * SECOND,
        drain=SECOND,
        cluster=ClusterSpec(
            brokers=1,
            racks=1,
            broker_config={"offsets.topic.num.partitions": 1, "group.initial.rebalance.delay.ms": 0},
        ),
        topics=tuple(Topic(name, size) for name, size in topics.items()),
        apps=(
            *(AppSpec(f"to-{name}", source(name, Poisson(RATE), LOAD_S, keys), "sources", True) for name in topics),
            *(
                AppSpec(f"member-{number}-{name}", _member(name), name)
                for name, size in topics.items()
                for number in range(size)
            ),
        ),
        groups=tuple(GroupSpec(name, (name,)) for name in topics),
        stages=tuple(("sources", name) for name in topics),
    )


SWEEP = Scenario("as-many-members-as-partitions", "A member for each partition, and fewer or more of both.", "", _make)


def _lag(run: Run, size: int) -> list[tuple[float, float]]:
    """The lag of a group over the seconds in which records came."""
    times, lags = run.metrics.series("records-lag", group=f"of-{size}")
    return [(time, lag) for time, lag in zip(times, lags, strict=True) if time <= LOAD_S]


def _p99_ms(run: Run, size: int) -> float:
    name = f"of-{size}"
    return run.metrics.histograms["end-to-end-latency-ms", (("group", name), ("topic", name))].summary()["p99"]


def _enough(runs: Runs) -> Proof:
    run, one_s = runs["sweep"], 1000 / WORK_MS
    ends = {size: _lag(run, size)[-1][1] for size in SIZES}
    enough = min(size for size, lag in ends.items() if lag < RATE)
    p99 = {size: _p99_ms(run, size) for size in SIZES}
    return Proof(
        enough == ceil(RATE / one_s) and p99[SIZES[-1]] < p99[enough] < p99[enough - 1],
        enough,
        "partitions",
        f"{RATE} records a second come and a consumer does {one_s:g}: with {enough - 1} partitions the lag was "
        f"{ends[enough - 1]:,.0f} and grew, with {enough} it was {ends[enough]:,.0f}.",
        {
            "rate": RATE,
            "one": one_s,
            "quotient": RATE / one_s,
            "busy": RATE / one_s / enough,
            "enough": enough,
            "few": enough - 1,
            "few_lag": ends[enough - 1],
            "few_p99_s": p99[enough - 1] / 1000,
            "p99": p99[enough],
            "most": SIZES[-1],
            "most_p99": p99[SIZES[-1]],
        },
    )


def _rate_of_the_brokers(runs: Runs) -> tuple[bool, str]:
    run = runs["sweep"]
    written = [
        sum(
            run.flight.cluster.log(name).log_end_offset
            for name in run.flight.cluster.partitions()
            if name.topic == topic
        )
        for topic in (f"of-{size}" for size in SIZES)
    ]
    lag = _lag(run, 1)[-1][1]
    return written[0] > 0.8 * max(written) and lag > RATE, (
        f"One partition took {written[0]:,} records, {SIZES[-1]} took {written[-1]:,}: brokers were never the limit. "
        f"But behind the one partition {lag:,.0f} records waited for its consumer."
    )


def _thin(settings: Settings) -> Plan:
    load = source("events", Poisson(500), 2, UniformKeys(10_000), linger_ms=20)
    return Plan(
        duration=None,
        cluster=ClusterSpec(brokers=1, racks=1, group_topics=False),
        topics=(Topic("events", settings["partitions"]),),
        apps=(AppSpec("source", load, "source", finite=True),),
        stages=(("source", "events"),),
    )


THIN = Scenario(
    name="thin-batches",
    summary="The same load with keys to a few partitions or to many.",
    story="",
    make=_thin,
    knobs={"partitions": Knob(6, "partitions of the topic", 1, 10_000)},
)


def _batches(run: Run) -> tuple[float, float]:
    """Records in a batch, on average, and the bytes of the log for each record."""
    logs = [run.flight.cluster.log(name) for name in run.flight.cluster.partitions()]
    counts = [batch.count for log in logs for batch in log.batches(0)]
    return sum(counts) / len(counts), sum(log.size_bytes for log in logs) / sum(counts)


def _failover(runs: Runs) -> Proof:
    run = runs["failover"]
    few, middle, many = run.results["curve"]
    times = many["outage_s"] / few["outage_s"]
    session_s = run.flight.cluster.config.broker_session_timeout_ms / 1000
    (full, _), (thin, _) = _batches(runs["thin-6"]), _batches(runs["thin-600"])
    return Proof(
        times < 1.5 and all(abs(point["outage_s"] - session_s) < 3 for point in run.results["curve"]),
        times,
        f"times the outage for {many['partitions'] / few['partitions']:.0f} times the partitions",
        f"Writing stood still for {few['outage_s']:.1f} s when the broker led {few['partitions']} partitions, for "
        f"{middle['outage_s']:.1f} s with {middle['partitions']}, for {many['outage_s']:.1f} s with "
        f"{many['partitions']}. The session of {session_s:g} s is nearly all of it.",
        {
            "few": few["partitions"],
            "few_s": few["outage_s"],
            "middle": middle["partitions"],
            "middle_s": middle["outage_s"],
            "many": many["partitions"],
            "many_s": many["outage_s"],
            "times": times,
            "session_s": session_s,
            "full": full,
            "thin": thin,
        },
    )


def _no_longer_with_many(runs: Runs) -> tuple[bool, str]:
    few, *_, many = runs["failover"].results["curve"]
    return many["outage_s"] < 1.5 * few["outage_s"], (
        f"That was ZooKeeper. A hundred times the partitions, {many['partitions']}, and the outage was "
        f"{many['outage_s']:.1f} s in place of {few['outage_s']:.1f} s."
    )


def _not_free(runs: Runs) -> tuple[bool, str]:
    (full, small_bytes), (thin, large_bytes) = _batches(runs["thin-6"]), _batches(runs["thin-600"])
    return full > 1.3 * thin and large_bytes > small_bytes, (
        f"The same load made batches of {full:.1f} records on 6 partitions, of {thin:.1f} on 600, and took "
        f"{large_bytes:.0f} bytes a record in place of {small_bytes:.0f}."
    )


QUESTIONS = (
    Question(
        number=7,
        topic="log",
        level="senior",
        asks="How many partitions should a topic have?",
        predict="60 records a second come, and a consumer needs 40 ms for each. How many partitions does the topic "
        "need at least?",
        flights={"sweep": Experiment(SWEEP)},
        prove=_enough,
        answer="""
            Start from the slowest part, which is nearly always the consumer. Partitions are at least the target rate
            over the rate of one consumer, rounded up; the same for what a producer can write to one partition, and take
            the larger. In the run {rate} records a second came and a consumer did {one:g}, so {quotient:.1f}, that is
            {enough}. With {few} the lag was {few_lag:,.0f} and grew, p99 of the latency {few_p99_s:.1f} s; with
            {enough} it kept up with a p99 of {p99:.0f} ms, with {most} it was {most_p99:.0f} ms. So add headroom: for
            the peak, for catching up, for uneven keys, for growth, since adding partitions later moves keys. Do not
            overdo it: batches become thin, and each partition costs files, memory and a place in every fetch. A number
            with many divisors, such as 12 or 24, lets groups of several sizes share evenly.
        """,
        follow_up="Why is the exact quotient not enough?",
        follow_up_answer="""
            At {enough} partitions each consumer is busy for {busy:.0%} of its time, and a queue at that load has a long
            tail: p99 was {p99:.0f} ms, with {most} partitions {most_p99:.0f} ms. And a lag once there is worked off
            with the spare capacity only.
        """,
        wrong=(WrongAnswer("It depends on what the brokers can take.", _rate_of_the_brokers),),
        picture=Picture(
            x="seconds",
            y="lag of the group, records",
            curves=lambda runs: {f"partitions: {size}": _lag(runs["sweep"], size) for size in SIZES},
            title=lambda runs: _enough(runs).says.partition(": ")[2].capitalize(),
        ),
    ),
    Question(
        number=9,
        topic="log",
        level="senior",
        asks="What is the trouble with too many partitions?",
        predict="A broker dies that leads 6 partitions, then one that leads 600. How many times as long is the "
        "outage with 600?",
        flights={
            "failover": Experiment("too-many-partitions"),
            "thin-6": Experiment(THIN),
            "thin-600": Experiment(THIN, {"partitions": 600}),
        },
        prove=_failover,
        answer="""
            No longer what the old books say. With ZooKeeper the controller wrote to a node for each partition, and
            failover grew with their number. With KRaft leader changes are records of one log that brokers follow. In
            the run writing stood still for {few_s:.1f} s when the dead broker led {few} partitions, {middle_s:.1f} s
            with {middle}, {many_s:.1f} s with {many}: {times:.2f} times as long. Nearly all of that is
            broker.session.timeout.ms, {session_s:g} s, and a heartbeat more or less hides what partitions add.
            What does cost: batches get thin, here
            {full:.1f} records on 6 partitions and {thin:.1f} on 600 for the same load with keys, so more requests and
            bytes; open files and memory maps; replica fetches with more partitions; recovery of logs after an unclean
            stop; and memory in every client.
        """,
        follow_up="How would you make a failover faster, then?",
        follow_up_answer="""
            Lower broker.session.timeout.ms from {session_s:g} s, at the risk of fencing brokers that only paused. For
            planned restarts use a controlled shutdown: the broker hands its leaderships over first, and there is
            nothing to detect. Fewer than {many} partitions would gain nothing.
        """,
        wrong=(
            WrongAnswer("A failover takes as many times longer as there are more partitions.", _no_longer_with_many),
            WrongAnswer("With KRaft partitions are free.", _not_free),
        ),
        picture=Picture(
            x="partitions that the dead broker led",
            y="outage, seconds",
            curves=lambda runs: {
                "client of the last partition": [
                    (point["partitions"], point["outage_s"]) for point in runs["failover"].results["curve"]
                ]
            },
            title=lambda runs: str(runs["failover"].results["finding"]),
        ),
    ),
)
