"""Restarts one by one: who leads afterwards, and what producers see of it."""

from math import inf
from typing import Any

from sim.actors.client.app import App
from sim.machine.clock import SECOND
from sim.rules.config import BrokerConfig
from sim.rules.facts.journal import FaultEnded
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, Steps, first_s, small, so_far, writer
from sim.world.cluster import ClusterSpec
from sim.world.faults import RollingRestart
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

RESTART_S = 5


def _elect(app: App) -> Steps:
    """An administrator gives each partition its preferred leader back."""
    yield app.until(75 * SECOND)
    yield from app.admin().elect_leaders("preferred")
    yield app.busy(ms=5000)


def _restart_plan(settings: Settings) -> Plan:
    """All brokers are restarted one by one while records come."""
    sent, replicas = Sent(), settings["replicas"]
    duration_s = settings["duration_s"]
    config: dict[str, Any] = {"acks": settings["acks"], "delivery_timeout_ms": 5000, "request_timeout_ms": 4000}
    admin = (AppSpec("admin", _elect, "admin", finite=True),) if settings["elect"] else ()
    return Plan(
        duration=duration_s * SECOND,
        cluster=ClusterSpec(group_topics=False),
        topics=(Topic("orders", 12, replicas, {"min.insync.replicas": 2}),),
        apps=(AppSpec("shop", writer("orders", settings["rate"], 60, sent, **config), "shop", finite=True), *admin),
        faults=(RollingRestart(at=f"{RESTART_S}s"),),
        stages=(("shop", "orders"),),
        wrap_up=lambda complete: sent.figures() if complete else {},
    )


RESTART = small(
    "rolling-restart",
    _restart_plan,
    {
        "replicas": Knob(3, "replicas of each partition", 2, 3),
        "acks": Knob("all", "acks of the producer: all or 1"),
        "elect": Knob(False, "whether somebody elects the preferred leaders in the end"),
        "rate": Knob(20, "records a second", 1, 1000),
        "duration_s": Knob(60, "how long it is flown, in seconds", 10, 1000),
    },
)


def _leaders(run: Run) -> dict[int, int]:
    """How many partitions each broker leads in the end."""
    image = run.flight.cluster.controller.image
    leaders = [image.leader(name) for name in image.topic_partitions("orders")]
    return {broker: leaders.count(broker) for broker in sorted(run.flight.cluster.brokers)}


def _imbalance(run: Run) -> float:
    counts = _leaders(run).values()
    return max(counts) * len(counts) / sum(counts)


def _ended_s(run: Run) -> float:
    return first_s(run, FaultEnded)


def _preferred(runs: Runs) -> Proof:
    before, elected, waited = runs["restarted"], runs["elected"], runs["waited"]
    interval = BrokerConfig().leader_imbalance_check_interval_seconds
    return Proof(
        _imbalance(before) > 1.3 and _imbalance(elected) == _imbalance(waited) == 1 and _ended_s(before) < 60,
        _imbalance(before),
        "times the mean",
        f"After the restarts the brokers lead {_told(before)} partitions: the most are {_imbalance(before):.2f} times "
        f"the mean; after an election of preferred leaders {_told(elected)}.",
        {
            "ratio": _imbalance(before),
            "leaders": _told(before),
            "elected": _told(elected),
            "waited": _told(waited),
            "interval": interval,
        },
    )


def _told(run: Run) -> str:
    *most, last = map(str, _leaders(run).values())
    return f"{', '.join(most)} and {last}"


def _not_by_itself(runs: Runs) -> tuple[bool, str]:
    before = runs["restarted"]
    idle = min(_leaders(before).values())
    return idle == 0, (
        f"{before.simulated_s - _ended_s(before):.0f} s after the last broker had come back and was in sync it led "
        f"{idle} partitions."
    )


def _restarts(runs: Runs) -> Proof:
    three, two, hasty = runs["three"], runs["two"], runs["acks-1"]
    lasted = _ended_s(three) - RESTART_S
    _, missing = three.metrics.series("UnderReplicatedPartitions")
    thin_s, slowest = (
        sum(value > 0 for value in missing),
        three.metrics.summary()["produce-latency-ms"]["orders"]["max"],
    )
    return Proof(
        three.results["given_up"] == 0 and three.verdict.ok and two.results["given_up"] > 0 and lasted < inf,
        three.results["given_up"],
        "records given up",
        f"With three replicas and min.insync.replicas=2 {three.results['given_up']} of {three.results['sent']:,} "
        f"records were given up in {lasted:.0f} s of restarts; with two replicas {two.results['given_up']}.",
        {
            "given_up": three.results["given_up"],
            "sent": three.results["sent"],
            "lasted": lasted,
            "each": lasted / 3,
            "thin": thin_s,
            "slowest": slowest,
            "two": two.results["given_up"],
            "lost": len(hasty.verdict.lost),
        },
    )


