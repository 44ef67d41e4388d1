"""The verdict from the true log: what became of every acknowledged record.

An acknowledged record must be in its partition's log exactly once, in the order in which its producer
sent it, and must have been delivered to every group that the scenario names. What is not is listed.
A record that retention, a request or compaction has removed is not lost; one that retention or a request
took away before a group got it counts as undelivered, one that a newer value of its key replaced does not. One of an
aborted transaction is not to be delivered at all.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from sim.observe.aborted import AbortedRecords
from sim.rules.facts.journal import LogTruncated, RecordsAcknowledged, RecordsDelivered
from sim.rules.facts.replication import ReplicaDeleted
from sim.rules.facts.share import ShareRecordsArchived
from sim.rules.facts.storage import LogCleaned, SegmentsDeleted, UnflushedLost
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from sim.world.flight import Flight
from sim.world.plan import GroupSpec

__all__ = ["RecordFate", "Verdict", "Witness"]


@dataclass(frozen=True, slots=True)
class RecordFate:
    """One record that did not fare as it should; `number` counts what its producer sent to the partition."""

    partition: str
    producer: str
    number: int
    key: str | None
    sent_s: float | None
    acknowledged_s: float | None
    cause: str


@dataclass(slots=True)
class Verdict:
    """Lists of records by what went wrong; `redelivered` counts what groups got more than once (at-least-once).

    `aborted` counts the acknowledged records whose transaction was aborted: no group needs to get them.
    `given_up` counts what share groups have archived, as it was rejected or delivered too often: delivered, never done.
    `removed` counts the acknowledged records that retention or compaction has taken out of the log since.
    """

    acknowledged: int = 0
    lost: list[RecordFate] = field(default_factory=list)
    duplicated: list[RecordFate] = field(default_factory=list)
    reordered: list[RecordFate] = field(default_factory=list)
    undelivered: list[RecordFate] = field(default_factory=list)
    delivered: dict[str, int] = field(default_factory=dict)
    redelivered: dict[str, int] = field(default_factory=dict)
    given_up: dict[str, int] = field(default_factory=dict)
    removed: int = 0
    aborted: int = 0

    @property
    def ok(self) -> bool:
        """Whether every acknowledged record is there once, in order, and delivered."""
        return not (self.lost or self.duplicated or self.reordered or self.undelivered)

    def counts(self) -> dict[str, object]:
        """The short form: `ok` and how many records went each wrong way."""
        return {
            "ok": self.ok,
            "lost": len(self.lost),
            "duplicated": len(self.duplicated),
            "reordered": len(self.reordered),
            "undelivered": len(self.undelivered),
        }

    def as_json(self) -> dict[str, object]:
        """The long form: every record that went wrong; `given_up` and `aborted` only where there is any."""
        told = {**asdict(self), "ok": self.ok}
        for name in ("given_up", "aborted"):
            if not told[name]:
                del told[name]
        return told


class Acknowledgement:
    """When, by whom and for which partition a batch was acknowledged."""

    __slots__ = ("broker_id", "partition", "time")

    def __init__(self, time: int, partition: TopicPartition, broker_id: int) -> None:
        self.time = time
        self.partition = partition
        self.broker_id = broker_id


class Witness:
    """Listens during the run and reads the logs after it."""

    def __init__(self, flight: Flight) -> None:
        self._flight = flight
        self._acknowledged: dict[RecordColumns, Acknowledgement] = {}
        self._delivered: dict[str, dict[RecordColumns, list[tuple[int, int]]]] = {}
        self._truncated: dict[RecordColumns, tuple[int, LogTruncated]] = {}
        self._unflushed: dict[RecordColumns, tuple[int, UnflushedLost]] = {}
        self._deleted: dict[RecordColumns, str] = {}
        self._compacted: dict[RecordColumns, None] = {}
        self._given_up: dict[str, int] = {}
        facts = flight.machine.facts
        self._aborted = AbortedRecords(facts)
        facts.listen(RecordsAcknowledged, self._on_acknowledged)
        facts.listen(RecordsDelivered, self._on_delivered)
        facts.listen(LogTruncated, self._on_truncated)
        facts.listen(UnflushedLost, self._on_unflushed)
        facts.listen(SegmentsDeleted, self._on_deleted)
        facts.listen(LogCleaned, self._on_cleaned)
        facts.listen(ReplicaDeleted, self._on_replica_deleted)
        facts.listen(ShareRecordsArchived, self._on_given_up)

    def _on_acknowledged(self, time: int, fact: RecordsAcknowledged) -> None:
        self._acknowledged[fact.columns] = Acknowledgement(time, fact.partition, fact.broker_id)

    def _on_delivered(self, _: int, fact: RecordsDelivered) -> None:
        batch, columns = fact.batch, fact.batch.columns
        pieces = self._delivered.setdefault(fact.group_id, {}).setdefault(columns.written, [])
        start, end = batch.index_at(fact.first_offset), batch.index_at(fact.next_offset)
        if columns.offset_deltas is None:
            pieces.append((start, end))
        else:
            pieces.extend((delta, delta + 1) for delta in columns.offset_deltas[start:end])

    def _on_truncated(self, time: int, fact: LogTruncated) -> None:
        for batch in fact.removed:
            self._truncated[batch.columns.written] = (time, fact)

    def _on_unflushed(self, time: int, fact: UnflushedLost) -> None:
        for batch in fact.removed:
            self._unflushed[batch.columns.written] = (time, fact)

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
        verdict = Verdict(acknowledged=sum(columns.count for columns in self._acknowledged))
        found: dict[RecordColumns, list[RecordBatch]] = {}
        aborted: dict[RecordColumns, None] = {}
        for name in self._flight.cluster.partitions():
            batches = list(self._flight.cluster.log(name).batches())
            self._check_order(name, batches, verdict)
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
                verdict.lost += self._fates(columns, range(columns.count), self._why_lost(columns, acknowledgement))
            elif len(copies) > 1:
                offsets = ", ".join(str(copy.base_offset) for copy in copies)
                cause = f"written {len(copies)} times, in batches at offsets {offsets}"
                verdict.duplicated += self._fates(columns, range(columns.count), cause)
        verdict.given_up.update(self._given_up)
        verdict.aborted = sum(columns.count for columns in aborted if columns in self._acknowledged)
        for group in self._flight.plan.groups:
            self._check_delivery(group, found, aborted, verdict)
        return verdict

    def _check_order(self, name: TopicPartition, batches: Iterable[RecordBatch], verdict: Verdict) -> None:
        highest: dict[str, int] = {}
        seen: dict[RecordColumns, None] = {}
        for batch in batches:
            columns = batch.columns.written
            if columns in seen or columns not in self._acknowledged:
                continue
            seen[columns] = None
            before = highest.get(columns.origin, -1)
            if columns.first_number < before:
                cause = f"at offset {batch.base_offset} of {name}, behind number {before} of the same producer"
                verdict.reordered += self._fates(columns, range(columns.count), cause)
            highest[columns.origin] = max(before, columns.first_number + columns.count - 1)

    def _check_delivery(
        self,
        group: GroupSpec,
        found: dict[RecordColumns, list[RecordBatch]],
        aborted: dict[RecordColumns, None],
        verdict: Verdict,
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
                got, deltas = covered(pieces), copies[0].columns.offset_deltas if copies else None
                left = range(columns.count) if deltas is None else deltas
                cause = f"never returned by a poll of {group.group_id}"
                if not copies:
                    cause = f"{self._deleted[columns]}, {cause}"
                missing = (index for index in left if index not in got)
                verdict.undelivered += self._fates(columns, missing, cause)

    def _why_lost(self, columns: RecordColumns, acknowledgement: Acknowledgement) -> str:
        acked = f"acknowledged by broker {acknowledgement.broker_id} at {acknowledgement.time / 1e9:.3f} s"
        if columns in self._unflushed:
            time, lost = self._unflushed[columns]
            return f"{acked}; not flushed when broker {lost.broker_id} lost its power at {time / 1e9:.3f} s"
        if columns not in self._truncated:
            return f"{acked}; in no log that leads now"
        time, fact = self._truncated[columns]
        return (
            f"{acked}; truncated on broker {fact.broker_id} at {time / 1e9:.3f} s "
            f"to follow leader epoch {fact.leader_epoch}"
        )

    def _fates(self, columns: RecordColumns, indexes: Iterable[int], cause: str) -> Iterator[RecordFate]:
        acknowledgement = self._acknowledged[columns]
        for index in indexes:
            key = columns.keys[index] if columns.keys is not None else None
            yield RecordFate(
                str(acknowledgement.partition),
                columns.origin,
                columns.first_number + index,
                None if key is None else key.decode("utf-8", "replace"),
                columns.sent_at[index] / 1e9 if columns.sent_at else None,
                acknowledgement.time / 1e9,
                cause,
            )


def covered_count(pieces: list[tuple[int, int]]) -> int:
    """How many indexes these half-open ranges cover."""
    if len(pieces) == 1:
        return pieces[0][1] - pieces[0][0]
    return len(covered(pieces))


def covered(pieces: Iterable[tuple[int, int]]) -> set[int]:
    """The indexes that these half-open ranges cover."""
    return {index for start, end in pieces for index in range(start, end)}
