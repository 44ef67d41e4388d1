"""A consumer that reads what compaction has left, and what the verdict says of it."""

from collections.abc import Generator
from typing import Any

from simpy import Event

from sim.actors.client.app import App
from sim.actors.consumer.consumer_records import records_of
from sim.actors.consumer.fetch_buffer import CompletedFetch, Slice
from sim.actors.consumer.subscriptions import Ownership
from sim.machine.clock import SECOND
from sim.observe.verdict import Verdict
from sim.observe.witness import Witness
from sim.rules.errors import ErrorCode
from sim.rules.facts.storage import LogCleaned, SegmentsDeleted
from sim.rules.protocol.messages import FetchData
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.world.cluster import ClusterSpec
from sim.world.flight import Flight
from sim.world.plan import AppSpec, GroupSpec, Plan
from sim.world.topics import Topic
from tests.actors.flights import SMALL, P

QUICK = {"log.initial.task.delay.ms": 1000, "log.retention.check.interval.ms": 1000, "log.cleaner.backoff.ms": 1000}


def left_of(base_offset: int, count: int, *indexes: int) -> RecordBatch:
    columns = RecordColumns.of([0] * count, [b"k"] * count, [b"%d" % index for index in range(count)])
    return RecordBatch(columns, base_offset, 3).retaining(indexes, None)


def test_slices_hold_as_many_records_as_asked_for_whatever_the_gaps() -> None:
    ownership = Ownership()
    data = FetchData(ErrorCode.NONE, batches=[left_of(0, 6, 1, 2, 5), left_of(6, 2), left_of(8, 3, 0, 2)])
    fetch = CompletedFetch(P, ownership, 0, data)
    taken: list[list[tuple[int, bytes | None]]] = []
    while fetch.batches:
        slices: list[Slice] = []
        count = fetch.take(2, slices)
        taken.append([(record.offset, record.value) for record in records_of(slices)])
        assert count == len(taken[-1])
    assert taken == [[(1, b"1"), (2, b"2")], [(5, b"5"), (8, b"0")], [(10, b"2")]]
    assert (ownership.position, ownership.position_epoch) == (11, 3)


def write(app: App) -> Generator[Event, Any, Any]:
    """Batches of five keys, one of them new each time."""
    producer = app.producer(linger_ms=50)
    for number in range(300):
        yield from producer.send(P.topic, key=b"%d" % (number % 7), value=bytes(20_000), partition=0)
        yield app.busy(ms=10)
    yield from producer.close()


def read_late(app: App) -> Generator[Event, Any, Any]:
    """Read after ten seconds, from the beginning."""
    yield app.until(10 * SECOND)
    consumer = app.consumer("late", [P.topic], auto_offset_reset="earliest")
    while True:
        yield from consumer.poll(200)


def flown(**topic_config: object) -> tuple[Verdict, list[Any]]:
    config = {"segment.bytes": 1_048_576, **{name.replace("_", "."): value for name, value in topic_config.items()}}
    plan = Plan(
        4 * SECOND,
        ClusterSpec(3, 3, {**SMALL, **QUICK}),
        (Topic(P.topic, 1, 3, config),),
        (AppSpec("writer", write, finite=True), AppSpec("late", read_late)),
        (GroupSpec("late", (P.topic,)),),
    )
    flight, facts = Flight(plan, seed=1), list[Any]()
    witness = Witness(flight)
    for kind in (LogCleaned, SegmentsDeleted):
        flight.machine.facts.listen(kind, lambda _, fact: facts.append(fact))
    assert len(list(flight.fly(30 * SECOND))) == 30
    return witness.verdict(), facts


def test_a_late_reader_of_a_compacted_topic_misses_nothing_that_it_should_have_got() -> None:
    verdict, facts = flown(cleanup_policy="compact", min_cleanable_dirty_ratio=0.1)
    assert len(facts) >= 3
    assert any(fact.removed for fact in facts)
    assert verdict.acknowledged == 300
    assert verdict.ok
    assert 20 < verdict.delivered["late"] < 200
    assert verdict.redelivered == {"late": 0}


def test_what_retention_took_before_a_reader_came_was_not_lost_but_not_delivered_either() -> None:
    verdict, _ = flown(retention_bytes=2_200_000)
    assert (verdict.lost, verdict.duplicated, verdict.reordered) == ([], [], [])
    assert len(verdict.undelivered) + verdict.delivered["late"] == verdict.acknowledged == 300
    assert 100 < len(verdict.undelivered) < 250
    assert verdict.undelivered[0].cause.startswith("deleted by retention on broker")
