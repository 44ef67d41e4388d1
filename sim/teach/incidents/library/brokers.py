"""Incidents of brokers: one that is slow, dead or cut off, and what replication makes of it."""

from random import Random

from sim.teach.incidents.incident import Case, Incident
from sim.teach.incidents.library.parts import Cast, cast, on_hardware, source, story, topic
from sim.teach.incidents.symptoms import latency, metric, not_sent
from sim.world.faults import (
    BrokerCrash,
    BrokerHang,
    BrokerShutdown,
    ConfigChange,
    CpuContention,
    DiskSlow,
    Fault,
    LatencySpike,
    NetworkPartition,
)

__all__ = ["BROKERS"]

PARTLY_HINTS = (
    "Is it all brokers or one (ProduceTotalTimeMs)?",
    "Is the time spent in the broker (ProduceTotalTimeMs) or on the way (request-latency-max)?",
)


def partly_slow(who: Cast, fault: Fault, cause: str, slug: str, hint: str, lesson: str, **figures: float) -> Case:
    """One broker answers slowly; it is stopped, and its partitions are led by others."""
    page_s, broker = who.at_s + 20.0, f"broker-{who.broker}"
    return Case(
        script=story(topic(who, 6, 3), source(who, 40, 2500), fault, config={"num.io.threads": 2}),
        end_s=100, page_s=page_s,
        page=f"{page_s:.0f} s: a part of what {who.source} sends to topic {who.topic} takes long to be acknowledged "
        f"(produce-latency-ms, 95th percentile). Nothing is refused.",
        dress=on_hardware(disk_bytes_per_s=500_000, dirty_limit_bytes=50_000, **figures),
        cause=cause, subjects=(broker,),
        fix={"stop": broker},
        symptom=latency("produce-latency-ms", topic=who.topic), why="latency", slugs=(slug,),
        hints=(*PARTLY_HINTS, hint), lesson=lesson,
    )  # fmt: skip


def slow_disk(rng: Random) -> Case:
    """A disk cannot write as much as comes."""
    who = cast(rng)
    fault = DiskSlow(broker=who.broker, factor=who.within(7, 9), at=who.at)
    return partly_slow(
        who, fault, "slow-disk", "disk-slow", "Its request handlers are idle (RequestHandlerAvgIdlePercent).",
        "The time was spent in one broker, whose processor was idle: its disk wrote less than what came. Once it had "
        "been stopped, the others led its partitions, with two replicas in sync.",
    )  # fmt: skip


def slow_network(rng: Random) -> Case:
    """The way between clients and one broker is long."""
    who = cast(rng)
    latency_ms = rng.choice((400, 500, 600))
    fault = LatencySpike(side=(f"broker-{who.broker}",), other=("clients",), latency=f"{latency_ms}ms", at=who.at)
    return partly_slow(
        who, fault, "slow-network", "network-slow", "Brokers say they were quick, clients say they were not.",
        "Clients waited long for one broker, which itself answered at once (ProduceTotalTimeMs): the time passed on "
        "the way. Its partitions were better led by brokers that clients reach.",
    )  # fmt: skip


def busy_processor(rng: Random) -> Case:
    """Somebody else uses the processor."""
    who = cast(rng)
    fault = CpuContention(broker=who.broker, factor=who.within(150, 190), at=who.at)
    return partly_slow(
        who, fault, "busy-processor", "cpu-slow", "Look at RequestHandlerAvgIdlePercent.",
        "The time was spent in one broker, whose request handlers had none left though no more came than before: "
        "others used its processor. Stopped, it gave its partitions to brokers with time.",
        request_cost=800_000,
    )  # fmt: skip


REFUSED_HINTS = (
    "How many replicas are in sync (InSyncReplicasCount)?",
    "How many brokers has the controller given up (FencedBrokerCount)?",
)


