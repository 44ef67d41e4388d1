"""A leader dies, a controller dies: what stands still, and for how long."""

from math import isfinite

from sim.machine.clock import SECOND
from sim.rules.facts.journal import BrokerFenced, LeaderElected
from sim.rules.facts.quorum import ControllerElected
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, first_s, small, so_far, writer
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash, BrokerShutdown, ControllerCrash
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Knob, Settings
from sim.world.topics import Topic

__all__ = ["QUESTIONS"]

ORDERS, LEADER, AT_S = TopicPartition("orders", 0), 1, 8.5


def _plan(settings: Settings) -> Plan:
    """The leader of a partition is killed, or shut down in good order."""
    orders, others, duration_s = Sent(), Sent(), settings["duration_s"]
    kind = BrokerCrash if settings["kill"] else BrokerShutdown
    return Plan(
        duration=duration_s * SECOND,
        cluster=ClusterSpec(group_topics=False),
        topics=(Topic("orders", 1, 3, replicas=((1, 2, 3),)), Topic("others", 1, 3, replicas=((2, 1, 3),))),
        apps=tuple(
            AppSpec(f"to-{name}", writer(name, 20, duration_s, sent, acks="all"), f"to-{name}", finite=True)
            for name, sent in (("orders", orders), ("others", others))
        ),
        faults=(kind(broker=LEADER, at=f"{AT_S}s"),),
        stages=(("to-orders", "orders"), ("to-others", "others")),
        wrap_up=lambda complete: {"orders": orders.figures(), "others": others.figures()} if complete else {},
    )


DEATH = small(
    "leader-dies",
    _plan,
    {"kill": Knob(True, "killed, or shut down"), "duration_s": Knob(22, "seconds for which records come", 5, 100)},
)
SESSIONS = {"session-3": 3000, "session-9": 9000, "session-18": 18_000}


def _parts_s(run: Run) -> tuple[float, float, float]:
    """From the death to the fencing, from there to another leader, from there to the first acknowledgement."""
    fenced = first_s(run, BrokerFenced, AT_S, broker_id=LEADER)
    elected = first_s(run, LeaderElected, AT_S, partition=ORDERS)
    again = min((time for time in run.results["orders"]["acknowledged_s"] if time > elected), default=elected)
    return fenced - AT_S, elected - fenced, again - elected


def _outage(runs: Runs) -> Proof:
    run = runs["session-9"]
    detection, election, refresh = _parts_s(run)
    outage, config = detection + election + refresh, run.flight.cluster.config
    session, heartbeat = config.broker_session_timeout_ms / 1000, config.broker_heartbeat_interval_ms / 1000
    shut_down_ms = 1000 * runs["shut-down"].results["orders"]["silence_s"]
    within = all(
        SESSIONS[name] / 1000 - heartbeat - 0.1 <= _parts_s(runs[name])[0] <= SESSIONS[name] / 1000 * 1.125 + 0.1
        for name in SESSIONS
    )
    return Proof(
        within and detection > 0.8 * outage and shut_down_ms < 2000 and run.verdict.ok,
        outage,
        "s",
        f"From kill -9 to the next acknowledgement {outage:.2f} s passed: {detection:.2f} s until the broker was "
        f"fenced, {1000 * election:.0f} ms for the election, {1000 * refresh:.0f} ms until the producer had found the "
        f"new leader.",
        {
            "outage": outage,
            "detection": detection,
            "election_ms": 1000 * election,
            "refresh_ms": 1000 * refresh,
            "session": session,
            "heartbeat": heartbeat,
            "shut_down_ms": shut_down_ms,
            "others": run.results["others"]["silence_s"],
            "quick": sum(_parts_s(runs["session-3"])),
            "quick_session": SESSIONS["session-3"] / 1000,
        },
    )


def _detection_counts(runs: Runs) -> tuple[bool, str]:
    detection, election, refresh = _parts_s(runs["session-9"])
    return election < 0.1 < detection, (
        f"The election took {1000 * election:.0f} ms, but {detection:.1f} s passed before the controller held one, and "
        f"{1000 * refresh:.0f} ms until the producer knew."
    )


