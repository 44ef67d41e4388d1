"""The verdict from the true log: what became of every acknowledged record.

An acknowledged record must be in its partition's log exactly once, in the order in which its producer
sent it, and must have been delivered to every group that the scenario names. What is not is listed.
"""

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field

from sim.rules.batch import RecordBatch, RecordColumns
from sim.rules.facts import LogTruncated, RecordsAcknowledged, RecordsDelivered
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
    """Lists of records by what went wrong; `redelivered` counts what groups got more than once (at-least-once)."""

    acknowledged: int = 0
    lost: list[RecordFate] = field(default_factory=list)
    duplicated: list[RecordFate] = field(default_factory=list)
    reordered: list[RecordFate] = field(default_factory=list)
    undelivered: list[RecordFate] = field(default_factory=list)
    delivered: dict[str, int] = field(default_factory=dict)
    redelivered: dict[str, int] = field(default_factory=dict)

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
        """The long form: every record that went wrong."""
        return {**asdict(self), "ok": self.ok}


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
        facts = flight.machine.facts
        facts.listen(RecordsAcknowledged, self._on_acknowledged)
        facts.listen(RecordsDelivered, self._on_delivered)
        facts.listen(LogTruncated, self._on_truncated)

    def _on_acknowledged(self, time: int, fact: RecordsAcknowledged) -> None:
        self._acknowledged[fact.columns] = Acknowledgement(time, fact.partition, fact.broker_id)

    def _on_delivered(self, _: int, fact: RecordsDelivered) -> None:
        start = fact.first_offset - fact.batch.base_offset
        piece = (start, start + fact.next_offset - fact.first_offset)
        self._delivered.setdefault(fact.group_id, {}).setdefault(fact.batch.columns, []).append(piece)

    def _on_truncated(self, time: int, fact: LogTruncated) -> None:
        for batch in fact.removed:
            self._truncated[batch.columns] = (time, fact)

    def verdict(self) -> Verdict:
        """Compare what was promised with what the logs hold."""
        verdict = Verdict(acknowledged=sum(columns.count for columns in self._acknowledged))
        found: dict[RecordColumns, list[RecordBatch]] = {}
        for name in self._flight.cluster.partitions():
            batches = list(self._flight.cluster.log(name).batches())
            self._check_order(name, batches, verdict)
            for batch in batches:
                found.setdefault(batch.columns, []).append(batch)
        for columns, acknowledgement in self._acknowledged.items():
            copies = found.get(columns, [])
            if not copies:
                verdict.lost += self._fates(columns, range(columns.count), self._why_lost(columns, acknowledgement))
            elif len(copies) > 1:
                offsets = ", ".join(str(copy.base_offset) for copy in copies)
                cause = f"written {len(copies)} times, in batches at offsets {offsets}"
                verdict.duplicated += self._fates(columns, range(columns.count), cause)
        for group in self._flight.plan.groups:
            self._check_delivery(group, found, verdict)
        return verdict

    def _check_order(self, name: TopicPartition, batches: Iterable[RecordBatch], verdict: Verdict) -> None:
        highest: dict[str, int] = {}
        seen: dict[RecordColumns, None] = {}
        for batch in batches:
            columns = batch.columns
            if columns in seen or columns not in self._acknowledged:
                continue
            seen[columns] = None
            before = highest.get(columns.origin, -1)
            if columns.first_number < before:
                cause = f"at offset {batch.base_offset} of {name}, behind number {before} of the same producer"
                verdict.reordered += self._fates(columns, range(columns.count), cause)
            highest[columns.origin] = max(before, columns.first_number + columns.count - 1)

    def _check_delivery(
        self, group: GroupSpec, found: dict[RecordColumns, list[RecordBatch]], verdict: Verdict
    ) -> None:
        delivered = self._delivered.get(group.group_id, {})
        handed_out = sum(end - start for pieces in delivered.values() for start, end in pieces)
        distinct = sum(covered_count(pieces) for pieces in delivered.values())
        verdict.delivered[group.group_id] = distinct
        verdict.redelivered[group.group_id] = handed_out - distinct
        for columns, acknowledgement in self._acknowledged.items():
            if acknowledgement.partition.topic in group.topics and columns in found:
                pieces = delivered.get(columns, [])
                if covered_count(pieces) < columns.count:
                    got = covered(pieces)
                    missing = (index for index in range(columns.count) if index not in got)
                    verdict.undelivered += self._fates(
                        columns, missing, f"never returned by a poll of {group.group_id}"
                    )

    def _why_lost(self, columns: RecordColumns, acknowledgement: Acknowledgement) -> str:
        acked = f"acknowledged by broker {acknowledgement.broker_id} at {acknowledgement.time / 1e9:.3f} s"
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
