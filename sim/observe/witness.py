"""The verdict from the true log: what became of every acknowledged record.

An acknowledged record must be in its partition's log exactly once, in the order in which its producer
sent it, and must have been delivered to every group that the scenario names. What is not is listed.
A record that retention, a request or compaction has removed is not lost; one that retention or a request
took away before a group got it counts as undelivered, one that a newer value of its key replaced does not. One of an
aborted transaction is not to be delivered at all.
"""

from collections.abc import Callable, Iterable, Sequence

from sim.observe.aborted import AbortedRecords
from sim.observe.acknowledgement import Acknowledgement
from sim.observe.causes import Attempts, Losses, Progress
from sim.observe.fates import Fates, RecordFate
from sim.observe.verdict import Verdict
from sim.rules.facts.journal import RecordsAcknowledged, RecordsDelivered
from sim.rules.facts.replication import ReplicaDeleted
from sim.rules.facts.share import ShareRecordsArchived
from sim.rules.facts.storage import LogCleaned, SegmentsDeleted
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight
from sim.world.plan import GroupSpec

__all__ = ["Witness"]


class Witness:
    """Listens during the run and reads the logs after it."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._acknowledged: dict[RecordColumns, Acknowledgement] = {}
        self._delivered: dict[str, dict[RecordColumns, list[tuple[int, int]]]] = {}
        self._deleted: dict[RecordColumns, str] = {}
        self._compacted: dict[RecordColumns, None] = {}
        self._given_up: dict[str, int] = {}
        facts = flight.machine.facts
        self._aborted = AbortedRecords(facts)
        self._attempts = Attempts(flight)
        self._losses = Losses(flight, self._attempts)
        self._progress = Progress(flight)
        facts.listen(RecordsAcknowledged, self._on_acknowledged)
        facts.listen(RecordsDelivered, self._on_delivered)
        facts.listen(SegmentsDeleted, self._on_deleted)
        facts.listen(LogCleaned, self._on_cleaned)
        facts.listen(ReplicaDeleted, self._on_replica_deleted)
        facts.listen(ShareRecordsArchived, self._on_given_up)

    def _on_acknowledged(self, time: int, fact: RecordsAcknowledged) -> None:
        self._acknowledged[fact.columns] = Acknowledgement(time, fact.partition, fact.broker_id, fact.base_offset)

    def _on_delivered(self, _: int, fact: RecordsDelivered) -> None:
        batch, columns = fact.batch, fact.batch.columns
        pieces = self._delivered.setdefault(fact.group_id, {}).setdefault(columns.written, [])
        start, end = batch.index_at(fact.first_offset), batch.index_at(fact.next_offset)
        if columns.offset_deltas is None:
            pieces.append((start, end))
        else:
            pieces.extend((delta, delta + 1) for delta in columns.offset_deltas[start:end])

    def _on_deleted(self, time: int, fact: SegmentsDeleted) -> None:
        cause = f"deleted by retention on broker {fact.broker_id} at {time / 1e9:.3f} s"
        for batch in fact.removed:
            self._deleted.setdefault(batch.columns.written, cause)

    def _on_replica_deleted(self, time: int, fact: ReplicaDeleted) -> None:
        """The last leader of a topic that is deleted takes all records along that were acknowledged before."""
        if fact.last_leader:
            for columns, acknowledgement in self._acknowledged.items():
                if acknowledgement.partition == fact.partition:
                    self._deleted.setdefault(columns, f"deleted with its topic at {time / 1e9:.3f} s")

    def _on_cleaned(self, _: int, fact: LogCleaned) -> None:
        self._compacted.update(dict.fromkeys(fact.removed))

    def _on_given_up(self, _: int, fact: ShareRecordsArchived) -> None:
        self._given_up[fact.group_id] = self._given_up.get(fact.group_id, 0) + fact.count

    def verdict(self) -> Verdict:
        """Compare what was promised with what the logs hold."""
        lost, duplicated, reordered, undelivered = Fates(), Fates(), Fates(), Fates()
        count = sum(columns.count for columns in self._acknowledged)
        verdict = Verdict(count, lost, duplicated, reordered, undelivered)
        found: dict[RecordColumns, list[RecordBatch]] = {}
        aborted: dict[RecordColumns, None] = {}
        logs = {name: list(self._flight.cluster.log(name).batches()) for name in self._flight.cluster.partitions()}
        for name, batches in logs.items():
            self._learn_leaders(name, batches)
        for name, batches in logs.items():
            self._check_order(name, batches, reordered)
            aborted.update(self._aborted.find(name, batches))
            for batch in batches:
                found.setdefault(batch.columns.written, []).append(batch)
        for columns, acknowledgement in self._acknowledged.items():
            copies = found.get(columns, [])
            gone = not copies and (columns in self._deleted or columns in self._compacted)
            verdict.removed += columns.count - copies[0].count if copies else columns.count * gone
            if gone:
                continue
            if not copies:
                cause = self._losses.why_lost(columns, acknowledgement)
                lost.add(range(columns.count), self._fate_of(columns, cause))
            elif len(copies) > 1:
                cause = self._attempts.why_duplicated(columns, copies, acknowledgement)
                duplicated.add(range(columns.count), self._fate_of(columns, cause))
        verdict.lost, verdict.duplicated, verdict.reordered, verdict.undelivered = (
            lost,
            duplicated,
            reordered,
            undelivered,
        )
        verdict.given_up.update(self._given_up)
        verdict.aborted = sum(columns.count for columns in aborted if columns in self._acknowledged)
        for group in self._flight.plan.groups:
            self._check_delivery(group, found, aborted, verdict, undelivered)
        return verdict

    def _check_order(self, name: TopicPartition, batches: Iterable[RecordBatch], reordered: Fates) -> None:
        highest: dict[str, int] = {}
        seen: dict[RecordColumns, None] = {}
        for batch in batches:
            columns = batch.columns.written
            if columns in seen or columns not in self._acknowledged:
                continue
            seen[columns] = None
            before = highest.get(columns.origin, -1)
            if columns.first_number < before:
                cause = self._attempts.why_reordered(columns, batch, name, before)
                reordered.add(range(columns.count), self._fate_of(columns, cause))
            highest[columns.origin] = max(before, columns.first_number + columns.count - 1)

    def _check_delivery(
        self,
        group: GroupSpec,
        found: dict[RecordColumns, list[RecordBatch]],
        aborted: dict[RecordColumns, None],
        verdict: Verdict,
        undelivered: Fates,
    ) -> None:
        delivered = self._delivered.get(group.group_id, {})
        handed_out = sum(end - start for pieces in delivered.values() for start, end in pieces)
        distinct = sum(covered_count(pieces) for pieces in delivered.values())
        verdict.delivered[group.group_id] = distinct
        verdict.redelivered[group.group_id] = handed_out - distinct
        for columns, acknowledgement in self._acknowledged.items():
            if acknowledgement.partition.topic not in group.topics or columns in aborted:
                continue
            copies, pieces = found.get(columns), delivered.get(columns, [])
            if covered_count(pieces) < columns.count and (copies or columns in self._deleted):
                copy = copies[0] if copies else None
                self._add_undelivered(undelivered, group.group_id, columns, copy, covered(pieces))

    def _add_undelivered(
        self, undelivered: Fates, group_id: str, columns: RecordColumns, copy: RecordBatch | None, got: set[int]
    ) -> None:
        """The records of a batch that a group has not got, those of its copy in the log or else of a deleted one."""
        acknowledgement = self._acknowledged[columns]
        base_offset = acknowledgement.base_offset if copy is None else copy.base_offset
        deltas = None if copy is None else copy.columns.offset_deltas
        deleted = f"{self._deleted[columns]}, " if copy is None else ""
        indexes: Sequence[int] = range(columns.count) if deltas is None else deltas
        if got:
            indexes = [index for index in indexes if index not in got]
        if not indexes:
            return
        ends = base_offset + indexes[0], base_offset + indexes[-1]
        shared = self._progress.why_none_delivered(group_id, acknowledgement.partition, *ends)
        if shared is not None:
            undelivered.add(indexes, self._fate_of(columns, deleted + shared))
            return
        for index in indexes:
            cause = self._progress.why_undelivered(group_id, acknowledgement.partition, base_offset + index)
            undelivered.add((index,), self._fate_of(columns, deleted + cause))

    def _learn_leaders(self, name: TopicPartition, batches: Iterable[RecordBatch]) -> None:
        """Who acknowledges a batch has led in its epoch; of epochs from before the flight nothing else tells."""
        known: dict[int, None] = {}
        for batch in batches:
            if batch.leader_epoch not in known:
                acknowledgement = self._acknowledged.get(batch.columns.written)
                if acknowledgement is not None and acknowledgement.base_offset == batch.base_offset:
                    known[batch.leader_epoch] = None
                    self._attempts.wrote(name, batch.leader_epoch, acknowledgement.broker_id)

    def _fate_of(self, columns: RecordColumns, cause: str) -> Callable[[int], RecordFate]:
        """What makes the fate of the record with an index in a batch."""
        acknowledgement = self._acknowledged[columns]

        def fate(index: int) -> RecordFate:
            key = columns.keys[index] if columns.keys is not None else None
            return RecordFate(
                str(acknowledgement.partition),
                columns.origin,
                columns.first_number + index,
                None if key is None else key.decode("utf-8", "replace"),
                columns.sent_at[index] / 1e9 if columns.sent_at else None,
                acknowledgement.time / 1e9,
                cause,
            )

        return fate


def covered_count(pieces: list[tuple[int, int]]) -> int:
    """How many indexes these half-open ranges cover."""
    count = reached = 0
    for start, end in sorted(pieces):
        count += max(0, end - max(start, reached))
        reached = max(reached, end)
    return count


def covered(pieces: Iterable[tuple[int, int]]) -> set[int]:
    """The indexes that these half-open ranges cover."""
    return {index for start, end in pieces for index in range(start, end)}
