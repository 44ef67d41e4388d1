"""Incidents of consumer groups: lag, and who is behind it."""

from collections.abc import Generator
from dataclasses import replace
from random import Random
from typing import Any

from simpy import Event

from sim.actors.client.app import App, Behaviour
from sim.rules.producer.partitioner import partition_for_key
from sim.rules.topics import TopicPartition
from sim.teach.incidents.incident import Case, Incident
from sim.teach.incidents.library.parts import Cast, cast, reader, source, story, topic
from sim.teach.incidents.symptoms import lag
from sim.world.faults import AppCrash, KeySkew, PoisonRecord, SlowHandler, TrafficBurst
from sim.world.plan import Plan
from sim.world.script.consuming import is_poison

__all__ = ["GROUPS"]

WAYS = ("records-lag by partition: all alike, or a few?",)


def late_page(who: Cast, page_s: float) -> str:
    """What is told when a group falls behind."""
    return (
        f"{page_s:.0f} s: records-lag-max of group {who.group} on topic {who.topic} is over its threshold and grows. "
        f"Its owners say that nothing was deployed."
    )


def slow_handlers(rng: Random) -> Case:
    """Every record takes longer: something downstream is slow."""
    who = cast(rng)
    factor, page_s = who.within(7, 9), who.at_s + 20.0
    slow = [SlowHandler(app=f"{who.group}-{n}", factor=factor, at=who.at) for n in (1, 2, 3)]
    return Case(
        script=story(topic(who, 12), source(who, 10), reader(who, 3, 80), *slow),
        end_s=100, page_s=page_s, page=late_page(who, page_s),
        cause="slow-consumer", subjects=(who.group,),
        fix={f"members.{who.group}": 12},
        symptom=lag(who.group), why="lag", slugs=("slow-handler",),
        hints=(*WAYS, "Does more come in than before (MessagesInPerSec)?", "Look at time-between-poll-max."),
        lesson="As much came in as before, on all partitions alike, and polls came further apart: each record took "
        "longer. There were more partitions than members, so that more members could share the work.",
    )  # fmt: skip


def burst(rng: Random) -> Case:
    """More comes than the group can do."""
    who = cast(rng)
    page_s = who.at_s + 20.0
    more = TrafficBurst(app=who.source, factor=who.within(5.5, 6.5), at=who.at)
    return Case(
        script=story(topic(who, 12), source(who, 10), reader(who, 3, 80), more),
        end_s=100, page_s=page_s, page=late_page(who, page_s),
        cause="traffic-burst", subjects=(who.source, who.topic),
        fix={f"members.{who.group}": 12},
        symptom=lag(who.group), why="lag", slugs=("traffic-burst",),
        hints=(*WAYS, "Does more come in than before (MessagesInPerSec)?", "How many partitions has each member?"),
        lesson="Several times as many records came in, and the members worked as fast as ever. More members up to the "
        "number of partitions share them.",
    )  # fmt: skip


def idle_members(rng: Random) -> Case:
    """Most members have no partition."""
    who = cast(rng)
    partitions, page_s = 2, who.at_s + 20.0
    return Case(
        script=story(topic(who, partitions), source(who, who.within(31, 33)), reader(who, 6, 80)),
        end_s=100, page_s=page_s, page=late_page(who, page_s),
        cause="too-few-partitions", subjects=(who.topic,),
        fix={f"partitions.{who.topic}": 6},
        symptom=lag(who.group), why="lag", slugs=("idle-consumers",),
        hints=(*WAYS, "Does every member work (records-consumed-rate)?", "Look at assigned-partitions."),
        lesson="A partition has one reader in a group: of six members two had work. More members would not have "
        "helped, more partitions did. The price: records of a key may be in another partition from then on.",
    )  # fmt: skip


def one_page(who: Cast, page_s: float) -> str:
    """What is told when a part of the results is late."""
    return (
        f"{page_s:.0f} s: some of what {who.group} makes of {who.topic} comes late, by more every minute; "
        f"most of it comes in time. Its members do the work for each record one after the other."
    )


def hot_key(rng: Random) -> Case:
    """One key makes most of the records."""
    who = cast(rng)
    key, page_s = f"customer-{rng.randrange(1000)}", who.at_s + 20.0
    partition = f"{who.topic}-{partition_for_key(key.encode(), 6)}"
    skew = KeySkew(app=who.source, share=0.8, key=key, at=who.at)
    return Case(
        script=story(topic(who), source(who, 21, batch_size=1000), reader(who, 6, 80), skew),
        end_s=110, page_s=page_s, page=one_page(who, page_s),
        cause="hot-key", subjects=(partition,),
        fix={"partitioner.ignore.keys": "true"},
        symptom=lag(who.group), why="lag", slugs=("hot-partition",),
        hints=("Which partition is behind (records-lag)?", "Does the member that owns it work more or less than others "
               "(records-consumed-rate)?", "It works more than all others, and does not come to an end."),
        lesson="The member behind worked more than all others: most records had one key, and so one partition. "
        "Without regard to keys they spread; the price is the order of that key's records.",
    )  # fmt: skip