def _others_wait(runs: Runs) -> tuple[bool, str]:
    silence = runs["session-9"].results["others"]["silence_s"]
    return silence > 5, (
        f"A partition whose leader lived had no acknowledgement for {silence:.1f} s: the dead broker was in its ISR."
    )


CONTROLLERS, ACTIVE, BROKER_AT_S, BACK_S = 3, 100, 20.5, 45


def _quorum_plan(settings: Settings) -> Plan:
    """The active controller is killed; on demand another, too, and a broker: then nobody can elect anything."""
    orders, majority = Sent(), settings["majority"]
    lasting = {"at": f"{AT_S}s", "lasts": f"{BACK_S - AT_S}s"}
    second = (ControllerCrash(controller=ACTIVE + 1, **lasting), BrokerCrash(broker=LEADER, at=f"{BROKER_AT_S}s"))
    duration_s = 60 if majority else 30
    return Plan(
        duration=duration_s * SECOND,
        cluster=ClusterSpec(controllers=CONTROLLERS, group_topics=False),
        topics=(Topic("orders", 1, 3, replicas=((1, 2, 3),)),),
        apps=(AppSpec("shop", writer("orders", 20, duration_s, orders, acks="all"), "shop", finite=True),),
        faults=(ControllerCrash(controller=ACTIVE, **lasting), *(second if majority else ())),
        stages=(("shop", "orders"),),
        wrap_up=lambda complete: orders.figures() if complete else {},
    )


QUORUM = small("controller-dies", _quorum_plan, {"majority": Knob(False, "whether a second controller dies, too")})


def _controller(runs: Runs) -> Proof:
    run, stuck = runs["one"], runs["majority"]
    successor_s = first_s(run, ControllerElected, AT_S) - AT_S
    silence_ms, given_up = 1000 * run.results["silence_s"], run.results["given_up"]
    waited = first_s(stuck, LeaderElected, BROKER_AT_S, partition=ORDERS) - BROKER_AT_S
    between = [time for time in stuck.results["acknowledged_s"] if AT_S < time < BROKER_AT_S]
    fine = isfinite(successor_s) and given_up == 0 and silence_ms < 500 and run.verdict.ok
    return Proof(
        fine and waited > BACK_S - BROKER_AT_S and len(between) > 200,
        successor_s,
        "s",
        f"{successor_s:.2f} s after the active controller was killed another one led the quorum; producers got no "
        f"error and never waited longer than {silence_ms:.0f} ms.",
        {
            "successor": successor_s,
            "silence_ms": silence_ms,
            "given_up": given_up,
            "acknowledged": run.results["acknowledged"],
            "timeout_ms": run.flight.cluster.config.controller_quorum_fetch_timeout_ms,
            "without": len(between),
            "waited": waited,
            "controllers": CONTROLLERS,
        },
    )


def _data_goes_on(runs: Runs) -> tuple[bool, str]:
    found = runs["one"].results
    return found["given_up"] == 0 and found["silence_s"] < 0.5, (
        f"{found['acknowledged']:,} of {found['sent']:,} records were acknowledged, none later than "
        f"{1000 * found['silence_s']:.0f} ms after the one before."
    )


def _no_majority_goes_on(runs: Runs) -> tuple[bool, str]:
    times = runs["majority"].results["acknowledged_s"]
    between = sum(AT_S + 1 < time < BROKER_AT_S for time in times)
    return between > 200, f"With two of three controllers dead {between} records were acknowledged as before."


