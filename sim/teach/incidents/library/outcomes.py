"""Incidents that show in the outcome: records that are missing, come twice, or do not come to one group."""

from random import Random

from sim.teach.incidents.incident import Case, Incident
from sim.teach.incidents.library.parts import Cast, cast, reader, source, story, topic
from sim.teach.incidents.symptoms import delivered_again, doubled, lag, lost, unread
from sim.world.arrivals import Constant
from sim.world.faults import AppCrash, BrokerCrash, LatencySpike, NetworkPartition, SlowHandler, TrafficBurst
from sim.world.script.script import ProducerPart, Transaction

__all__ = ["OUTCOMES"]


def missing_page(who: Cast, page_s: float) -> str:
    """What is told when records are missing."""
    return (
        f"{page_s:.0f} s: a reconciliation finds that {who.group} has not got all that {who.source} was told was "
        f"safe in topic {who.topic}, and it misses more every time it is run."
    )


def acks_1(rng: Random) -> Case:
    """Leaders die with what only they have; brokers have been dying in turn."""
    who = cast(rng)
    page_s, every = who.at_s + 20.0, 22
    faults: list[NetworkPartition | BrokerCrash] = []
    for turn in range(4):
        broker, begin = who.brokers[turn % 3], who.at_s + turn * every
        others = tuple(f"broker-{n}" for n in who.brokers if n != broker)
        faults.append(NetworkPartition(side=(f"broker-{broker}",), other=others, at=f"{begin}s", lasts="2s"))
        faults.append(BrokerCrash(broker=broker, at=f"{begin + 1}s", lasts="12s"))
    sends = source(who, 45, acks="1", enable_idempotence=False)
    return Case(
        script=story(topic(who, 6, 3), sends, reader(who, 2, 2), *faults,
                     config={"offsets.topic.replication.factor": 3}),
        end_s=who.at_s + 4.0 * every, page_s=page_s, page=missing_page(who, page_s),
        cause="acks-1", subjects=(who.source,),
        fix={"acks": "all", "enable.idempotence": "true"},
        symptom=lost(who.topic), why="loss", slugs=("acks-1",),
        hints=("Are there elections (LeaderElectionsPerSec)? When?", "Does retention delete anything (LogStartOffset)?",
               "Does an acknowledgement wait for followers (ProduceTotalTimeMs against other topics)? What is acks?"),
        lesson="Each time a leader died, records went with it that it had acknowledged and no follower had yet: "
        "acks=1 waits for nobody. With acks=all a record is safe in every replica in sync.",
    )  # fmt: skip


def retention(rng: Random) -> Case:
    """Retention deletes what a slow group has not read."""
    who = cast(rng)
    page_s = who.at_s + 30.0
    wanted = topic(who, 4, 1, retention_ms=8000, segment_ms=2000)
    slow = [SlowHandler(app=f"{who.group}-{n}", factor=who.within(5, 6), at=who.at) for n in (1, 2)]
    return Case(
        script=story(wanted, source(who, 30), reader(who, 2, 20), *slow,
                     config={"log.retention.check.interval.ms": 1000, "log.segment.delete.delay.ms": 1000}),
        end_s=110, page_s=page_s, page=missing_page(who, page_s),
        cause="retention-overtakes", subjects=(who.topic,), nearly=("slow-consumer",),
        fix={"retention.ms": 600_000},
        symptom=unread(who.group, who.topic), why="loss", slugs=("retention-overtook",),
        hints=("Are there elections (LeaderElectionsPerSec)? When?", "Does retention delete anything (LogStartOffset)?",
               "Compare records-lag-seconds with how long records are kept."),
        lesson="No leader died. The group had become slower than what came, and what it had not read was deleted all "
        "the same: retention asks for age and size, not for readers. Longer retention gives time to catch up.",
    )  # fmt: skip


def twice_page(who: Cast, page_s: float) -> str:
    """What is told when records are handled twice."""
    return f"{page_s:.0f} s: customers complain: {who.group} has handled many records of {who.topic} twice."


TWICE_HINTS = (
    "Were they sent twice (record-retry-rate), or read twice (rebalance-rate)?",
    "Does MessagesInPerSec agree with what customers have sent?",
)


def read_twice(rng: Random) -> Case:
    """Members are put out before they commit."""
    who = cast(rng)
    page_s = who.at_s + 35.0
    more = TrafficBurst(app=who.source, factor=12, at=who.at, lasts="12s")
    readers = reader(who, 4, 100, max_poll_records=500, max_poll_interval_ms=10_000)
    return Case(
        script=story(topic(who, 8), source(who, who.within(9, 11)), readers, more),
        end_s=130, page_s=page_s, page=twice_page(who, page_s),
        cause="poll-too-late", subjects=(who.group,),
        fix={"max.poll.records": 40},
        symptom=delivered_again(who.group), why="rebalance", slugs=("poll-interval-exceeded",),
        hints=(*TWICE_HINTS, "Compare time-between-poll-max with max.poll.interval.ms, which is 10 s here."),
        lesson="Members were put out in the middle of a batch, as it took longer than max.poll.interval.ms; others "
        "read it again from the last commit. Smaller batches are committed in time.",
    )  # fmt: skip


