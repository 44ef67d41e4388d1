"""What a log loses when leaders change: an unclean election, and truncation."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sim.machine.clock import SECOND
from sim.rules.config import TopicConfig
from sim.rules.facts.journal import LeaderElected, LogTruncated
from sim.rules.topics import TopicPartition
from sim.run import Run
from sim.teach.interview.question import Experiment, Picture, Proof, Question, Runs, WrongAnswer
from sim.teach.interview.records import Sent, first_s, small, writer
from sim.world.cluster import ClusterSpec
from sim.world.faults import BrokerCrash, LatencySpike
from sim.world.plan import AppSpec, Plan
from sim.world.settings import Settings
from sim.world.topics import Topic

if TYPE_CHECKING:
    from sim.world.flight import Flight

__all__ = ["QUESTIONS"]

ORDERS = TopicPartition("orders", 0)


def _truncations(run: Run) -> list[LogTruncated]:
    return [fact for _, fact in run.facts if isinstance(fact, LogTruncated)]


STALE_AT_S, LEADER_AT_S, STALE_BACK_S, LEADER_BACK_S, END_S = 5, 25, 35, 55, 60


def _unclean_plan(_: Settings) -> Plan:
    """The follower dies; the leader goes on alone, and dies; the follower comes back, and later the leader."""
    orders = Sent()
    return Plan(
        duration=END_S * SECOND,
        cluster=ClusterSpec(group_topics=False),
        topics=(Topic("orders", 1, 2, replicas=((1, 2),)),),
        apps=(AppSpec("shop", writer("orders", 20, END_S, orders, acks="all"), "shop", finite=True),),
        faults=(
            BrokerCrash(broker=2, at=f"{STALE_AT_S}s", lasts=f"{STALE_BACK_S - STALE_AT_S}s"),
            BrokerCrash(broker=1, at=f"{LEADER_AT_S}s", lasts=f"{LEADER_BACK_S - LEADER_AT_S}s"),
        ),
        stages=(("shop", "orders"),),
        wrap_up=lambda complete: orders.figures() if complete else {},
    )


UNCLEAN = small("unclean-election", _unclean_plan)


def _unclean(runs: Runs) -> Proof:
    clean, unclean = runs["clean"], runs["unclean"]
    lost, cut = len(unclean.verdict.lost), sum(f.from_offset - f.to_offset for f in _truncations(unclean))
    waited, sooner = clean.results["silence_s"], unclean.results["silence_s"]
    return Proof(
        0 < lost <= cut and not clean.verdict.lost and sooner < waited and clean.results["given_up"] == 0,
        lost,
        "records",
        f"With an unclean election {lost} acknowledged records are gone and the partition is back after {sooner:.0f} "
        f"s; without one {len(clean.verdict.lost)} are gone and it takes {waited:.0f} s.",
        {
            "lost": lost,
            "cut": cut,
            "waited": waited,
            "sooner": sooner,
            "clean_lost": len(clean.verdict.lost),
            "default": str(TopicConfig().unclean_leader_election_enable).lower(),
            "safe_lost": len(runs["two-in-sync"].verdict.lost),
        },
    )


def _acknowledged_are_lost(runs: Runs) -> tuple[bool, str]:
    run = runs["unclean"]
    lost = len(run.verdict.lost)
    return lost > 0, (
        f"{lost} records are lost that the producer had been told are safe, with acks=all; "
        f"{run.results['given_up']} sends failed."
    )


def _not_by_default(runs: Runs) -> tuple[bool, str]:
    elected = first_s(runs["clean"], LeaderElected, STALE_BACK_S, partition=ORDERS)
    return not TopicConfig().unclean_leader_election_enable and elected >= LEADER_BACK_S, (
        f"By default unclean.leader.election.enable is false: the stale follower was back at {STALE_BACK_S} s, and the "
        f"partition waited for its last leader until {elected:.1f} s."
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class NotedCrash(BrokerCrash):
    """Notes log end and high watermark of the broker's replica in the moment of its death."""

    notes: list[tuple[int, int, int]] = field(default_factory=list, compare=False, repr=False)

    def begin(self, flight: "Flight") -> None:
        """Look, then kill it."""
        partition = flight.cluster.brokers[self.broker].replicas.partitions[ORDERS]
        self.notes.append((self.broker, partition.log.log_end_offset, partition.high_watermark.value))
        BrokerCrash.begin(self, flight)


def _crashes_plan(_: Settings) -> Plan:
    """A leader with a tail that nobody has dies; its successor dies later, with one of its own."""
    orders, notes = Sent(), list[tuple[int, int, int]]()
    slow: dict[str, Any] = {"latency": "300ms", "lasts": "3s"}
    return Plan(
        duration=45 * SECOND,
        cluster=ClusterSpec(group_topics=False),
        topics=(Topic("orders", 1, 3, replicas=((1, 2, 3),)),),
        apps=(AppSpec("shop", writer("orders", 40, 45, orders, acks="1"), "shop", finite=True),),
        faults=(
            LatencySpike(side=("broker-1",), other=("broker-2", "broker-3"), at="3s", **slow),
            NotedCrash(broker=1, at="5s", lasts="10s", notes=notes),
            LatencySpike(side=("broker-2",), other=("broker-1", "broker-3"), at="23s", **slow),
            NotedCrash(broker=2, at="25s", lasts="10s", notes=notes),
        ),
        stages=(("shop", "orders"),),
        converge=True,
        wrap_up=lambda complete: {**orders.figures(), "deaths": notes} if complete else {},
    )


CRASHES = small("two-leaders-die", _crashes_plan)


