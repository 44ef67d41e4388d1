"""The verdict, on logs made by hand."""

import pytest

from sim.observe.witness import Witness
from sim.rules.facts.journal import LogTruncated, RecordsAcknowledged, RecordsDelivered
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight
from sim.world.plan import GroupSpec, Plan
from sim.world.topics import Topic

NAME = TopicPartition("payments", 0)


class Desk:
    """A started cluster with one partition, whose log is written by hand."""

    def __init__(self) -> None:
        plan = Plan(duration=0, topics=(Topic("payments", 1, 3),), groups=(GroupSpec("readers", ("payments",)),))
        self.flight = Flight(plan, seed=0)
        self.witness = Witness(self.flight)
        self.flight.cluster.start()

    def columns(self, first_number: int, count: int = 2, origin: str = "gateway") -> RecordColumns:
        keys = [b"card-%d" % (first_number + index) for index in range(count)]
        return RecordColumns.of([0] * count, keys, keys, sent_at=[0] * count, origin=origin, first_number=first_number)

    def write(self, columns: RecordColumns) -> RecordBatch:
        leader = self.flight.cluster.leader(NAME)
        assert leader is not None
        return leader.log.append_as_leader(RecordBatch(columns), 0).batch

    def acknowledge(self, columns: RecordColumns) -> None:
        leader = self.flight.cluster.leader(NAME)
        copies = [] if leader is None else [batch for batch in leader.log.batches() if batch.columns is columns]
        base_offset = copies[0].base_offset if copies else 0
        self.flight.announce(RecordsAcknowledged("gateway", NAME, columns, base_offset, 1))

    def deliver(self, batch: RecordBatch, count: int | None = None) -> None:
        end = batch.next_offset if count is None else batch.base_offset + count
        self.flight.announce(RecordsDelivered("readers", "reader-1", NAME, batch, batch.base_offset, end))


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_a_batch_written_acknowledged_and_delivered_once_is_fine(desk: Desk) -> None:
    columns = desk.columns(0)
    desk.acknowledge(columns)
    desk.deliver(desk.write(columns))
    verdict = desk.witness.verdict()
    assert verdict.ok
    assert verdict.acknowledged == 2
    assert verdict.delivered == {"readers": 2}
    assert verdict.redelivered == {"readers": 0}


def test_an_acknowledged_batch_in_no_log_is_lost_record_by_record(desk: Desk) -> None:
    columns = desk.columns(4)
    desk.acknowledge(columns)
    desk.flight.announce(LogTruncated(1, NAME, 2, 0, 7, (RecordBatch(columns),)))
    lost = desk.witness.verdict().lost
    assert [fate.number for fate in lost] == [4, 5]
    assert [fate.key for fate in lost] == ["card-4", "card-5"]
    assert "truncated on broker 1" in lost[0].cause
    assert "leader epoch 7" in lost[0].cause


def test_a_batch_that_stands_twice_is_duplicated_and_not_lost(desk: Desk) -> None:
    columns = desk.columns(0)
    desk.acknowledge(columns)
    desk.deliver(desk.write(columns))
    desk.deliver(desk.write(columns))
    verdict = desk.witness.verdict()
    assert [fate.number for fate in verdict.duplicated] == [0, 1]
    assert verdict.duplicated[0].cause == (
        "written twice: at offset 0 by broker 1 in epoch 0 (attempt 1, acknowledged at 0.000 s) and at offset 2 by "
        "broker 1 in epoch 0"
    )
    assert verdict.lost == []
    assert verdict.redelivered == {"readers": 2}


def test_a_batch_behind_a_later_one_of_its_producer_is_out_of_order(desk: Desk) -> None:
    early, late, other = desk.columns(0), desk.columns(2), desk.columns(0, origin="another")
    for columns in (late, early, other):
        desk.acknowledge(columns)
        desk.deliver(desk.write(columns))
    verdict = desk.witness.verdict()
    assert [(fate.producer, fate.number) for fate in verdict.reordered] == [("gateway", 0), ("gateway", 1)]


def test_records_that_no_poll_returned_are_undelivered_one_by_one(desk: Desk) -> None:
    columns = desk.columns(0, count=3)
    desk.acknowledge(columns)
    desk.deliver(desk.write(columns), count=1)
    verdict = desk.witness.verdict()
    assert [fate.number for fate in verdict.undelivered] == [1, 2]
    assert not verdict.ok
    assert verdict.counts() == {"ok": False, "lost": 0, "duplicated": 0, "reordered": 0, "undelivered": 2}


def test_what_was_never_acknowledged_may_be_missing(desk: Desk) -> None:
    desk.write(desk.columns(0))
    assert desk.witness.verdict().ok
