"""What an acknowledgement is worth, and what it costs in availability."""

import random
from itertools import accumulate
from math import sqrt
from statistics import mean, stdev

from sim.rules.config import TopicConfig
from sim.scenario import Scenario
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.workloads import source
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash, LatencySpike, at_random
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic
from sim.world.workload import Poisson

__all__ = ["QUESTIONS"]


KILLS, RATE, LOAD_S = 20, 100, 2.0
SOON_FENCED = {"broker.session.timeout.ms": 1000, "broker.heartbeat.interval.ms": 250}
ACKS = ("0", "1", "all")
STUDENT_T = 2.093
"""The two-sided 95 % quantile for 20 kills, that is 19 degrees of freedom."""


def _make(settings: Settings) -> Plan:
    """The leader of three topics is killed at a moment drawn from the seed; followers are some milliseconds away."""
    kill = at_random(BrokerCrash(broker=1, at="0s"), random.Random(settings.seed), ("700ms", "1700ms"))
    far = LatencySpike(side=("broker-1",), other=("broker-2", "broker-3"), at="0s", latency=settings["distance"])
    return Plan(
        duration=None,
        cluster=ClusterSpec(broker_config=SOON_FENCED, group_topics=False),
        topics=tuple(Topic(f"acks-{acks}", 1, 3, {"min.insync.replicas": 2}, replicas=((1, 2, 3),)) for acks in ACKS),
        apps=tuple(
            AppSpec(f"writer-{acks}", source(f"acks-{acks}", Poisson(RATE), LOAD_S, acks=acks), "writers", True)
            for acks in ACKS
        ),
        faults=(far, kill),
        stages=tuple(("writers", f"acks-{acks}") for acks in ACKS),
    )


KILL = Scenario(
    name="a-leader-is-killed",
    summary="The leader of three topics is killed while writers with acks 0, 1 and all are at work.",
    story="",
    make=_make,
    knobs={"distance": Knob("10ms", "how much later messages between the leader and its followers come")},
)


def _losses(runs: Runs, acks: str) -> list[int]:
    """How many acknowledged records each kill has lost."""
    topic = f"acks-{acks}-0"
    return [sum(fate.partition == topic for fate in run.verdict.lost) for run in runs.values()]


def _interval(losses: list[int]) -> tuple[float, float, float]:
    """Mean, and the bounds of its 95 % confidence interval."""
    middle, half = mean(losses), STUDENT_T * stdev(losses) / sqrt(len(losses))
    return middle, max(0.0, middle - half), middle + half


def _lost(runs: Runs) -> Proof:
    losses = {acks: _losses(runs, acks) for acks in ACKS}
    none, low_none, high_none = _interval(losses["0"])
    one, low_one, high_one = _interval(losses["1"])
    return Proof(
        sum(losses["all"]) == 0 < low_one and low_none > 0,
        round(one, 2),
        "records a kill",
        f"Of what was acknowledged a kill of the leader lost {none:.1f} records with acks=0 (95 % interval "
        f"{low_none:.1f} to {high_none:.1f}), {one:.1f} with acks=1 ({low_one:.1f} to {high_one:.1f}), and "
        f"{sum(losses['all'])} in {len(losses['all'])} kills with acks=all.",
        {
            "kills": len(losses["all"]),
            "none": none,
            "one": one,
            "low": low_one,
            "high": high_one,
            "all": sum(losses["all"]),
            "minimum": TopicConfig().min_insync_replicas,
            "bound": 1 - 0.05 ** (1 / len(losses["all"])),
        },
    )


def _replicas_do_not_help(runs: Runs) -> tuple[bool, str]:
    losses = _losses(runs, "1")
    return sum(losses) > 0, (
        f"There were three replicas, and {sum(losses)} acknowledged records were lost in {len(losses)} kills: the "
        "leader acknowledges before it has replicated, and who leads next has never seen them."
    )


def _nobody_is_told(runs: Runs) -> tuple[bool, str]:
    lost = [fate for run in runs.values() for fate in run.verdict.lost]
    told = sum(fate.acknowledged_s is None for fate in lost)
    return bool(lost) and told == 0, (
        f"All {len(lost)} records that were lost with acks=0 and acks=1 had been reported as sent; {told} were not."
    )


def _available(runs: Runs) -> Proof:
    outlived = runs["matrix"].results["failures_outlived"]
    missing, kept = runs["alone"].results["missing"], runs["two"].results["missing"]
    return Proof(
        outlived == {"minimum-1": 2, "minimum-2": 1, "minimum-3": 0} and kept == 0 < missing,
        outlived["minimum-2"],
        "brokers",
        f"Of three replicas {outlived['minimum-1']}, {outlived['minimum-2']} or {outlived['minimum-3']} may be down "
        f"with a minimum of 1, 2 or 3; when the leader was alone, a minimum of 1 lost {missing} acknowledged records, "
        f"one of 2 lost {kept}.",
        {
            "default": TopicConfig().min_insync_replicas,
            "one": outlived["minimum-1"],
            "two": outlived["minimum-2"],
            "three": outlived["minimum-3"],
            "missing": missing,
            "acknowledged": runs["alone"].results["acknowledged"],
            "kept": kept,
        },
    )


def _all_is_not_enough(runs: Runs) -> tuple[bool, str]:
    found = runs["alone"].results
    return found["missing"] > 0, (
        f"acks=all waits for the replicas in sync. The leader was alone in sync, and {found['missing']} of "
        f"{found['acknowledged']:,} records that it acknowledged were lost with its machine."
    )


