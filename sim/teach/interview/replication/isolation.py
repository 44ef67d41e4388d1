"""A leader that does not know that it is none any more."""

from collections import Counter

from sim.machine.clock import SECOND
from sim.rules.facts.journal import LeaderElected
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, first_s, small, so_far, writer
from sim.world.cluster import ClusterSpec
from sim.world.faults import NetworkPartition
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

CUT_S, HEALED_S = 10, 30


def _zombie_plan(_: Settings) -> Plan:
    """The leader is cut off from brokers and controller, and clients still reach it."""
    one, every = Sent(), Sent()
    patient = {"request_timeout_ms": 10_000, "delivery_timeout_ms": 60_000}
    return Plan(
        duration=40 * SECOND,
        cluster=ClusterSpec(group_topics=False),
        topics=tuple(
            Topic(name, 1, 3, {"min.insync.replicas": 2}, replicas=((1, 2, 3),)) for name in ("hasty", "patient")
        ),
        apps=(
            AppSpec("acks-1", writer("hasty", 20, 40, one, acks="1", **patient), "acks-1", finite=True),
            AppSpec("acks-all", writer("patient", 20, 40, every, acks="all", **patient), "acks-all", finite=True),
        ),
        faults=(
            NetworkPartition(
                side=("broker-1",), other=("broker-2", "broker-3", "controller"), at=f"{CUT_S}s", lasts="20s"
            ),
        ),
        stages=(("acks-1", "hasty"), ("acks-all", "patient")),
        wrap_up=lambda complete: {"one": one.figures(), "every": every.figures()} if complete else {},
    )


ZOMBIE = small("zombie-leader", _zombie_plan)


def _lost(run: Run, topic: str) -> int:
    return sum(fate.partition.startswith(topic) for fate in run.verdict.lost)


def _zombie(runs: Runs) -> Proof:
    run = runs["zombie"]
    hasty, patient = _lost(run, "hasty"), _lost(run, "patient")
    elected = first_s(run, LeaderElected, CUT_S, partition=TopicPartition("hasty", 0))
    believed = [time for time in run.results["one"]["acknowledged_s"] if elected < time < HEALED_S]
    return Proof(
        hasty > 0 and patient == 0 and len(believed) > 0,
        hasty,
        "records",
        f"The old leader acknowledged {len(believed)} records with acks=1 after another one had been elected; {hasty} "
        f"acknowledged records are lost with acks=1, {patient} with acks=all.",
        {
            "hasty": hasty,
            "patient": patient,
            "elected": elected - CUT_S,
            "believed": len(believed),
            "silence": run.results["every"]["silence_s"],
            "given_up": run.results["every"]["given_up"],
        },
    )


def _acknowledged(run: Run) -> dict[str, list[tuple[float, float]]]:
    """Acknowledgements over time, and with acks=1 those that are worth something."""
    one, every = (run.results[name]["acknowledged_s"] for name in ("one", "every"))
    lost = Counter(fate.acknowledged_s for fate in run.verdict.lost)
    kept = sorted((Counter(one) - lost).elements())
    return {"acks=1": so_far(one), "acks=1, without those lost": so_far(kept), "acks=all": so_far(every)}


def _does_not_know(runs: Runs) -> tuple[bool, str]:
    figures = _zombie(runs).figures
    return int(str(figures["believed"])) > 0, (
        f"Another leader was there after {figures['elected']:.1f} s, and the old one acknowledged "
        f"{figures['believed']} more records: it learns of its successor from the controller, which it cannot reach."
    )


QUESTIONS = (
    Question(
        number=31,
        topic="replication",
        level="senior",
        asks="A leader is cut off from the other brokers and the controller, but clients still reach it. What is lost?",
        predict="20 seconds at 20 records a second: how many acknowledged records are lost with acks=1?",
        flights={"zombie": Experiment(ZOMBIE)},
        prove=_zombie,
        answer="""
            With acks=1 all that it takes: {hasty} records here. The controller misses its heartbeats and elects another
            leader, after {elected:.1f} seconds; but the old one cannot know, goes on, and acknowledged {believed} more
            records afterwards. When the cut is healed it learns of the higher leader epoch, becomes a follower and cuts
            its tail off. With acks=all nothing is lost: {patient}. The others do not fetch, the ISR cannot shrink
            without the controller, so the high watermark stands still, and producers wait and send again to the new
            leader. That is fencing by quorum: a zombie may write to its own log, but it can commit nothing.
        """,
        follow_up="And what did the producer with acks=all see meanwhile?",
        follow_up_answer="""
            Silence: {silence:.1f} seconds without an acknowledgement, until requests had timed out and the new leader
            was known. {given_up} records were given up, as delivery.timeout.ms was longer than that. With a shorter one
            the application would have got an error, but never a wrong acknowledgement.
        """,
        wrong=(WrongAnswer("A leader epoch stops the old leader at once.", _does_not_know),),
        picture=Picture(
            x="seconds from the start",
            y="records acknowledged so far",
            curves=lambda runs: _acknowledged(runs["zombie"]),
            title=lambda runs: (
                f"An isolated leader: {_lost(runs['zombie'], 'hasty')} acknowledged records lost with acks=1; "
                f"{_lost(runs['zombie'], 'patient')} with acks=all"
            ),
        ),
    ),
)