def refused(who: Cast, fault: Fault, rest: dict[str, object], *more: str) -> Case:
    """Of three brokers one is away on purpose; then something else happens."""
    page_s, (cause, subject, hint, lesson) = who.at_s + 25.0, more
    away = BrokerShutdown(broker=who.brokers[2], at="8s")
    return Case(
        script=story(topic(who, 6, 3), source(who, 30, delivery_timeout_ms=20_000, request_timeout_ms=5000),
                     away, fault, config={"offsets.topic.replication.factor": 3}),
        end_s=100, page_s=page_s,
        page=f"{page_s:.0f} s: {who.source} cannot write to topic {who.topic} (NOT_ENOUGH_REPLICAS). Planned work: "
        f"broker-{who.brokers[2]} is away since 8 s and cannot come back today.",
        cause=cause, subjects=(subject,), fix=rest,
        symptom=not_sent(who.topic, 30), why="unavailable",
        slugs=("not-enough-replicas",),
        hints=(*REFUSED_HINTS, hint), lesson=lesson,
    )  # fmt: skip


def strict_topic(rng: Random) -> Case:
    """Somebody wants three replicas in sync of three."""
    who = cast(rng)
    fault = ConfigChange(topic=who.topic, key="min.insync.replicas", value="3", at=who.at)
    return refused(
        who, fault, {"min.insync.replicas": 2}, "min-insync-replicas", who.topic,
        "Nothing has happened to any broker since; two of three replicas are in sync.",
        "Two replicas were in sync all the time, and that had been enough before: min.insync.replicas had been "
        "raised to the replication factor, which leaves no broker to spare.",
    )  # fmt: skip


def second_gone(rng: Random) -> Case:
    """A second broker dies."""
    who = cast(rng)
    return refused(
        who, BrokerCrash(broker=who.broker, at=who.at), {"restart": f"broker-{who.broker}"},
        "broker-down", f"broker-{who.broker}", "Which broker leads nothing any more (LeaderCount)?",
        "With one broker away for work, a second one died: one replica was left in sync, and two are wanted. "
        "Started again it caught up and came back into the ISR.",
    )  # fmt: skip


def second_cut_off(rng: Random) -> Case:
    """A second broker is cut off from the rest of the cluster, but not from clients."""
    who = cast(rng)
    rest = ("controllers", *(f"broker-{n}" for n in who.brokers[1:]))
    cut = NetworkPartition(side=(f"broker-{who.broker}",), other=rest, at=who.at)
    return refused(
        who, cut, {"min.insync.replicas": 1}, "network-partition", f"broker-{who.broker}",
        "A broker was given up, yet it still answers clients (RequestsPerSec, request-latency-max).",
        "A second broker lived but reached neither the controller nor its leader: one replica was left in sync. "
        "min.insync.replicas=1 let the producers go on, at the risk of that one replica, until the network is mended.",
    )  # fmt: skip


def part_page(who: Cast, page_s: float) -> str:
    """What is told when a part cannot be written."""
    return (
        f"{page_s:.0f} s: a part of what {who.source} sends to topic {who.topic} is not acknowledged at all; the rest "
        f"is, as usual."
    )


PART_HINTS = ("Have all partitions a leader (OfflinePartitionsCount)?", "Does one broker lead none (LeaderCount)?")


def no_replica(rng: Random) -> Case:
    """A broker is dead or hangs, and its partitions have no other replica."""
    who = cast(rng)
    page_s, kind = who.at_s + 20.0, rng.choice((BrokerCrash, BrokerHang))
    return Case(
        script=story(topic(who, 6, 1, ((1,), (2,), (3,)) * 2),
                     source(who, 30, delivery_timeout_ms=20_000, request_timeout_ms=5000),
                     kind(broker=who.broker, at=who.at)),
        end_s=90, page_s=page_s, page=part_page(who, page_s),
        cause="broker-down", subjects=(f"broker-{who.broker}",),
        fix={"restart": f"broker-{who.broker}"},
        symptom=not_sent(who.topic, 30), why="unavailable",
        slugs=("no-in-sync-replica",),
        hints=(*PART_HINTS, "A broker is gone, and each of its partitions has one replica (InSyncReplicasCount)."),
        lesson="The topic has a replication factor of 1: without their broker these partitions had no leader, and "
        "only that broker could give them one.",
    )  # fmt: skip


