"""Incidents of producers: sends that are slow, and results that are late though nobody is behind."""

from dataclasses import replace
from random import Random

from sim.actors.broker.quota_managers import ClientQuotas
from sim.forks.forking import NewSettings
from sim.teach.incidents.incident import Case, Incident
from sim.teach.incidents.library.parts import Cast, cast, on_hardware, reader, source, story, topic
from sim.teach.incidents.symptoms import latency
from sim.world.faults import DiskSlow, TrafficBurst
from sim.world.plan import Plan

__all__ = ["PRODUCERS"]


def slow_page(who: Cast, page_s: float) -> str:
    """What is told when sends are slow."""
    return (
        f"{page_s:.0f} s: sends of {who.source} to topic {who.topic} take far longer than usual until they are "
        f"acknowledged (produce-latency-ms). Nothing is refused."
    )


SLOW_HINTS = (
    "Is one broker slower than others (ProduceTotalTimeMs, request-latency-max), or none?",
    "Is a client told to rest (produce-throttle-time-max)? Do followers keep up (FetchFollowerRequestsPerSec)?",
)


def throttled(rng: Random) -> Case:
    """A client has used up its quota."""
    who = cast(rng)
    page_s = who.at_s + 20.0
    more = TrafficBurst(app=who.source, factor=who.within(2.6, 3.2), at=who.at)
    bound = rng.choice((9_000, 10_000))

    def dress(plan: Plan) -> Plan:
        quotas: ClientQuotas = {f"{who.source}-producer-1": {"producer_byte_rate": float(bound)}}
        return replace(plan, cluster=replace(plan.cluster, client_quotas=quotas))

    return Case(
        script=story(topic(who, 6, 3), source(who, 20, 900), more),
        end_s=110, page_s=page_s, page=slow_page(who, page_s), dress=dress,
        cause="quota-throttling", subjects=(who.source,), nearly=("traffic-burst",),
        fix={f"producer_byte_rate.{who.source}": "none"},
        symptom=latency("produce-latency-ms", topic=who.topic), why="latency", slugs=("quota-throttled",),
        hints=(*SLOW_HINTS, "The brokers are fast; they have told the client to wait."),
        lesson="The brokers answered at once, and told the client to rest: it had reached its producer_byte_rate. "
        "Its records waited in its own buffer. Without the quota they went through.",
    )  # fmt: skip


def lingering(rng: Random) -> Case:
    """A deployment has a linger.ms of seconds."""
    who = cast(rng)
    page_s, linger_ms = who.at_s + 20.0, rng.choice((1500, 2000, 2500))
    deployed = NewSettings(kind="producer", values=(("linger.ms", linger_ms),), at=who.at)
    return Case(
        script=story(topic(who, 6, 3), source(who, 25, linger_ms=5), deployed),
        end_s=90, page_s=page_s, page=slow_page(who, page_s),
        cause="linger-too-long", subjects=(who.source,),
        fix={"linger.ms": 5},
        symptom=latency("produce-latency-ms", topic=who.topic), why="latency", slugs=("linger",),
        hints=(*SLOW_HINTS, "Compare records-per-batch-max before and after."),
        lesson="No request took longer than before; the records waited in the producer until linger.ms was over, "
        "as batches with more records in them show. At a low rate a batch never fills by itself.",
    )  # fmt: skip


def slow_follower(rng: Random) -> Case:
    """A follower in sync is slow, and acks=all waits for it."""
    who = cast(rng)
    page_s, (one, other, slow) = who.at_s + 25.0, who.brokers
    disk = DiskSlow(broker=slow, factor=who.within(7, 9), at=who.at)
    replicas = ((one, other, slow), (other, one, slow)) * 3
    return Case(
        script=story(topic(who, 6, 3, replicas), source(who, 40, 2500), disk,
                     config={"replica.lag.time.max.ms": 300_000}),
        end_s=110, page_s=page_s, page=slow_page(who, page_s),
        dress=on_hardware(disk_bytes_per_s=500_000, dirty_limit_bytes=50_000),
        cause="slow-disk", subjects=(f"broker-{slow}",),
        fix={"stop": f"broker-{slow}"},
        symptom=latency("produce-latency-ms", topic=who.topic), why="latency", slugs=("disk-slow", "follower-slow"),
        hints=(*SLOW_HINTS, "All leaders wait for the same follower, and its network and processor are idle."),
        lesson="acks=all waits for every replica in sync, and one broker's disk could not keep up; as "
        "replica.lag.time.max.ms was long, it stayed in sync for long. Without it two replicas were enough.",
    )  # fmt: skip


def late_page(who: Cast, page_s: float) -> str:
    """What is told when results are late without lag."""
    return (
        f"{page_s:.0f} s: {who.group} hears of what {who.source} sends seconds later than usual "
        f"(end-to-end-latency-ms), yet records-lag is as small as ever."
    )


