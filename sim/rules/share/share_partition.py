"""One partition as a share group reads it: what may be delivered next, to whom, and when it is done (KIP-932).

Left out: states that wait for the share coordinator's write, and are undone when it fails; `share.acquire.mode`
record_limit (KIP-1206).
"""

from collections.abc import Iterator, Sequence

from sim.rules.share.share_acknowledgement import (
    STATE_AFTER,
    Acknowledgement,
    AcknowledgeType,
    InvalidRecordStateError,
    InvalidShareRequestError,
)
from sim.rules.share.share_acquisition import (
    AcquiredRecords,
    Span,
    is_throttled,
    last_offset_to_acquire,
    merged,
    select_offsets,
    split_new,
)
from sim.rules.share.share_in_flight import ChangedRecords, InFlightRecords
from sim.rules.share.share_records import InFlightBatch, InFlightState, RecordState

__all__ = ["SharePartition"]

Change = tuple[int, int, InFlightState, InFlightState, AcknowledgeType]


class SharePartition(InFlightRecords):
    """The records between `start_offset` and `end_offset` that a share group has been given, and their states.

    Times are milliseconds and given by the caller, who calls `expire_locks` when a lock has run out.

    Source: core/src/main/java/kafka/server/share/SharePartition.java
    Fidelity: approximate — states change at once, where Kafka waits for the share coordinator's write
    """

    def can_acquire(self) -> bool:
        """Whether there is room for more in flight, or something in between to deliver again.

        Source: core/src/main/java/kafka/server/share/SharePartition.java canAcquireRecords
        Fidelity: exact
        """
        is_within = self.next_fetch_offset() != self.end_offset + 1
        return is_within or self.in_flight_count() < self.limits.max_in_flight_records

    def acquire(
        self,
        member_id: str,
        log_batches: Sequence[Span],
        now_ms: int,
        *,
        fetch_offset: int,
        max_records: int = 500,
        batch_size: int = 500,
    ) -> list[AcquiredRecords]:
        """What a member gets of the record batches that were read at `fetch_offset`, locked for it from now on.

        `max_records` is soft: whole batches are given.

        Source: core/src/main/java/kafka/server/share/SharePartition.java acquire
        Fidelity: exact
        """
        if not log_batches or max_records <= 0 or log_batches[-1].last_offset < self.start_offset:
            return []
        base, last = log_batches[0].first_offset, log_batches[-1].last_offset
        room = min(max_records, self.limits.max_in_flight_records - self.in_flight_count())
        if room <= 0 and fetch_offset <= self.end_offset:
            room = min(max_records, self.end_offset - fetch_offset + 1)
            last = min(last, self.end_offset)
        if room <= 0:
            return []
        self._archive_compacted(fetch_offset, base)
        floor = self.floor(base)
        first = base
        if floor is None:
            first = max(base, self.start_offset)
        elif floor.last_offset >= base:
            first = floor.first_offset
        known = [batch for batch in self.batches if min(base, first) <= batch.first_offset <= last]
        lock = (member_id, now_ms + self.limits.record_lock_duration_ms)
        acquired, room = self._acquire_again(known, Span(base, last), room, lock)
        first = known[-1].last_offset + 1 if known else first
        if room > 0 and first <= last:
            acquired += self._acquire_new(log_batches, Span(first, last), room, batch_size, lock)
        return acquired

    def _acquire_again(
        self, known: Sequence[InFlightBatch], span: Span, room: int, lock: tuple[str, int]
    ) -> tuple[list[AcquiredRecords], int]:
        """What is available again of batches in flight, and for how many more records there is room."""
        acquired: list[AcquiredRecords] = []
        for batch in known:
            if room <= 0:
                break
            throttled = is_throttled(batch, *span, self.limits)
            if throttled and acquired:
                return acquired, 0
            if batch.whole is not None:
                if batch.whole.state is not RecordState.AVAILABLE:
                    continue
                if batch.lies_within(*span) and not throttled:
                    batch.whole.acquire(*lock)
                    piece = AcquiredRecords(batch.first_offset, batch.last_offset, batch.whole.delivery_count)
                    acquired.append(piece)
                    room -= batch.last_offset - batch.first_offset + 1
                    continue
                batch.split()
            chosen = select_offsets(batch, *span, self.limits)
            for offset in chosen:
                batch.offsets[offset].acquire(*lock)
            acquired += merged((offset, batch.offsets[offset].delivery_count) for offset in chosen)
            room -= len(chosen)
            if throttled and chosen:
                return acquired, 0
        return acquired, room

    def _acquire_new(
        self, log_batches: Sequence[Span], span: Span, max_records: int, batch_size: int, lock: tuple[str, int]
    ) -> list[AcquiredRecords]:
        """Records that nobody was given before."""
        first = span.first_offset if self.batches else max(span.first_offset, self.end_offset)
        last = last_offset_to_acquire(log_batches, first, span.last_offset, max_records)
        pieces = split_new(log_batches, first, last, batch_size)
        for piece in pieces:
            batch = InFlightBatch(*piece, InFlightState(RecordState.ACQUIRED, 1, *lock))
            self.batches.insert(self.count_up_to(piece.first_offset), batch)
        if self.batches[0].first_offset == first:
            self.start_offset = first
        self.end_offset = max(self.end_offset, last)
        return [AcquiredRecords(*piece, 1) for piece in pieces]

    def acknowledge(
        self, member_id: str, acknowledgements: Sequence[Acknowledgement], now_ms: int
    ) -> list[ChangedRecords]:
        """A member has dealt with records; all of it counts or, if one part is refused, nothing. Tells what changed.

        Raises InvalidRecordStateError for records that this member does not hold, InvalidShareRequestError for offsets
        that were never delivered.

        Source: core/src/main/java/kafka/server/share/SharePartition.java acknowledge
        Fidelity: exact
        """
        changed: list[Change] = []
        try:
            for acknowledgement in acknowledgements:
                if acknowledgement.last_offset >= self.start_offset:
                    for batch in self._acknowledged(acknowledgement):
                        if batch.last_offset >= self.start_offset:
                            self._acknowledge(member_id, acknowledgement, batch, now_ms, changed)
        except ValueError:
            for _, _, part, before, _ in changed:
                part.become(before)
            raise
        self.given_back([part for _, _, part, _, _ in changed])
        return [ChangedRecords(first, last, part.state, said) for first, last, part, _, said in changed]

    def _acknowledged(self, acknowledgement: Acknowledgement) -> list[InFlightBatch]:
        """The batches that an acknowledgement speaks of."""
        first, last = acknowledgement.first_offset, acknowledgement.last_offset
        floor = self.floor(first) or (self.floor(self.start_offset) if first < self.start_offset <= last else None)
        if floor is None:
            raise InvalidRecordStateError(f"offsets {first} to {last} are not in flight")
        batches = [batch for batch in self.batches if floor.first_offset <= batch.first_offset <= last]
        if not first <= batches[-1].last_offset or last > batches[-1].last_offset:
            raise InvalidShareRequestError(f"offsets {first} to {last} are past what was acquired")
        return batches

    def _acknowledge(
        self,
        member_id: str,
        acknowledgement: Acknowledgement,
        batch: InFlightBatch,
        now_ms: int,
        changed: list[Change],
    ) -> None:
        """Changes the states of what an acknowledgement says of one batch; `changed` gets what they were before."""
        span = Span(acknowledgement.first_offset, acknowledgement.last_offset)
        if batch.whole is not None:
            _require_held(batch.whole, member_id, batch.first_offset)
            if len(acknowledgement.types) > 1 or not batch.lies_within(*span) or batch.is_cut_by(self.start_offset):
                batch.split()
        for first, last, part in batch.parts():
            if batch.whole is None and not max(span.first_offset, self.start_offset) <= first <= span.last_offset:
                continue
            _require_held(part, member_id, first)
            said = acknowledgement.type_of(first)
            if said is AcknowledgeType.RENEW:
                part.locked_until_ms = now_ms + self.limits.record_lock_duration_ms
            else:
                changed.append((first, last, part, part.copy(), said))
                part.give_back(STATE_AFTER[said], self.limits.max_delivery_count)

    def discard(self, acquired: Sequence[AcquiredRecords], aborted: Sequence[Span]) -> list[AcquiredRecords]:
        """What is left of records just acquired without those of aborted transactions, which are archived.

        Source: core/src/main/java/kafka/server/share/SharePartition.java filterAbortedTransactionalAcquiredRecords
        Fidelity: exact
        """
        for span in aborted:
            for batch in self.batches[max(0, self.count_up_to(span.first_offset) - 1) :]:
                if batch.first_offset > span.last_offset:
                    break
                if batch.whole is not None and batch.last_offset >= span.first_offset and not batch.lies_within(*span):
                    batch.split()
                for first, last, part in batch.parts():
                    if span.first_offset <= first and last <= span.last_offset and part.state is RecordState.ACQUIRED:
                        part.archive()
        return [
            piece._replace(first_offset=first, last_offset=last)
            for piece in acquired
            for first, last in _without(piece.first_offset, piece.last_offset, aborted)
        ]

    def release(self, member_id: str) -> list[ChangedRecords]:
        """A member goes: what it holds is available again, or archived if that was its last attempt.

        Source: core/src/main/java/kafka/server/share/SharePartition.java releaseAcquiredRecords
        Fidelity: exact
        """
        return self.take_back(lambda part: part.member_id == member_id)

    def expire_locks(self, now_ms: int) -> list[ChangedRecords]:
        """What has been held for too long is available again, or archived if that was its last attempt.

        Source: core/src/main/java/kafka/server/share/SharePartition.java releaseAcquisitionLockOnTimeout
        Fidelity: exact
        """
        return self.take_back(lambda part: part.locked_until_ms is not None and part.locked_until_ms <= now_ms)

    def move_log_start(self, log_start_offset: int) -> None:
        """The log has dropped records: those that are available are archived, those that are held when they come back.

        Source: core/src/main/java/kafka/server/share/SharePartition.java updateCacheAndOffsets
        Fidelity: exact
        """
        if log_start_offset <= self.start_offset:
            return
        self.archive(self.batches, Span(self.start_offset, log_start_offset - 1))
        self.start_offset = log_start_offset
        self.end_offset = max(self.end_offset, log_start_offset) if self.batches else log_start_offset

    def _archive_compacted(self, fetch_offset: int, base_offset: int) -> None:
        """What was available and is not in the log any more, between where was read and what came."""
        if fetch_offset < base_offset:
            floor = self.floor(fetch_offset)
            first = floor.first_offset if floor is not None and floor.last_offset >= fetch_offset else fetch_offset
            stale = [batch for batch in self.batches if first <= batch.first_offset < base_offset]
            self.archive(stale, Span(fetch_offset, base_offset - 1))


def _without(first: int, last: int, spans: Sequence[Span]) -> Iterator[tuple[int, int]]:
    """The parts of a range that no span covers; spans come in order."""
    for span in spans:
        if span.last_offset >= first and span.first_offset <= last:
            if span.first_offset > first:
                yield first, span.first_offset - 1
            first = span.last_offset + 1
    if first <= last:
        yield first, last


def _require_held(part: InFlightState, member_id: str, offset: int) -> None:
    if part.state is not RecordState.ACQUIRED or part.member_id != member_id:
        raise InvalidRecordStateError(f"offset {offset} is not held by {member_id}")
