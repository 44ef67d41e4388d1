"""Keys that are uneven, and what they do to a partition."""

from sim.actors.client.app import App, Behaviour
from sim.machine.clock import SECOND
from sim.rules.producer.partitioner import partition_for_key
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import Steps, source
from sim.world.cluster import ClusterSpec
from sim.world.keys import ZipfKeys
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic
from sim.world.workload import Poisson

__all__ = ["QUESTIONS"]

EXPONENTS = (0.0, 0.5, 1.0, 1.5)
PARTITIONS, KEYS, RATE, LOAD_S = 4, 1000, 48, 15
WORK_MS = 0.75 * 1000 * PARTITIONS / RATE
"""A member's work for a record: with even keys each is busy for three quarters of its time."""


def _topic(exponent: float) -> str:
    return f"zipf-{exponent:g}"


def _member(topic: str) -> Behaviour:
    """Works on each record and commits after each poll."""

    def run(app: App) -> Steps:
        consumer = app.consumer(
            topic, [topic], auto_offset_reset="earliest", enable_auto_commit=False, max_poll_records=20
        )
        while True:
            if records := (yield from consumer.poll()):
                yield app.busy(ms=WORK_MS * len(records))
                yield from consumer.commit()

    return run


def _make_skew(_: Settings) -> Plan:
    topics = {_topic(exponent): ZipfKeys(KEYS, exponent) for exponent in EXPONENTS}
    return Plan(
        duration=LOAD_S * SECOND,
        drain=SECOND,
        cluster=ClusterSpec(
            brokers=1,
            racks=1,
            broker_config={"offsets.topic.num.partitions": 1, "group.initial.rebalance.delay.ms": 0},
        ),
        topics=tuple(Topic(name, PARTITIONS) for name in topics),
        apps=(
            *(
                AppSpec(f"to-{name}", source(name, Poisson(RATE), LOAD_S, keys, linger_ms=200), "sources", True)
                for name, keys in topics.items()
            ),
            *(
                AppSpec(f"member-{number}-of-{name}", _member(name), name)
                for name in topics
                for number in range(PARTITIONS)
            ),
        ),
        groups=tuple(GroupSpec(name, (name,)) for name in topics),
        stages=tuple(("sources", name) for name in topics),
    )


SKEW = Scenario("skewed-keys", "The same load with keys that are more and more uneven.", "", _make_skew)


def _shares(run: Run, exponent: float) -> list[float]:
    """The share of a topic's records in each of its partitions."""
    ends = [
        run.flight.cluster.log(TopicPartition(_topic(exponent), number)).log_end_offset for number in range(PARTITIONS)
    ]
    return [end / sum(ends) for end in ends]


def _skews(run: Run) -> dict[float, float]:
    """For each exponent the largest share of a partition over the mean share."""
    return {exponent: max(_shares(run, exponent)) * PARTITIONS for exponent in EXPONENTS}


def _lags(run: Run, exponent: float) -> list[float]:
    """The lag of each partition when the load ends."""
    found = []
    for number in range(PARTITIONS):
        times, lags = run.metrics.series(
            "records-lag", group=_topic(exponent), partition=f"{_topic(exponent)}-{number}"
        )
        found.append(next(lag for time, lag in zip(times, lags, strict=True) if time >= LOAD_S))
    return found


def _expected_skew(exponent: float, partitions: int) -> float:
    """The largest share of a partition over the mean share, of infinitely many records with such keys."""
    shares = [0.0] * partitions
    for rank in range(1, KEYS + 1):
        shares[partition_for_key(b"key-%d" % (rank - 1), partitions)] += rank**-exponent
    return max(shares) * partitions / sum(shares)


