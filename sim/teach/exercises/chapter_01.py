"""Exercises of chapter 1, the log."""

from collections.abc import Generator
from functools import cache
from random import Random
from typing import Any

from sim.actors.client.app import App
from sim.rules.groups.offset_resets import reset_target
from sim.rules.replication.high_watermark import next_high_watermark
from sim.rules.topics import TopicPartition
from sim.scenario import Scenario
from sim.teach.exercises.exercise import Exercise, Variant
from sim.world.cluster import ClusterSpec
from sim.world.plan import AppSpec, Plan
from sim.world.topics import Topic

__all__ = ["EXERCISES"]

RECORDS = 200


@cache
def _begins_at(per_poll: int, polls: int, committed: int) -> int:
    """The offset at which the next member begins, flown: one polls, commits once on its way, and is gone."""
    partition, began = TopicPartition("orders", 0), list[int]()

    def writing(app: App) -> Generator[Any, Any, None]:
        producer = app.producer()
        for number in range(RECORDS):
            yield from producer.send("orders", b"%d" % number)
        yield from producer.close()

    def reading(app: App) -> Generator[Any, Any, None]:
        yield app.busy(ms=5000)
        for patience in (polls, 1):
            consumer = app.consumer(
                "billing", max_poll_records=per_poll, enable_auto_commit=False, auto_offset_reset="earliest"
            )
            consumer.assign([partition])
            for number in range(1, patience + 1):
                records = yield from consumer.poll(5000)
                if patience > 1 and number == committed:
                    yield from consumer.commit()
            began.append(records[0].offset)
            yield from consumer.close()

    apps = tuple(AppSpec(run.__name__, run, finite=True) for run in (writing, reading))
    plan = Plan(duration=None, cluster=ClusterSpec(brokers=1, racks=1), topics=(Topic("orders"),), apps=apps)
    Scenario("exercise", "One polls, commits and is gone.", "", make=lambda _: plan).run()
    return began[-1]


def _draw_commit(chance: Random) -> Variant:
    committed = chance.randrange(2, 5)
    return {"per_poll": chance.randrange(6, 20), "polls": committed + chance.randrange(1, 4), "committed": committed}


def _next_offset(variant: Variant) -> int:
    return _begins_at(variant["per_poll"], variant["polls"], variant["committed"])


def _hint_commit(variant: Variant, answer: Any) -> str:
    right = _next_offset(variant)
    if answer == right:
        return ""
    if answer == right - 1:
        return "That record had been booked before the commit. A committed offset names what is to be read *next*."
    if answer >= right + variant["per_poll"] - 1:
        return "So far it had read, but only its own memory knew, and that is gone. What had it told the group?"
    if answer <= 1:
        return "From the beginning? Only a group that has committed nothing begins there, and this one has."
    return "Count the records of the polls up to the commit. Their offsets begin at 0: which one has the next record?"


def _draw_replicas(chance: Random) -> Variant:
    leader = chance.randrange(400, 900)
    follower = leader - chance.randrange(5, 30)
    return {"leader": leader, "in_sync": follower, "out": follower - chance.randrange(80, 200)}


def _watermark(variant: Variant) -> int:
    return next_high_watermark(variant["out"], variant["leader"], [variant["in_sync"]], 2, 1, 3)


def _hint_watermark(variant: Variant, answer: Any) -> str:
    right = _watermark(variant)
    if answer == right:
        return ""
    if answer == variant["leader"]:
        return "That is the end of the leader's log. Does another replica have all of it?"
    if answer == variant["out"]:
        return "Broker 3 is no longer in sync. Does anybody have to wait for it?"
    if abs(answer - right) <= 1:
        return "Nearly: like a log end offset it names the first record that does *not* count, not the last that does."
    return "Which replicas must have a record before consumers may see it? Take the last of them."


def _draw_replay(chance: Random) -> Variant:
    start = chance.randrange(300, 700)
    kept = chance.randrange(200, 500)
    return {"start": start, "end": start + kept, "back": kept + chance.randrange(50, 200)}


def _again(variant: Variant) -> int:
    start, end, back = int(variant["start"]), int(variant["end"]), int(variant["back"])
    return end - reset_target("shift_by", -back, start, end, end, None)


def _hint_replay(variant: Variant, answer: Any) -> str:
    right = _again(variant)
    if answer == right:
        return ""
    if answer == variant["back"]:
        return "So many were asked for. Are so many still there? Retention has deleted the oldest."
    if answer == variant["end"]:
        return "So many have ever been written. When records are deleted, the others keep their offsets."
    if answer == 0:
        return "A reset moves the committed offset back, and what lies behind it is read again."
    return "An offset below the log's start is moved up to the start. How many records are there from it to the end?"


EXERCISES = (
    Exercise(
        id="01-1",
        answer="an offset, a whole number",
        draw=_draw_commit,
        asks=lambda variant: (
            f"""
            A partition holds {RECORDS} records, and its first offset is 0. A consumer gets {variant["per_poll"]}
            records from each poll, and books them. After poll number {variant["committed"]} it commits its position. It
            books the records of {variant["polls"] - variant["committed"]} more polls, and is killed before it commits
            again. At which offset does the next member of its group begin?
        """
        ),
        solve=_next_offset,
        judge=_hint_commit,
        wrong=lambda variant: (
            variant["per_poll"] * variant["committed"] - 1,
            variant["per_poll"] * variant["polls"],
            0,
        ),
        takes=(int,),
    ),
    Exercise(
        id="01-2",
        answer="an offset, a whole number",
        draw=_draw_replicas,
        asks=lambda variant: (
            f"""
            A partition has three replicas. The log end offset of its leader, broker 1, is {variant["leader"]}. Broker 2
            is in sync and has come to {variant["in_sync"]}. Broker 3 was taken out of the ISR, and has come to
            {variant["out"]}. What is the high watermark?
        """
        ),
        solve=_watermark,
        judge=_hint_watermark,
        wrong=lambda variant: (variant["leader"], variant["out"], variant["in_sync"] - 1),
        takes=(int,),
    ),
    Exercise(
        id="01-3",
        answer="a number of records",
        draw=_draw_replay,
        asks=lambda variant: (
            f"""
            The log of a partition starts at offset {variant["start"]}, because retention has deleted what is older, and
            its log end offset is {variant["end"]}. A group has read and committed everything. Its operator stops it,
            sets its offset back by {variant["back"]} records (`kafka-consumer-groups.sh --reset-offsets --shift-by`),
            and starts it again. Nothing new is written. How many records does it read?
        """
        ),
        solve=_again,
        judge=_hint_replay,
        wrong=lambda variant: (variant["back"], variant["end"], 0),
        takes=(int,),
    ),
)