def not_reached(rng: Random) -> Case:
    """Clients do not reach a broker that the cluster reaches."""
    who = cast(rng)
    page_s = who.at_s + 20.0
    cut = NetworkPartition(side=(f"broker-{who.broker}",), other=("clients",), at=who.at)
    return Case(
        script=story(topic(who, 6, 3), source(who, 30, delivery_timeout_ms=20_000, request_timeout_ms=5000), cut),
        end_s=90, page_s=page_s, page=part_page(who, page_s),
        cause="network-partition", subjects=(f"broker-{who.broker}",),
        fix={"stop": f"broker-{who.broker}"},
        symptom=not_sent(who.topic, 30), why="unavailable", slugs=("clients-cut-off",),
        hints=(*PART_HINTS, "The cluster finds nothing wrong; who gets no produce requests any more (BytesInPerSec)?"),
        lesson="The controller and the other brokers reached that broker, so that it stayed leader; the clients did "
        "not. Once it had been stopped, others led its partitions.",
    )  # fmt: skip


URP_HINTS = (
    "Which replicas are missing, and do they come back (InSyncReplicasCount, IsrExpandsPerSec)?",
    "Is a broker given up (FencedBrokerCount)? Does each follower ask for more (FetchFollowerRequestsPerSec)?",
)


MISSING = {"broker-down": "broker-crashed", "slow-disk": "disk-slow", "network-partition": "follower-cut-off"}


def under_replicated(who: Cast, fault: Fault, fix: dict[str, object], *more: str) -> Case:
    """A follower is missing; a fourth broker stands by without replicas."""
    page_s, (cause, hint, lesson) = who.at_s + 25.0, more
    one, other, follower = who.brokers[1], who.brokers[2], who.broker
    replicas = ((one, other, follower), (other, one, follower)) * 3
    return Case(
        script=story(topic(who, 6, 3, replicas), source(who, 30, 2500, acks="1", enable_idempotence=False), fault,
                     brokers=4, config={"replica.lag.time.max.ms": 10_000}),
        end_s=100, page_s=page_s,
        page=f"{page_s:.0f} s: UnderReplicatedPartitions is above 0 for topic {who.topic}. Clients notice nothing yet. "
        f"broker-4 stands by and holds no replica of it.",
        dress=on_hardware(disk_bytes_per_s=600_000, dirty_limit_bytes=50_000),
        cause=cause, subjects=(f"broker-{follower}",), fix=fix,
        symptom=metric("UnderReplicatedPartitions", "partitions"), why="under-replicated",
        slugs=(MISSING[cause],),
        hints=(*URP_HINTS, hint), lesson=lesson,
    )  # fmt: skip


def follower_dead(rng: Random) -> Case:
    """The process is gone."""
    who = cast(rng)
    return under_replicated(
        who, BrokerCrash(broker=who.broker, at=who.at), {"restart": f"broker-{who.broker}"},
        "broker-down", "The controller has given it up.",
        "The follower's process was dead: the controller fenced it. Started again it caught up from its own disk, "
        "which moves less data than a new replica elsewhere.",
    )  # fmt: skip


def follower_disk(rng: Random) -> Case:
    """The disk cannot keep up."""
    who = cast(rng)
    fault = DiskSlow(broker=who.broker, factor=who.within(24, 30), at=who.at)
    return under_replicated(
        who, fault, {"move": f"broker-{who.broker}:broker-4"}, "slow-disk",
        "It lives and still fetches, but seldom.",
        "The follower lived and went on fetching, but wrote less than came, and so fell out of sync for good. "
        "A restart would not have made its disk faster; a broker with another disk took its replicas.",
    )  # fmt: skip


def follower_cut_off(rng: Random) -> Case:
    """It reaches the controller, but not the leaders."""
    who = cast(rng)
    others = tuple(f"broker-{n}" for n in (1, 2, 3) if n != who.broker)
    cut = NetworkPartition(side=(f"broker-{who.broker}",), other=others, at=who.at)
    return under_replicated(
        who, cut, {"move": f"broker-{who.broker}:broker-4"}, "network-partition",
        "It lives for the controller, and fetches nothing at all.",
        "The controller heard of the follower, so it was not fenced; the leaders did not, so it fell out of sync. "
        "A broker that reaches them took its replicas.",
    )  # fmt: skip


BROKERS = (
    Incident("partly-slow", "A part of the sends is slow", (slow_disk, slow_network, busy_processor)),
    Incident("writes-refused", "Writes are refused", (strict_topic, second_gone, second_cut_off)),
    Incident("part-unwritable", "A part cannot be written", (no_replica, not_reached)),
    Incident("replicas-missing", "Replicas are missing", (follower_dead, follower_disk, follower_cut_off)),
)