def poison(rng: Random) -> Case:
    """A record that one member tries again and again."""
    who = cast(rng)
    number, page_s = rng.randrange(6), who.at_s + 25.0
    bad = PoisonRecord(topic=who.topic, partition=number, at=who.at)
    name = f"{who.topic}-{number}"
    return Case(
        script=story(topic(who), source(who, 21), reader(who, 6, 80), bad),
        end_s=100, page_s=page_s, page=one_page(who, page_s), dress=retrying(who),
        cause="poison-record", subjects=(name,),
        fix={"skip": f"{who.group}:{name}"},
        symptom=lag(who.group), why="lag", slugs=("poison-record",),
        hints=("Which partition is behind (records-lag)?", "What does the member that owns it do "
               "(records-consumed-rate, commit-rate)?", "It commits nothing since: it has come to one record."),
        lesson="One member committed nothing any more, though it lived: it tried one record again and again, and all "
        "behind it waited. Past that record all went on; a dead letter queue would have done it at once.",
    )  # fmt: skip


def slow_member(rng: Random) -> Case:
    """One member's host is slow."""
    who = cast(rng)
    member, page_s = f"{who.group}-{rng.randint(1, 6)}", who.at_s + 25.0
    slow = SlowHandler(app=member, factor=who.within(18, 24), at=who.at)
    return Case(
        script=story(topic(who), source(who, 21), reader(who, 6, 80, max_poll_records=5), slow),
        end_s=100, page_s=page_s, page=one_page(who, page_s),
        cause="slow-consumer", subjects=(member,),
        fix={"stop": member},
        symptom=lag(who.group), why="lag", slugs=("slow-handler",),
        hints=("Which partition is behind (records-lag)?", "What does the member that owns it do "
               "(records-consumed-rate, time-between-poll-max)?", "It goes on, but slowly; the others could do more."),
        lesson="As much came to its partition as to any other, and one member went on with it more slowly than the "
        "others. Once it had left, they had its partition and time enough.",
    )  # fmt: skip


def retrying(who: Cast) -> Any:
    """Puts members into the plan that never give up on a record."""

    def dress(plan: Plan) -> Plan:
        apps = tuple(
            replace(spec, behaviour=stubborn(who, spec.behaviour)) if spec.stage == who.group else spec
            for spec in plan.apps
        )
        return replace(plan, apps=apps)

    return dress


def stubborn(who: Cast, _: Behaviour) -> Behaviour:
    """Works on records and commits before it begins with one that it cannot handle, which it tries once a second."""

    def run(app: App) -> Generator[Event, Any, None]:
        consumer = app.consumer(
            who.group, (who.topic,), auto_offset_reset="earliest", enable_auto_commit=False,
            max_poll_records=50, session_timeout_ms=10_000,
        )  # fmt: skip
        while True:
            records = yield from consumer.poll()
            for record in records:
                if is_poison(record.value):
                    yield from consumer.commit({TopicPartition(record.topic, record.partition): record.offset})
                while is_poison(record.value):
                    yield app.busy(ms=1000)
                yield app.busy(ms=80)
            if records:
                yield from consumer.commit()

    return run


def stopped_page(who: Cast, page_s: float) -> str:
    """What is told when commits stop."""
    return (
        f"{page_s:.0f} s: group {who.group} has a growing lag on topic {who.topic}, and its commits have become rare. "
        f"Nothing was deployed and nothing restarted."
    )


def poll_too_late(rng: Random) -> Case:
    """After a burst batches are full, and take longer than may pass between polls."""
    who = cast(rng)
    page_s = who.at_s + 30.0
    more = TrafficBurst(app=who.source, factor=12, at=who.at, lasts="12s")
    readers = reader(who, 4, 100, max_poll_records=500, max_poll_interval_ms=10_000)
    return Case(
        script=story(topic(who, 8), source(who, who.within(9, 11)), readers, more),
        end_s=125, page_s=page_s, page=stopped_page(who, page_s),
        cause="poll-too-late", subjects=(who.group,),
        fix={"max.poll.records": 40},
        symptom=lag(who.group), why="rebalance", slugs=("poll-interval-exceeded",),
        hints=("Is every member there (group-members)?", "How often does the group rebalance (rebalance-rate)?",
               "Compare time-between-poll-max with max.poll.interval.ms, which is 10 s here."),
        lesson="A short burst had filled the batches, a full one took longer than max.poll.interval.ms, and whoever "
        "was late was put out and its work was in vain. With smaller batches everybody polls in time.",
    )  # fmt: skip


def member_gone(rng: Random) -> Case:
    """A member is dead, and its session is long."""
    who = cast(rng)
    member, page_s = f"{who.group}-{rng.randint(1, 4)}", who.at_s + 25.0
    crash = AppCrash(app=member, at=who.at)
    readers = reader(who, 4, 80, session_timeout_ms=180_000)
    return Case(
        script=story(topic(who, 8), source(who, 15), readers, crash),
        end_s=100, page_s=page_s, page=stopped_page(who, page_s),
        cause="consumer-down", subjects=(member,),
        fix={"restart": member},
        symptom=lag(who.group), why="lag", slugs=("member-crashed",),
        hints=("Are all partitions behind (records-lag), or those of one member?", "Who commits (commit-rate)?",
               "One member is given nothing and commits nothing, yet the coordinator still counts it."),
        lesson="A dead member keeps its partitions until its session runs out, and session.timeout.ms was long. "
        "Restarted, with the old member removed, it was given partitions at once.",
    )  # fmt: skip


GROUPS = (
    Incident("lag-grows", "Lag that grows", (slow_handlers, burst, idle_members)),
    Incident("some-come-late", "Some results come late", (hot_key, poison, slow_member)),
    Incident("commits-stop", "Commits become rare", (poll_too_late, member_gone)),
)