def _uneven(runs: Runs) -> Proof:
    run = runs["skew"]
    skews, even, worst = _skews(run), EXPONENTS[0], EXPONENTS[-1]
    lags = _lags(run, worst)
    return Proof(
        skews[worst] > skews[1.0] > skews[even] and skews[worst] > 1.5 * skews[even] and max(lags) > 0.9 * sum(lags),
        round(skews[worst], 2),
        "times the mean",
        f"The fullest partition got {skews[even]:.2f} times the mean with even keys, {skews[1.0]:.2f} times at Zipf 1, "
        f"{skews[worst]:.2f} times at Zipf {worst:g}; there it had {max(lags):,.0f} of {sum(lags):,.0f} of the lag.",
        {
            "partitions": PARTITIONS,
            "even": skews[even],
            "one": skews[1.0],
            "worst": skews[worst],
            "lag": max(lags),
            "all_lags": sum(lags),
            "many": _expected_skew(worst, 16 * PARTITIONS),
            "more_partitions": 16 * PARTITIONS,
        },
    )


def _hashing_does_not_even_out(runs: Runs) -> tuple[bool, str]:
    skews = _skews(runs["skew"])
    return skews[1.5] > 1.5 * skews[0.0], (
        f"It spreads keys evenly, not records: with the same {KEYS:,} keys the fullest partition has {skews[0.0]:.2f} "
        f"times the mean when each is as frequent, and {skews[1.5]:.2f} times at Zipf 1.5."
    )


def _partitions_do_not_help(_: Runs) -> tuple[bool, str]:
    few, many = (_expected_skew(1.5, count) for count in (PARTITIONS, 16 * PARTITIONS))
    return many > few, (
        f"A key cannot be divided: the fullest of {PARTITIONS} partitions has {few:.1f} times the mean, that of "
        f"{16 * PARTITIONS} has {many:.1f} times."
    )


QUESTIONS = (
    Question(
        number=5,
        topic="log",
        level="junior",
        asks="What is key skew, and what does it do?",
        predict="The keys of a topic with 4 partitions follow Zipf's law with exponent 1.5. How many times the mean "
        "does the fullest partition get?",
        flights={"skew": Experiment(SKEW)},
        prove=_uneven,
        answer="""
            Keys are spread evenly by their hash, records are not: all records of one key go to one partition, and if a
            few keys make most of the records, so does their partition. It is served by one leader and one consumer of a
            group, so it is the bottleneck of the whole topic. In the run {partitions} partitions got the same load with
            more and more uneven keys. With even keys the fullest partition had {even:.2f} times the mean, with Zipf's
            exponent 1 it was {one:.2f} times, with 1.5 {worst:.2f} times. Its consumer could not keep up any more, and
            {lag:,.0f} of {all_lags:,.0f} records of lag were there, while the others were nearly idle. So look at the
            lag of each partition, not of the group. The cures cost order: a finer key, or a salt behind the hot key.
        """,
        follow_up="Would more partitions help?",
        follow_up_answer="""
            Not against one hot key, which cannot be divided: its share stays, and the mean falls. With such keys the
            fullest of {more_partitions} partitions would have {many:.0f} times the mean. They help when many keys are
            warm and happen to meet in a partition.
        """,
        wrong=(
            WrongAnswer("murmur2 is a good hash, so the load is even.", _hashing_does_not_even_out),
            WrongAnswer("Add partitions, then it evens out.", _partitions_do_not_help),
        ),
        picture=Picture(
            x="seconds",
            y="lag of the fullest partition, records",
            curves=lambda runs: {
                f"Zipf {exponent:g}": _lag_over_time(runs["skew"], exponent) for exponent in EXPONENTS
            },
            title=lambda runs: (
                "Fullest partition over the mean: "
                + "; ".join(f"{skew:.2f} at Zipf {exponent:g}" for exponent, skew in _skews(runs["skew"]).items())
            ),
        ),
    ),
)


def _lag_over_time(run: Run, exponent: float) -> list[tuple[float, float]]:
    fullest = max(range(PARTITIONS), key=_shares(run, exponent).__getitem__)
    topic = _topic(exponent)
    times, lags = run.metrics.series("records-lag", group=topic, partition=f"{topic}-{fullest}")
    return list(zip(times, lags, strict=True))
