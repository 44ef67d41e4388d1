"""The verdict where compaction or retention has removed records, on logs made by hand."""

from sim.rules.facts.replication import ReplicaDeleted
from sim.rules.facts.storage import LogCleaned, SegmentsDeleted
from sim.rules.storage.cleaner import clean
from sim.rules.storage.log import Log
from sim.rules.storage.retention import RetentionPolicy, delete_old_segments
from tests.observe.test_verdict import NAME, Desk


def log_of(desk: Desk) -> Log:
    leader = desk.flight.cluster.leader(NAME)
    assert leader is not None
    return leader.log


def compact(desk: Desk) -> None:
    log = log_of(desk)
    log.roll(log.log_end_offset)
    cleaning = clean(log, 0, log.log_end_offset, 0, 0, 1_000)
    desk.flight.announce(LogCleaned(1, NAME, 0, cleaning.end_offset, 0, 0, cleaning.removed))


def test_compacted_records_are_neither_lost_nor_undelivered() -> None:
    desk = Desk()
    old, partly, new = desk.columns(0), desk.columns(2, 3), desk.columns(5)
    for columns in (old, partly, new):
        desk.acknowledge(columns)
    new.keys, old.keys = [b"a", b"b"], [b"a", b"b"]
    partly.keys = [b"a", b"c", b"b"]
    for columns in (old, partly):
        desk.write(columns)
    desk.deliver(desk.write(new))
    compact(desk)
    [left, _] = log_of(desk).batches()
    assert [record.offset for record in left.records()] == [3]
    missing = desk.witness.verdict()
    assert [fate.number for fate in missing.undelivered] == [3]
    desk.deliver(left)
    desk.deliver(left)
    verdict = desk.witness.verdict()
    assert verdict.ok
    assert verdict.delivered == {"readers": 3}
    assert verdict.redelivered == {"readers": 1}
    assert verdict.removed == 4


def test_records_that_go_with_their_topic_are_not_lost_but_those_of_a_replica_that_moved_are() -> None:
    for last_leader in (True, False):
        desk = Desk()
        desk.acknowledge(desk.columns(0))
        desk.flight.announce(ReplicaDeleted(1, NAME, 2, last_leader))
        desk.acknowledge(desk.columns(2))
        verdict = desk.witness.verdict()
        assert [fate.number for fate in verdict.lost] == ([2, 3] if last_leader else [0, 1, 2, 3])
        assert verdict.removed == (2 if last_leader else 0)


def test_deleted_records_are_undelivered_where_nobody_had_got_them() -> None:
    desk = Desk()
    read, unread = desk.columns(0), desk.columns(2)
    for columns in (read, unread):
        desk.acknowledge(columns)
    desk.deliver(desk.write(read))
    desk.write(unread)
    removed = delete_old_segments(log_of(desk), 4, 10, RetentionPolicy(retention_ms=0))
    batches = tuple(batch for segment in removed for batch in segment.batches)
    desk.flight.announce(SegmentsDeleted(2, NAME, len(removed), 0, 4, batches))
    verdict = desk.witness.verdict()
    assert verdict.lost == []
    assert verdict.removed == 4
    assert [fate.number for fate in verdict.undelivered] == [2, 3]
    assert "deleted by retention on broker 2 at 0.000 s" in verdict.undelivered[0].cause
