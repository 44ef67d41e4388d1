"""Compaction of one log: only the newest record of each key stays, offsets never change.

Left out: records of formats older than version 2; a dedupe map that takes two keys for one.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from sim.rules.producer.producer_state import ProducerStates
from sim.rules.storage.batch import NO_PRODUCER_ID, RecordBatch, RecordColumns
from sim.rules.storage.cleaned_transactions import CleanedTransactions
from sim.rules.storage.log import Log
from sim.rules.storage.segments import Segment

__all__ = [
    "Cleaning",
    "LastRecord",
    "OffsetMap",
    "build_offset_map",
    "clean",
    "group_segments",
    "has_keys",
    "last_records_of_active_producers",
    "offset_map_capacity",
]

_BYTES_PER_ENTRY = 24  # an MD5 hash and an offset
_LARGEST_RELATIVE_OFFSET = 2_147_483_647


def offset_map_capacity(dedupe_buffer_bytes: int, threads: int, load_factor: float) -> int:
    """How many keys one cleaner thread can tell apart in a round.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/SkimpyOffsetMap.java
    Fidelity: exact
    """
    return int(min(dedupe_buffer_bytes // threads, 2_147_483_647) // _BYTES_PER_ENTRY * load_factor)


def has_keys(batch: RecordBatch) -> bool:
    """Whether every record has a key, without which a compacted topic takes none.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogValidator.java validateKey
    Fidelity: exact
    """
    keys = batch.columns.keys
    return keys is not None and None not in keys


@dataclass(frozen=True, slots=True)
class LastRecord:
    """Where the newest data of an active producer lies, None when only a marker of it is left, and its epoch."""

    last_data_offset: int | None
    producer_epoch: int


def last_records_of_active_producers(producers: ProducerStates) -> dict[int, LastRecord]:
    """What compaction must not lose of the producers that a partition remembers.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java lastRecordsOfActiveProducers
    Fidelity: exact
    """
    return {
        producer_id: LastRecord(entry.last_data_offset if entry.batches else None, entry.producer_epoch)
        for producer_id, entry in producers.entries.items()
    }


@dataclass(slots=True)
class OffsetMap:
    """The newest offset of each key in the dirty part of a log, up to and with `latest_offset`."""

    capacity: int
    latest_offset: int = -1
    offsets: dict[bytes, int] = field(default_factory=dict)

    def put(self, batch: RecordBatch, from_offset: int) -> bool:
        """Note the keys of a batch; False when the map is full, which ends the round there."""
        for record in batch.records(from_offset):
            if record.key is not None:
                if len(self.offsets) >= self.capacity:
                    return False
                self.offsets[record.key] = self.latest_offset = record.offset
        return True


def build_offset_map(log: Log, from_offset: int, to_offset: int, capacity: int) -> OffsetMap:
    """Read the dirty part of a log; data of aborted transactions does not count.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/Cleaner.java buildOffsetMap
    Fidelity: exact
    """
    found = OffsetMap(capacity)
    transactions = CleanedTransactions(log.aborted.collect(from_offset, to_offset))
    dirty = log.segments_between(from_offset, to_offset)
    ends = [segment.base_offset for segment in dirty[1:]] + [to_offset]
    for segment, end_offset in zip(dirty, ends, strict=False):
        for batch in segment.batches_from(segment.index_of(from_offset)):
            discard = transactions.can_discard(batch)
            if not batch.is_control and not discard and not found.put(batch, from_offset):
                return found
            found.latest_offset = batch.last_offset
        found.latest_offset = end_offset - 1
    return found


def group_segments(
    segments: Sequence[Segment], segment_bytes: int, segment_index_bytes: int, first_uncleanable_offset: int
) -> list[list[Segment]]:
    """Neighbouring segments that together still fit into one, by their sizes before cleaning.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/Cleaner.java groupSegmentsBySize
    Fidelity: exact
    """
    groups: list[list[Segment]] = []
    ends = [segment.base_offset for segment in segments[1:]] + [first_uncleanable_offset]
    for segment, end_offset in zip(segments, ends, strict=True):
        together = [*groups[-1], segment] if groups else []
        if (
            together
            and sum(member.size_bytes for member in together) <= segment_bytes
            and sum(member.offset_index_bytes for member in together) <= segment_index_bytes
            and sum(member.time_index_bytes for member in together) <= segment_index_bytes
            and (segment.size_bytes == 0 or end_offset - 1 - together[0].base_offset <= _LARGEST_RELATIVE_OFFSET)
        ):
            groups[-1].append(segment)
        else:
            groups.append([segment])
    return groups


@dataclass(frozen=True, slots=True)
class Cleaning:
    """A round of compaction: the next dirty offset, bytes read (the dirty part twice) and written, batches emptied."""

    end_offset: int
    bytes_read: int
    bytes_written: int
    removed: tuple[RecordColumns, ...]


@dataclass(frozen=True, slots=True)
class _Round:
    """What the cleaner knows while it rewrites the segments of a log."""

    offset_map: OffsetMap
    transactions: CleanedTransactions
    last_records: Mapping[int, LastRecord]
    upper_bound_offset: int
    now_ms: int
    delete_retention_ms: int

    def rewritten(self, group: Sequence[Segment], cleaned: Segment, removed: list[RecordColumns]) -> Segment:
        """Several segments written into one; batches that lose all their records are noted in `removed`."""
        for batch in (batch for segment in group for batch in segment.batches):
            kept = self.filtered(batch)
            if kept is not None:
                cleaned.append(kept)
            if batch.count and (kept is None or not kept.count):
                removed.append(batch.columns.written)
        cleaned.become_inactive()
        cleaned.last_modified_ms = group[-1].retention_timestamp_ms
        return cleaned

    def filtered(self, batch: RecordBatch) -> RecordBatch | None:
        """What is to stay of a batch: itself, the batch written anew, an empty one, or nothing."""
        discardable = self.transactions.can_discard(batch)
        marker_of_nothing = discardable and batch.is_control
        discard = discardable and (not batch.is_control or self._is_past_horizon(batch))
        retain_empty = self._is_last_of_producer(batch) or batch.next_offset == self.upper_bound_offset
        if discard and not retain_empty:
            return None
        retained = [] if discard else list(self._retained(batch))
        if not retained:
            return batch.retaining((), None) if retain_empty else None
        horizon_ms = batch.columns.delete_horizon_ms
        values = batch.columns.values
        tombstones = values is None or any(values[index] is None for index in retained)
        if horizon_ms is None and (tombstones or marker_of_nothing):
            horizon_ms = self.now_ms + self.delete_retention_ms
        elif len(retained) == batch.count:
            return batch
        return batch.retaining(retained, horizon_ms)

    def _is_past_horizon(self, batch: RecordBatch) -> bool:
        horizon_ms = batch.columns.delete_horizon_ms
        return horizon_ms is not None and horizon_ms <= self.now_ms

    def _is_last_of_producer(self, batch: RecordBatch) -> bool:
        """Whether the batch carries what the broker must know of an active producer: sequence number or epoch."""
        last = self.last_records.get(batch.producer_id)
        if batch.producer_id == NO_PRODUCER_ID or last is None:
            return False
        if last.last_data_offset is not None:
            return batch.last_offset == last.last_data_offset
        return batch.is_control and batch.producer_epoch == last.producer_epoch

    def _retained(self, batch: RecordBatch) -> Iterator[int]:
        """Indexes of the records that stay: the newest of their key with a value, or a tombstone before its time."""
        deletes_stay = not self._is_past_horizon(batch)
        for index, record in enumerate(batch.records()):
            if batch.is_control or record.offset > self.offset_map.latest_offset:
                yield index
            elif record.key is None or record.offset < self.offset_map.offsets.get(record.key, -1):
                continue
            elif record.value is not None or deletes_stay:
                yield index


def clean(
    log: Log,
    first_dirty_offset: int,
    first_uncleanable_offset: int,
    now_ms: int,
    delete_retention_ms: int,
    capacity: int,
) -> Cleaning:
    """Compact a log: learn the keys of its dirty part, then write every segment below it anew, small ones together.

    A tombstone stays for `delete_retention_ms` after the round that first saw it; it goes in a later one.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/Cleaner.java doClean
    Fidelity: exact
    """
    offset_map = build_offset_map(log, first_dirty_offset, first_uncleanable_offset, capacity)
    end_offset = offset_map.latest_offset + 1
    before = log.segments_between(0, end_offset)
    transactions = CleanedTransactions(log.aborted.collect(before[0].base_offset, end_offset) if before else ())
    last_records = last_records_of_active_producers(log.producers)
    work = _Round(offset_map, transactions, last_records, first_uncleanable_offset, now_ms, delete_retention_ms)
    bytes_read = sum(part.size_bytes for part in [*before, *log.segments_between(first_dirty_offset, end_offset)])
    removed: list[RecordColumns] = []
    bytes_written = 0
    for group in group_segments(before, log.segment_bytes, log.segment_index_bytes, first_uncleanable_offset):
        cleaned = work.rewritten(group, Segment(group[0].base_offset, log.index_interval_bytes), removed)
        log.replace(group, cleaned)
        for segment in group[1:]:
            log.producers.delete_snapshot(segment.base_offset)
        bytes_written += cleaned.size_bytes
    later = [aborted for aborted in log.aborted.entries if aborted.last_offset >= end_offset]
    log.aborted.entries[:] = [*transactions.retained, *later]
    return Cleaning(end_offset, bytes_read, bytes_written, tuple(removed))
