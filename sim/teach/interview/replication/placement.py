"""Where replicas are: racks."""

from sim.machine.clock import SECOND
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, small, writer
from sim.world.cluster import ClusterSpec
from sim.world.faults import PowerFailure
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

BROKERS, PARTITIONS, TOGETHER, LOSS_S = 6, 36, (1, 4), 8


def _racks_plan(settings: Settings) -> Plan:
    """The machines of one rack lose power; the brokers know of their racks, or do not."""
    sent = {name: Sent() for name in ("pairs", "triples")}
    return Plan(
        duration=30 * SECOND,
        drain=5 * SECOND,
        cluster=ClusterSpec(BROKERS, settings["racks"], group_topics=False),
        topics=(Topic("pairs", PARTITIONS, 2), Topic("triples", PARTITIONS, 3, {"min.insync.replicas": 2})),
        apps=tuple(
            AppSpec(f"to-{name}", writer(name, 20, 25, notes, acks="all"), f"to-{name}", finite=True)
            for name, notes in sent.items()
        ),
        faults=(PowerFailure(brokers=TOGETHER, at=f"{LOSS_S}s"),),
        stages=tuple((f"to-{name}", name) for name in sent),
    )


RACKS = small("rack-loss", _racks_plan, {"racks": Knob(3, "racks that brokers know of", 1, BROKERS)})


def _offline(run: Run) -> int:
    """Partitions of two replicas without a leader in the end."""
    image = run.flight.cluster.controller.image
    return sum(image.leader(name) < 0 for name in image.topic_partitions("pairs"))


def _below_minimum(run: Run) -> int:
    """Partitions of three replicas with fewer than two in sync in the end."""
    image = run.flight.cluster.controller.image
    return sum(len(image.partitions[name].isr) < 2 for name in image.topic_partitions("triples"))


def _rack_loss(runs: Runs) -> Proof:
    aware, unaware = runs["aware"], runs["unaware"]
    return Proof(
        _offline(aware) == _below_minimum(aware) == 0 < min(_offline(unaware), _below_minimum(unaware)),
        _offline(aware),
        "partitions offline",
        f"With broker.rack set {_offline(aware)} partitions of two replicas are offline after the loss of a rack, and "
        f"{_offline(unaware)} of {PARTITIONS} without it.",
        {
            "partitions": PARTITIONS,
            "aware": _offline(aware),
            "unaware": _offline(unaware),
            "thin": _below_minimum(unaware),
            "thick": _below_minimum(aware),
            "brokers": BROKERS,
            "lost": len(TOGETHER),
        },
    )


def _three_are_not_enough(runs: Runs) -> tuple[bool, str]:
    thin = _below_minimum(runs["unaware"])
    return thin > 0, (
        f"Without racks {thin} of {PARTITIONS} partitions with three replicas had two of them in the rack that was "
        f"lost: one in sync is left, and min.insync.replicas=2 refuses acks=all."
    )


QUESTIONS = (
    Question(
        number=27,
        topic="replication",
        level="junior",
        asks="What is rack awareness good for?",
        predict="Six brokers in three racks, 36 partitions of two replicas: how many go offline with a rack?",
        flights={"aware": Experiment(RACKS), "unaware": Experiment(RACKS, {"racks": 1})},
        prove=_rack_loss,
        answer="""
            With broker.rack set, Kafka spreads the replicas of each partition over as many racks, or availability
            zones, as it can. Then the loss of one rack takes at most one replica of each. In the run {lost} of
            {brokers} brokers lost power, one rack: {aware} of {partitions} partitions with two replicas were offline.
            Without racks the same two brokers had both replicas of {unaware} partitions, and those had no leader. It is
            a rule of placement only: it holds when a topic is created or partitions are added, not for topics that are
            there already, and it costs traffic between zones.
        """,
        follow_up="Is a topic with three replicas safe without it?",
        follow_up_answer="""
            Not for writing. In the run {thin} of {partitions} partitions with three replicas had two of them in the
            lost rack, so that one was left in sync, and min.insync.replicas=2 refuses acks=all then. With racks there
            were {thick} such partitions.
        """,
        wrong=(WrongAnswer("Three replicas survive the loss of a rack in any case.", _three_are_not_enough),),
        picture=Picture(
            x="racks that the brokers know of",
            y="partitions after the loss of a rack",
            curves=lambda runs: {
                label: [(run.settings["racks"], count(run)) for run in (runs["unaware"], runs["aware"])]
                for label, count in (
                    ("two replicas: offline", _offline),
                    ("three replicas: below min.insync.replicas=2", _below_minimum),
                )
            },
            title=lambda runs: (
                f"A rack is lost: {_offline(runs['unaware'])} of {PARTITIONS} partitions offline without broker.rack; "
                f"{_offline(runs['aware'])} with it"
            ),
        ),
    ),
)
