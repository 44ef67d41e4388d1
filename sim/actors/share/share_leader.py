"""One partition as a share group reads it, on the partition's leader: locks that run out, writes that are waited for.

Source: core/src/main/java/kafka/server/share/SharePartition.java
Fidelity: approximate — a state changes at once, and what waits for its write is the answer; one write at a time, which
    tells the whole state; when a write fails the partition is read anew instead of rolled back
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.actors.share.share_persister import SharePersister
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode, OffsetOutOfRangeError
from sim.rules.facts.journal import PositionReset
from sim.rules.facts.share import ShareRecordsArchived, ShareRecordsReturned
from sim.rules.protocol.share_group import ShareFetchData
from sim.rules.share.share_acknowledgement import (
    Acknowledgement,
    AcknowledgeType,
    InvalidRecordStateError,
    InvalidShareRequestError,
)
from sim.rules.share.share_acquisition import Span
from sim.rules.share.share_group_state import (
    UNINITIALIZED_START_OFFSET,
    SharePartitionKey,
    SharePartitionState,
    restored,
    state_of,
)
from sim.rules.share.share_in_flight import ChangedRecords
from sim.rules.share.share_partition import SharePartition
from sim.rules.share.share_records import RecordState
from sim.rules.storage.offset_lookup import reset_timestamp_ms
from sim.rules.transactions.transactions import visible_batches

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["SharePartitionLeader", "merged_spans"]

Outcome = Callable[[ErrorCode], None]


class SharePartitionLeader:
    """A share partition; `records` is None until its state is known.

    `changed` is called when there may be something new to deliver, `failed` when the state here is not to be trusted.
    """

    def __init__(
        self,
        broker: "Broker",
        key: SharePartitionKey,
        partition: Partition,
        persister: SharePersister,
        changed: Callable[[], None],
        failed: Outcome,
    ) -> None:
        self._broker = broker
        self._persister = persister
        self._changed = changed
        self._failed = failed
        self._is_writing = self._has_alarm = False
        self._waiting: list[Outcome] = []
        self.settings = broker.share_settings(key.group_id)
        self.key = key
        self.partition = partition
        self.leader_epoch = partition.registration.leader_epoch
        self.records: SharePartition | None = None
        persister.read(key, self.leader_epoch, self._loaded)

    @property
    def end_offset(self) -> int:
        """How far the group may read now."""
        partition = self.partition
        return partition.log.end_for_consumers(partition.high_watermark.value, self.settings.read_committed)

    def fetch_offset(self) -> int | None:
        """Where to read next; None while nothing may be acquired."""
        records = self.records
        return records.next_fetch_offset() if records is not None and records.can_acquire() else None

    def available_bytes(self, fetch_offset: int) -> int:
        """What could be read from there."""
        return self.partition.log.size_bytes_between(fetch_offset, self.end_offset)

    def acquire(
        self, member_id: str, fetch_offset: int, max_bytes: int, max_records: int, batch_size: int
    ) -> ShareFetchData:
        """Read, and lock for a member what it may have of that.

        Source: core/src/main/java/kafka/server/share/ShareFetchUtils.java processFetchResponse
        Fidelity: exact
        """
        records, log, now_ms = self.records, self.partition.log, self._broker.now_ms
        assert records is not None
        try:
            read = log.read(fetch_offset, max_bytes, self.end_offset, True)
        except OffsetOutOfRangeError:
            records.move_log_start(log.log_start_offset)
            return ShareFetchData(ErrorCode.NONE)
        spans = [Span(batch.base_offset, batch.last_offset) for batch in read.batches]
        acquired = records.acquire(
            member_id, spans, now_ms, fetch_offset=fetch_offset, max_records=max_records, batch_size=batch_size
        )
        aborted = log.aborted_transactions(fetch_offset, read) if self.settings.read_committed else []
        if acquired and aborted:
            seen = visible_batches(read.batches, aborted)
            hidden = [batch for batch in read.batches if not batch.is_control and batch not in seen]
            acquired = records.discard(acquired, [Span(batch.base_offset, batch.last_offset) for batch in hidden])
        if not acquired:
            return ShareFetchData(ErrorCode.NONE)
        self._watch_locks()
        first, last = acquired[0].first_offset, acquired[-1].last_offset
        batches = [batch for batch in read.batches if batch.last_offset >= first and batch.base_offset <= last]
        return ShareFetchData(ErrorCode.NONE, batches, acquired)

    def acknowledge(self, member_id: str, said: Sequence[Acknowledgement], then: Outcome) -> None:
        """Take what a member says; `then` is called when that is written, or with why it does not count."""
        if self.records is None:
            then(ErrorCode.INVALID_RECORD_STATE)
            return
        try:
            changes = self.records.acknowledge(member_id, said, self._broker.now_ms)
        except InvalidRecordStateError:
            then(ErrorCode.INVALID_RECORD_STATE)
        except InvalidShareRequestError:
            then(ErrorCode.INVALID_REQUEST)
        else:
            self._take(changes, "released", then)

    def resign(self) -> None:
        """Another broker leads the partition: what waits for a write that has not begun is told so after this one."""
        self.records = None

    def release(self, member_id: str) -> None:
        """A member's session has ended: what it holds is free."""
        if self.records is not None:
            self._take(self.records.release(member_id), "session ended")

    def _take(self, changes: Sequence[ChangedRecords], cause: str, then: Outcome = lambda _: None) -> None:
        """Tell observers, write, and let those who wait look for records."""
        if not changes:
            then(ErrorCode.NONE)
            return
        self._announce(changes, cause)
        self._waiting.append(then)
        self._write()
        self._changed()

    def _announce(self, changes: Sequence[ChangedRecords], cause: str) -> None:
        returned = [piece for piece in changes if piece.state is RecordState.AVAILABLE]
        if returned:
            count, spans = merged_spans(returned)
            self._broker.announce(ShareRecordsReturned(*self.key, cause, count, spans))
        log_start = self.partition.log.log_start_offset
        archived: dict[str, list[ChangedRecords]] = {}
        for piece in changes:
            if piece.state is RecordState.ARCHIVED and piece.said is not AcknowledgeType.GAP:
                why = "rejected" if piece.said is AcknowledgeType.REJECT else "delivery count limit"
                if piece.last_offset >= log_start:
                    archived.setdefault(why, []).append(piece)
        for why, pieces in archived.items():
            count, spans = merged_spans(pieces)
            self._broker.announce(ShareRecordsArchived(*self.key, why, count, spans))

    def _write(self) -> None:
        if self._is_writing or not self._waiting or self.records is None:
            return
        self._is_writing = True
        waiting, self._waiting = self._waiting, []

        def written(error: ErrorCode) -> None:
            nonlocal waiting
            self._is_writing = False
            outcome = WRITE_ERRORS.get(error, error)
            if outcome is not ErrorCode.NONE:
                self.records = None
                self._failed(outcome)
            for then in waiting:
                then(outcome)
            if self.records is None:
                waiting, self._waiting = self._waiting, []
                for then in waiting:
                    then(outcome if outcome is not ErrorCode.NONE else ErrorCode.NOT_LEADER_OR_FOLLOWER)
            self._write()

        self._persister.write(self.key, state_of(self.records, self.leader_epoch), written)

    def _watch_locks(self) -> None:
        """See to it that the first lock that runs out is noticed."""
        until_ms = None if self._has_alarm or self.records is None else self.records.next_lock_expiry_ms()
        if until_ms is not None:
            self._has_alarm = True
            self._broker.at(until_ms * MILLISECOND, self._expire)

    def _expire(self) -> None:
        self._has_alarm = False
        if self.records is not None:
            self._take(self.records.expire_locks(self._broker.now_ms), "lock timed out")
            self._watch_locks()

    def _loaded(self, error: ErrorCode, state: SharePartitionState | None) -> None:
        """The share coordinator has told the state; a group that never read begins where its configuration says.

        Source: core/src/main/java/kafka/server/share/SharePartition.java startOffsetDuringInitialization
        """
        if state is None or error is not ErrorCode.NONE:
            self._failed(WRITE_ERRORS.get(error, error))
            return
        if state.start_offset == UNINITIALIZED_START_OFFSET:
            policy = self.settings.auto_offset_reset
            found = self.partition.offset_for(reset_timestamp_ms(policy, self._broker.now_ms))
            if isinstance(found, ErrorCode) or found.offset < 0:
                self._failed(found if isinstance(found, ErrorCode) else ErrorCode.OFFSET_NOT_AVAILABLE)
                return
            state = replace(state, start_offset=found.offset)
            self._broker.announce(PositionReset(*self.key, found.offset))
        self.records = restored(state, self.settings.limits)
        self._changed()


def merged_spans(pieces: Sequence[ChangedRecords]) -> tuple[int, tuple[tuple[int, int], ...]]:
    """How many offsets these are, and their ranges, neighbours as one."""
    spans: list[tuple[int, int]] = []
    for piece in pieces:
        if spans and spans[-1][1] == piece.first_offset - 1:
            spans[-1] = spans[-1][0], piece.last_offset
        else:
            spans.append(piece[:2])
    return sum(last - first + 1 for first, last in spans), tuple(spans)


WRITE_ERRORS = {
    ErrorCode.NOT_COORDINATOR: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.COORDINATOR_LOAD_IN_PROGRESS: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NETWORK_EXCEPTION: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.REQUEST_TIMED_OUT: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.FENCED_LEADER_EPOCH: ErrorCode.NOT_LEADER_OR_FOLLOWER,
}
"""What a failed write or read of the state means to a member.

Source: core/src/main/java/kafka/server/share/SharePartition.java fetchPersisterError
Fidelity: approximate — Kafka makes an unknown server error of network errors
"""