def sent_twice(rng: Random) -> Case:
    """Answers come later than the producer waits, and it sends again."""
    who = cast(rng)
    page_s = who.at_s + 20.0
    spike = LatencySpike(
        side=(f"broker-{who.broker}",), other=(who.source,), latency="250ms", jitter="350ms", at=who.at
    )
    sends = source(who, 30, enable_idempotence=False, request_timeout_ms=1000, delivery_timeout_ms=30_000)
    return Case(
        script=story(topic(who, 6, 3), sends, reader(who, 2, 2), spike),
        end_s=90, page_s=page_s, page=twice_page(who, page_s),
        cause="retries-without-idempotence", subjects=(who.source,), nearly=("slow-network",),
        fix={"enable.idempotence": "true"},
        symptom=doubled(who.topic), why="latency", slugs=("network-slow",),
        hints=(*TWICE_HINTS, "Batches are sent again though the first try was written. What would tell them apart?"),
        lesson="Answers of one broker came later than request.timeout.ms, and the producer sent again what had been "
        "written already. With enable.idempotence the broker knows a batch by its sequence number.",
    )  # fmt: skip


def stuck_page(who: Cast, page_s: float) -> str:
    """What is told when a reader is stuck."""
    return (
        f"{page_s:.0f} s: group {who.group} gets nothing new from some partitions of {who.topic}. Group {who.other} "
        f"reads the same topic; {who.group} reads only what is committed (read_committed)."
    )


STUCK_HINTS = ("Is the other group behind as well (records-lag)?", "Do the members live (assigned-partitions, "
               "commit-rate)?")  # fmt: skip


def hanging_transaction(rng: Random) -> Case:
    """A producer died with a transaction open: each is two seconds of records, and it dies after the first one."""
    who = cast(rng)
    page_s, till = who.at_s + 20.0, f"{who.source}-till"
    transactions = ProducerPart(
        name=till, topics=(who.topic,), arrivals=Constant(6.0), transaction=Transaction(records=12),
        config={"transaction.timeout.ms": 600_000},
    )  # fmt: skip
    crash = AppCrash(app=till, at=f"{who.at_s | 1}s")
    readers = reader(who, 2, 5, isolation_level="read_committed")
    more = {"transaction.state.log.replication.factor": 1, "transaction.state.log.min.isr": 1}
    other = reader(who, 2, 5, who.other)
    script = story(topic(who), source(who, 20), transactions, readers, other, crash, config=more)
    return Case(
        script=script, end_s=90, page_s=page_s, page=stuck_page(who, page_s),
        cause="hanging-transaction", subjects=(till,),
        fix={"restart": till},
        symptom=lag(who.group), why="lag", slugs=("open-transaction",),
        hints=(*STUCK_HINTS, "Look at LastStableOffsetLag."),
        lesson="A transaction was left open by a producer that died, and the last stable offset stood still: "
        "read_committed ends there. Its restart called initTransactions, which aborted it; the time-out was long.",
    )  # fmt: skip


def stuck_member(rng: Random) -> Case:
    """A member is dead, which has nothing to do with transactions."""
    who = cast(rng)
    page_s, member = who.at_s + 20.0, f"{who.group}-{rng.randint(1, 2)}"
    readers = reader(who, 2, 5, isolation_level="read_committed", session_timeout_ms=180_000)
    crash = AppCrash(app=member, at=who.at)
    return Case(
        script=story(topic(who), source(who, 20), readers, reader(who, 2, 5, who.other), crash),
        end_s=90, page_s=page_s, page=stuck_page(who, page_s),
        cause="consumer-down", subjects=(member,),
        fix={"restart": member},
        symptom=lag(who.group), why="lag", slugs=("member-crashed",),
        hints=(*STUCK_HINTS, "One member commits nothing any more."),
        lesson="No transaction was open (LastStableOffsetLag was 0): a member was dead, and its session lasts long. "
        "Restarted, with the old member removed, it was given partitions at once.",
    )  # fmt: skip


OUTCOMES = (
    Incident("records-missing", "Records are missing", (acks_1, retention)),
    Incident("handled-twice", "Records are handled twice", (read_twice, sent_twice)),
    Incident("reader-stuck", "A reader gets nothing new", (hanging_transaction, stuck_member)),
)