QUESTIONS = (
    Question(
        number=23,
        topic="replication",
        level="junior",
        asks="The leader of a partition is killed. What happens, and how long does it take?",
        predict="For how many seconds is nothing acknowledged?",
        flights={
            **{
                name: Experiment(DEATH, {"broker.session.timeout.ms": ms, "duration_s": 15 + ms // 900})
                for name, ms in SESSIONS.items()
            },
            "shut-down": Experiment(DEATH, {"kill": False}),
        },
        prove=_outage,
        answer="""
            Three things, one after the other. The controller must notice: a broker sends a heartbeat every
            {heartbeat:.0f} seconds, and is fenced when none has come for broker.session.timeout.ms, {session:.0f}
            seconds. That took {detection:.1f} of the {outage:.1f} seconds in the run. Then it elects the first living
            replica of the ISR, within {election_ms:.0f} milliseconds, as it fences and elects at once. Last the clients
            must find out: a broken connection or NOT_LEADER_OR_FOLLOWER makes them refresh their metadata and send
            again, {refresh_ms:.0f} milliseconds. Nothing acknowledged with acks=all is lost. Other partitions wait as
            well, {others:.1f} seconds here, if the dead broker was in their ISR.
        """,
        follow_up="How would you make it shorter?",
        follow_up_answer="""
            For planned work shut the broker down in good order: it hands its leaderships over first, and the longest
            wait was {shut_down_ms:.0f} milliseconds. For crashes a shorter session: with {quick_session:.0f} seconds
            the outage was {quick:.1f} seconds, but then a long garbage collection looks like a death as well.
        """,
        wrong=(
            WrongAnswer("Failover takes milliseconds, as an election is fast.", _detection_counts),
            WrongAnswer("Only partitions that the dead broker led are affected.", _others_wait),
        ),
        picture=Picture(
            x="broker.session.timeout.ms, seconds",
            y="seconds after the kill",
            curves=lambda runs: {
                label: [(SESSIONS[name] / 1000, sum(_parts_s(runs[name])[:count])) for name in SESSIONS]
                for label, count in (("fenced, another leader elected", 2), ("acknowledged again", 3))
            },
            title=lambda runs: (
                f"The outage is the broker's session: {sum(_parts_s(runs['session-9'])):.1f} s by default, "
                f"{sum(_parts_s(runs['session-3'])):.1f} s with a session of 3 s"
            ),
        ),
    ),
    Question(
        number=30,
        topic="replication",
        level="senior",
        asks="The active KRaft controller dies. What stops?",
        predict="After how many seconds does another controller lead the quorum?",
        flights={"one": Experiment(QUORUM), "majority": Experiment(QUORUM, {"majority": True})},
        prove=_controller,
        answer="""
            For producers and consumers nothing. The controllers are a Raft quorum of their own: the others miss the
            leader when their fetches have had no answer for controller.quorum.fetch.timeout.ms, {timeout_ms:,}
            milliseconds; they vote, and one that has all committed metadata wins. In the run that took {successor:.1f}
            seconds; {given_up} records were given up, and no acknowledgement came more than {silence_ms:.0f}
            milliseconds after the last. There is no metadata to load, as each controller has it in memory and each
            broker has its own copy. What waits is what needs the controller: elections, ISR changes, topics,
            configurations.
        """,
        follow_up="And if two of the three controllers are dead?",
        follow_up_answer="""
            Then there is no majority, and metadata stand still. Data still flow: {without} records were acknowledged
            meanwhile. But when a broker died then, nobody could fence it, and its partition had no leader for
            {waited:.1f} seconds, until the controllers were back and its session had run out.
        """,
        wrong=(
            WrongAnswer("Without a controller producers and consumers stop.", _data_goes_on),
            WrongAnswer("When the quorum has lost its majority, the cluster is down.", _no_majority_goes_on),
        ),
        picture=Picture(
            x="seconds from the start",
            y="records acknowledged so far",
            curves=lambda runs: {
                label: so_far(runs[name].results["acknowledged_s"])
                for label, name in (("one controller dies", "one"), ("two die, then a broker", "majority"))
            },
            title=lambda runs: (
                f"Records flow on without controllers; {_controller(runs).figures['waited']:.1f} s without a leader "
                f"after a broker has died"
            ),
        ),
    ),
)