def _clean_is_not_lossless(runs: Runs) -> tuple[bool, str]:
    run = runs["acks-1"]
    return len(run.verdict.lost) > 0, (
        f"{len(run.verdict.lost)} of {run.results['acknowledged']:,} records acknowledged with acks=1 are lost: the "
        f"old leader took them until it had heard that it was none any more, and cut them off when it came back."
    )


def _under_replicated_is_normal(runs: Runs) -> tuple[bool, str]:
    figures, run = _restarts(runs).figures, runs["three"]
    return int(str(figures["thin"])) > 0 and run.verdict.ok, (
        f"Partitions were under-replicated for {figures['thin']} s and {len(run.verdict.lost)} records were lost, "
        f"{run.results['given_up']} given up."
    )


QUESTIONS = (
    Question(
        number=28,
        topic="replication",
        level="senior",
        asks="After a rolling restart one broker has nothing to do. Why?",
        predict="Twelve partitions on three brokers: how many times the mean does the busiest lead?",
        flights={
            "restarted": Experiment(RESTART, {"rate": 2}),
            "elected": Experiment(RESTART, {"rate": 2, "elect": True, "duration_s": 80}),
            "waited": Experiment(RESTART, {"rate": 2, "duration_s": 310}),
        },
        prove=_preferred,
        answer="""
            The first replica of each partition is its preferred leader. When a broker stops, another replica takes
            over; when it returns, it is a follower, as a change of leader interrupts producers. So each broker
            restarted hands its leaderships to those that are up, and the last one comes back to nothing: in the run the
            brokers led {leaders} partitions, {ratio:.2f} times the mean at most. With auto.leader.rebalance.enable the
            controller looks every {interval} seconds, and gives leaderships back to preferred leaders that are in sync.
            After that they led {waited}.
        """,
        follow_up="You do not want to wait for five minutes. What do you do?",
        follow_up_answer="""
            Run kafka-leader-election.sh with the election type preferred, or the admin client's electLeaders: in the
            run it made {elected} of it at once. It moves leaders only, no data; each partition pauses for as long as
            its clients need to find the new leader.
        """,
        wrong=(WrongAnswer("Leadership returns as soon as a broker is back in the ISR.", _not_by_itself),),
        picture=Picture(
            x="broker",
            y="partitions that it leads",
            curves=lambda runs: {
                label: [(broker, count) for broker, count in _leaders(runs[name]).items()]
                for label, name in (("after the restarts", "restarted"), ("after a preferred election", "elected"))
            },
            title=lambda runs: f"After the restarts the brokers lead {_told(runs['restarted'])} of 12 partitions",
        ),
    ),
    Question(
        number=29,
        topic="replication",
        level="junior",
        asks="Is a rolling restart safe while producers write?",
        predict="Three replicas, min.insync.replicas=2, acks=all: how many records are given up?",
        flights={
            "three": Experiment(RESTART),
            "two": Experiment(RESTART, {"replicas": 2}),
            "acks-1": Experiment(RESTART, {"acks": "1"}),
        },
        prove=_restarts,
        answer="""
            With three replicas, min.insync.replicas=2 and acks=all, yes, if each broker is shut down in good order and
            the next waits until no partition is under-replicated. Then two replicas are in sync at any time. In the run
            {given_up} of {sent:,} records were given up, and the slowest acknowledgement took {slowest:.0f}
            milliseconds, while leaders moved. It took {lasted:.0f} seconds, {each:.0f} for each broker; meanwhile
            partitions were under-replicated for {thin} seconds, which is what a restart is, and no alarm. What is not
            there is a margin: a crash in that time stops writes.
        """,
        follow_up="What if the topic had two replicas?",
        follow_up_answer="""
            Then each restart leaves one in sync, and min.insync.replicas=2 refuses what is sent: {two} records were
            given up in the run, as delivery.timeout.ms was shorter than a restart. With a minimum of 1 writes go on
            with a single copy. So one replica more than the minimum, for each broker that may be away.
        """,
        wrong=(
            WrongAnswer("A clean shutdown loses nothing, so acks=1 is enough.", _clean_is_not_lossless),
            WrongAnswer("Under-replicated partitions mean that data are lost.", _under_replicated_is_normal),
        ),
        picture=Picture(
            x="seconds from the start",
            y="records acknowledged so far",
            curves=lambda runs: {
                f"{name} replicas": so_far(runs[name].results["acknowledged_s"]) for name in ("three", "two")
            },
            title=lambda runs: (
                f"Three brokers restarted in turn: {runs['three'].results['given_up']} records given up with three "
                f"replicas; {runs['two'].results['given_up']} with two"
            ),
        ),
    ),
)