def _stops_at_two(runs: Runs) -> tuple[bool, str]:
    share = runs["matrix"].results["acknowledged_share"]["minimum-2"]
    return share[1] == 1 and share[2] == 0, (
        f"With min.insync.replicas=2 and one broker down {share[1]:.0%} of the writes were acknowledged, with two down "
        f"{share[2]:.0%}."
    )


def _no_matter_for_one(runs: Runs) -> tuple[bool, str]:
    share = runs["acks-1"].results["acknowledged_share"]["minimum-3"]
    return share[1] == 1, (
        f"With acks=1 and a minimum of 3 {share[1]:.0%} of the writes were acknowledged while one of three brokers was "
        "down: only acks=all asks for the minimum."
    )


QUESTIONS = (
    Question(
        number=13,
        topic="producer",
        level="junior",
        asks="What do acks=0, 1 and all mean?",
        predict="A producer with acks=1 sends 100 records a second, followers are 10 ms away. How many acknowledged "
        "records does a kill of the leader lose, on average?",
        flights={f"kill {number + 1}": Experiment(KILL, seed=number) for number in range(KILLS)},
        prove=_lost,
        answer="""
            How long the producer waits before it believes that a record is safe. With acks=0 it does not wait at all:
            sent is acknowledged. With acks=1 the leader answers when the record is in its own log. With acks=all, the
            default, it answers when all replicas in sync have it. I killed the leader {kills} times at random moments.
            With acks=0 a kill lost {none:.1f} acknowledged records on average, with acks=1 {one:.1f} (95 % interval
            {low:.1f} to {high:.1f}): what the leader had and its followers had not fetched yet. With acks=all it was
            {all}. Those losses are silent: the producer has an acknowledgement. acks=all is safe only with
            min.insync.replicas of at least 2, whose default is {minimum}, and it costs a round trip of the followers.
        """,
        follow_up="Is zero in your runs a proof that acks=all never loses anything?",
        follow_up_answer="""
            No. Zero of {kills} kills says with 95 % confidence that at most {bound:.0%} of such kills lose something.
            The reason to believe in zero is the protocol: the next leader comes from the in-sync replicas, and those
            have everything that was acknowledged. Unclean election or a minimum of {minimum} takes that away.
        """,
        wrong=(
            WrongAnswer("acks=1 is safe when there are three replicas.", _replicas_do_not_help),
            WrongAnswer("If a record is lost, the callback has an exception.", _nobody_is_told),
        ),
        picture=Picture(
            x="kill of the leader",
            y="acknowledged records lost so far",
            curves=lambda runs: {f"acks={acks}": _so_far(_losses(runs, acks)) for acks in ACKS},
            title=lambda runs: (
                f"Acknowledged and lost in {KILLS} kills: "
                + "; ".join(f"{sum(_losses(runs, acks))} with acks={acks}" for acks in ACKS)
            ),
        ),
    ),
    Question(
        number=14,
        topic="producer",
        level="senior",
        asks="What does min.insync.replicas do?",
        predict="Three replicas, acks=all, min.insync.replicas=2. How many brokers may be down while writes go on?",
        flights={
            "matrix": Experiment("two-failures-tolerated"),
            "acks-1": Experiment("two-failures-tolerated", {"acks": 1}),
            "alone": Experiment("all-means-all"),
            "two": Experiment("all-means-all", {"min.insync.replicas": 2}),
        },
        prove=_available,
        answer="""
            It is the number of replicas that must be in sync for a write with acks=all; with fewer the leader refuses
            with NOT_ENOUGH_REPLICAS. It trades availability for durability. Of three replicas {one} may be down with a
            minimum of 1, {two} with a minimum of 2, {three} with a minimum of 3: the replicas less the minimum. And the
            durability: acks=all waits for those in sync, and when the leader is alone, that is one machine. In the run
            it then lost power, and {missing} of {acknowledged:,} acknowledged records were gone; with a minimum of 2 it
            was {kept}, since it had refused to write alone. So the usual choice is three replicas, a minimum of 2 and
            acks=all: one broker may fail or be restarted, and every acknowledged record is on two machines. The default
            is {default}.
        """,
        follow_up="What happens to readers when fewer than the minimum are in sync?",
        follow_up_answer="""
            They go on reading what is below the high watermark, from the one replica that is left. But that does not
            advance below the minimum (KIP-966), so nothing new becomes visible: with a minimum of 2 writes outlive
            {two} broker, reads outlive more.
        """,
        wrong=(
            WrongAnswer("acks=all means that all replicas have the record.", _all_is_not_enough),
            WrongAnswer("With three replicas two brokers may fail.", _stops_at_two),
            WrongAnswer("min.insync.replicas protects every producer of the topic.", _no_matter_for_one),
        ),
        picture=Picture(
            x="brokers down",
            y="writes acknowledged, %",
            curves=lambda runs: {
                f"{name.replace('-', ' ')} in sync": [(down, 100 * share) for down, share in enumerate(shares)]
                for name, shares in runs["matrix"].results["acknowledged_share"].items()
            },
            title=lambda runs: str(runs["matrix"].results["finding"]),
        ),
    ),
)


def _so_far(losses: list[int]) -> list[tuple[float, float]]:
    return [(number + 1, total) for number, total in enumerate(accumulate(losses))]