def _divergent(run: Run) -> int:
    """Offsets at which the replicas hold different records in the end."""
    logs = [broker.storage[ORDERS] for broker in run.flight.cluster.brokers.values()]
    contents = [[value for batch in log.batches() for value in (batch.columns.values or ())] for log in logs]
    longest = max(map(len, contents))
    return sum(len({tuple(content[at : at + 1]) for content in contents}) > 1 for at in range(longest))


def _truncation(runs: Runs) -> Proof:
    run = runs["crashes"]
    deaths, cuts = run.results["deaths"], _truncations(run)
    cut = {broker: [f for f in cuts if f.broker_id == broker] for broker, _, _ in deaths}
    first = cut[1][0] if cut[1] else None
    divergent, lost = _divergent(run), len(run.verdict.lost)
    epochs = run.flight.cluster.brokers[3].storage[ORDERS].leader_epochs.entries
    return Proof(
        divergent == 0 and first is not None and bool(cut[2]) and all(f.to_offset > 0 for f in cuts),
        divergent,
        "offsets at which the replicas differ",
        f"Two leaders died with tails that no follower had; they cut {[f.from_offset - f.to_offset for f in cuts]} "
        f"records when they came back, and the replicas differ at {divergent} offsets.",
        {
            "divergent": divergent,
            "first_cut": first.from_offset - first.to_offset if first else 0,
            "kept": first.to_offset - deaths[0][2] if first else 0,
            "first_end": deaths[0][1],
            "watermark": deaths[0][2],
            "to": first.to_offset if first else 0,
            "epochs": len(epochs),
            "lost": lost,
        },
    )


def _not_to_the_watermark(runs: Runs) -> tuple[bool, str]:
    run = runs["crashes"]
    (broker, end, watermark), cuts = run.results["deaths"][0], _truncations(run)
    to = next((f.to_offset for f in cuts if f.broker_id == broker), end)
    return watermark < to < end, (
        f"Broker {broker} died with {end} records and its high watermark at {watermark}. It cut its log to {to}: "
        f"{to - watermark} records above the watermark stayed, as the new leader had them."
    )


QUESTIONS = (
    Question(
        number=24,
        topic="replication",
        level="senior",
        asks="What is an unclean leader election, and when would you allow it?",
        predict="A follower misses 20 seconds at 20 records a second, then becomes leader. How many records are lost?",
        flights={
            "clean": Experiment(UNCLEAN),
            "unclean": Experiment(UNCLEAN, {"topic.unclean.leader.election.enable": True}),
            "two-in-sync": Experiment(
                UNCLEAN, {"topic.unclean.leader.election.enable": True, "topic.min.insync.replicas": 2}
            ),
        },
        prove=_unclean,
        answer="""
            All replicas in the ISR, and the eligible leader replicas of KIP-966, are gone, and one that had fallen out
            is there: with unclean.leader.election.enable it becomes leader, without what it has missed, and the others
            later cut their logs to match its own. In the run {lost} records were lost that had been acknowledged with
            acks=all; the old leader cut {cut} when it came back. By default it is {default}: the partition stays
            offline until a replica that was in sync returns, {waited:.0f} seconds here instead of {sooner:.0f}, and
            {clean_lost} records are lost. So it is availability against durability, topic by topic: perhaps for
            metrics, never for payments.
        """,
        follow_up="How do you avoid having to choose?",
        follow_up_answer="""
            With min.insync.replicas=2: then nothing is acknowledged that only one replica has, so a single stale one
            has missed nothing that counts: {safe_lost} lost in the same crashes. And with three replicas in three racks
            it takes two deaths until nobody may lead.
        """,
        wrong=(
            WrongAnswer("Only records that were not acknowledged yet can be lost.", _acknowledged_are_lost),
            WrongAnswer("Kafka elects whoever is there, so a partition is never offline for long.", _not_by_default),
        ),
        picture=Picture(
            "unclean",
            "isr",
            title=lambda runs: (
                f"A stale follower becomes leader: {len(runs['unclean'].verdict.lost)} acknowledged records are lost"
            ),
        ),
    ),
    Question(
        number=25,
        topic="replication",
        level="senior",
        asks="A leader crashes and comes back. How does its log become the same as the new leader's?",
        predict="After two such crashes, at how many offsets do the three replicas differ?",
        flights={"crashes": Experiment(CRASHES)},
        prove=_truncation,
        answer="""
            By leader epochs. Each leader's time in office has a number, every batch carries it, and each replica
            remembers at which offset each epoch began: {epochs} epochs here. A follower that comes back fetches with
            the epoch of its last record; if the leader's log ends earlier in that epoch, it says where, and the
            follower cuts its log there and copies the rest. In the run the first leader had {first_end} records when it
            died and its high watermark was at {watermark}; it cut {first_cut} that nobody else had, to offset {to}. In
            the end the replicas differed at {divergent} offsets. What is cut was above the high watermark: with acks=1
            it may have been acknowledged, with acks=all never.
        """,
        follow_up="Why not simply cut everything above the high watermark?",
        follow_up_answer="""
            That is what Kafka did before KIP-101. A replica learns late how far the watermark is, so it would throw
            away what the others have and what may be committed by now: here {kept} records above it that the new leader
            had as well. If that leader dies before they are fetched again, they are lost, or logs differ for ever.
        """,
        wrong=(WrongAnswer("A replica that restarts cuts its log to its high watermark.", _not_to_the_watermark),),
        picture=Picture(
            "crashes",
            "isr",
            title=lambda runs: (
                f"Two leaders die and come back: the replicas differ at {_divergent(runs['crashes'])} offsets"
            ),
        ),
    ),
)