def late_linger(rng: Random) -> Case:
    """Records wait in the producer, before they are in any log."""
    who = cast(rng)
    page_s, linger_ms = who.at_s + 15.0, rng.choice((3000, 3500, 4000))
    deployed = NewSettings(kind="producer", values=(("linger.ms", linger_ms),), at=who.at)
    return Case(
        script=story(topic(who), source(who, 20, linger_ms=5), reader(who, 2, 2), deployed),
        end_s=85, page_s=page_s, page=late_page(who, page_s),
        cause="linger-too-long", subjects=(who.source,),
        fix={"linger.ms": 5},
        symptom=latency("end-to-end-latency-ms", group=who.group), why="latency", slugs=("linger",),
        hints=("Where does a record spend its time: before the acknowledgement or after it?",
               "Compare produce-latency-ms with end-to-end-latency-ms.", "Look at records-per-batch-max."),
        lesson="Nearly all of the time passed before the acknowledgement: records waited in the producer for "
        "linger.ms. Lag counts only what is in the log.",
    )  # fmt: skip


def late_fetch(rng: Random) -> Case:
    """Fetches wait for many bytes."""
    who = cast(rng)
    page_s, wait_ms = who.at_s + 15.0, rng.choice((3000, 3500, 4000))
    values = (("fetch.min.bytes", 1_000_000), ("fetch.max.wait.ms", wait_ms))
    deployed = NewSettings(kind="consumer", values=values, at=who.at)
    return Case(
        script=story(topic(who), source(who, 20, linger_ms=5), reader(who, 2, 2), deployed),
        end_s=85, page_s=page_s, page=late_page(who, page_s),
        cause="fetch-waits", subjects=(who.group,),
        fix={"fetch.min.bytes": 1},
        symptom=latency("end-to-end-latency-ms", group=who.group), why="latency", slugs=("fetch-waits",),
        hints=("Where does a record spend its time: before the acknowledgement or after it?",
               "Compare produce-latency-ms with end-to-end-latency-ms.", "Look at FetchConsumerTotalTimeMs."),
        lesson="Records were acknowledged at once and lay in the log: brokers held fetches back until "
        "fetch.min.bytes or fetch.max.wait.ms was reached. Each fetch emptied the log, so that lag stayed small.",
    )  # fmt: skip


def busy_page(who: Cast, page_s: float) -> str:
    """What is told when brokers have no time."""
    return (
        f"{page_s:.0f} s: RequestHandlerAvgIdlePercent of every broker has fallen, and sends of {who.source} "
        f"are slow. No broker can be bought today."
    )


BUSY_HINTS = (
    "Do more records come (MessagesInPerSec), or more requests (RequestsPerSec)?",
    "How many records are in a batch (records-per-batch-max)?",
)
SMALL = on_hardware(request_cost=14_000_000)


def small_batches(rng: Random) -> Case:
    """A deployment sends every record by itself."""
    who = cast(rng)
    page_s = who.at_s + 15.0
    deployed = NewSettings(kind="producer", values=(("linger.ms", 0), ("batch.size", 0)), at=who.at)
    return Case(
        script=story(topic(who, 6, 3), source(who, who.within(110, 130), linger_ms=300), deployed,
                     config={"num.io.threads": 1}),
        end_s=85, page_s=page_s, page=busy_page(who, page_s), dress=SMALL,
        cause="batches-too-small", subjects=(who.source,),
        fix={"linger.ms": 300, "batch.size": 16_384},
        symptom=latency("produce-latency-ms", topic=who.topic), why="latency", slugs=("overload",),
        hints=(*BUSY_HINTS, "As many records as before came in many times as many requests."),
        lesson="As many records came in many more requests, and a request costs a request handler the same with one "
        "record in it or with many. With batches again, the brokers were idle.",
    )  # fmt: skip


def busy_burst(rng: Random) -> Case:
    """More records come, each nearly by itself."""
    who = cast(rng)
    page_s = who.at_s + 15.0
    more = TrafficBurst(app=who.source, factor=who.within(6, 7), at=who.at)
    return Case(
        script=story(topic(who, 6, 3), source(who, 20, linger_ms=0, batch_size=0), more, config={"num.io.threads": 1}),
        end_s=85, page_s=page_s, page=busy_page(who, page_s), dress=SMALL,
        cause="traffic-burst", subjects=(who.source, who.topic), nearly=("batches-too-small",),
        fix={"linger.ms": 300, "batch.size": 16_384},
        symptom=latency("produce-latency-ms", topic=who.topic), why="latency", slugs=("traffic-burst",),
        hints=(*BUSY_HINTS, "Several times as many records came; each was a request, as it had always been."),
        lesson="More records came, and each was a request of its own, as it had been before. The same brokers could "
        "take them once a request carried many.",
    )  # fmt: skip


PRODUCERS = (
    Incident("sends-slow", "Sends take long", (throttled, lingering, slow_follower)),
    Incident("late-without-lag", "Late, and no lag", (late_linger, late_fetch)),
    Incident("brokers-busy", "Every broker is busy", (small_batches, busy_burst)),
)
