"""The records of a partition that are in flight for a share group, between its start and its end (KIP-932)."""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sim.rules.share.share_acknowledgement import AcknowledgeType
from sim.rules.share.share_acquisition import ShareLimits, Span
from sim.rules.share.share_records import InFlightBatch, InFlightState, RecordState

__all__ = ["ChangedRecords", "InFlightRecords"]


class ChangedRecords(NamedTuple):
    """First and last offset of records that were held, what has become of them, and what the member said, if it did."""

    first_offset: int
    last_offset: int
    state: RecordState
    said: AcknowledgeType | None = None


class InFlightRecords:
    """Batches in order of offset; `start_offset` moves behind what is done, `end_offset` with what is acquired.

    Source: core/src/main/java/kafka/server/share/SharePartition.java cachedState
    Fidelity: approximate — states change at once, where Kafka waits for the share coordinator's write
    """

    __slots__ = ("_may_have_available", "batches", "end_offset", "limits", "start_offset")

    def __init__(self, start_offset: int = 0, limits: ShareLimits | None = None) -> None:
        self.start_offset = self.end_offset = start_offset
        self.limits = limits or ShareLimits()
        self.batches: list[InFlightBatch] = []
        self._may_have_available = False

    def parts(self) -> Iterator[tuple[int, int, InFlightState]]:
        """All that is in flight, in order: first offset, last offset, state."""
        for batch in self.batches:
            yield from batch.parts()

    def in_flight_count(self) -> int:
        """Offsets between start and end, whatever their state.

        Source: core/src/main/java/kafka/server/share/SharePartition.java numInFlightRecords
        Fidelity: exact
        """
        return self.end_offset - self.start_offset + 1 if self.batches else 0

    def next_lock_expiry_ms(self) -> int | None:
        """When the first lock runs out; None when nothing is locked."""
        return min((p.locked_until_ms for _, _, p in self.parts() if p.locked_until_ms is not None), default=None)

    def next_fetch_offset(self) -> int:
        """Where to read next: the first record that is available again, or behind all.

        Source: core/src/main/java/kafka/server/share/SharePartition.java nextFetchOffset
        Fidelity: exact
        """
        if not self.batches or self.start_offset > self.batches[-1].last_offset:
            self._may_have_available = False
            return self.end_offset
        if self._may_have_available:
            for first, _, part in self.parts():
                if part.state is RecordState.AVAILABLE:
                    return first
        self._may_have_available = False
        return self.end_offset + 1

    def take_back(self, applies: Callable[[InFlightState], bool]) -> list[ChangedRecords]:
        """Acquired records become available; those that the log has dropped meanwhile are archived. Tells which."""
        taken = []
        for batch in self.batches:
            if batch.whole is not None and batch.is_cut_by(self.start_offset) and _is_held(batch.whole, applies):
                batch.split()
            for first, last, part in batch.parts():
                if _is_held(part, applies):
                    state = RecordState.ARCHIVED if last < self.start_offset else RecordState.AVAILABLE
                    part.give_back(state, self.limits.max_delivery_count)
                    taken.append((first, last, part))
        self.given_back([part for _, _, part in taken])
        return [ChangedRecords(first, last, part.state) for first, last, part in taken]

    def given_back(self, parts: Sequence[InFlightState]) -> None:
        """What becomes of the offsets when these have changed their state."""
        if any(part.state is RecordState.AVAILABLE for part in parts):
            self._may_have_available = True
        if parts:
            self._advance()

    def _advance(self) -> None:
        """The start moves behind all that is done; batches that are done as a whole are forgotten.

        Source: core/src/main/java/kafka/server/share/SharePartition.java maybeUpdateCachedStateAndOffsets
        """
        done = -1
        for _, last, part in self.parts():
            if not part.state.is_terminal:
                break
            done = last
        if done < 0 or not self._is_start_done():
            return
        if done == self.batches[-1].last_offset:
            self.start_offset = self.end_offset = done + 1
            self.batches.clear()
            return
        count = self.count_up_to(done)
        if self.batches[count - 1].last_offset == done:
            self.start_offset = max(self.start_offset, self.batches[count].first_offset)
        else:
            self.start_offset = max(self.start_offset, done + 1)
            count -= 1
        del self.batches[:count]

    def _is_start_done(self) -> bool:
        floor = self.floor(self.start_offset)
        part = floor and (floor.whole or floor.offsets.get(self.start_offset))
        return bool(part and part.state.is_terminal)

    def archive(self, batches: Sequence[InFlightBatch], span: Span) -> None:
        """What is available of these batches, inside a range, is out of the group's reach.

        Source: core/src/main/java/kafka/server/share/SharePartition.java archiveRecords
        Fidelity: exact
        """
        for batch in batches:
            if batch.first_offset > span.last_offset:
                break
            if batch.whole is not None and batch.whole.state is RecordState.AVAILABLE and not batch.lies_within(*span):
                batch.split()
            for first, last, part in batch.parts():
                if part.state is RecordState.AVAILABLE and span.first_offset <= first and last <= span.last_offset:
                    part.archive()
                    self._may_have_available = True

    def count_up_to(self, offset: int) -> int:
        """How many batches begin at an offset or before it."""
        return bisect_right(self.batches, offset, key=lambda batch: batch.first_offset)

    def floor(self, offset: int) -> InFlightBatch | None:
        """The last batch that begins at an offset or before it."""
        count = self.count_up_to(offset)
        return self.batches[count - 1] if count else None


def _is_held(part: InFlightState, applies: Callable[[InFlightState], bool]) -> bool:
    return part.state is RecordState.ACQUIRED and applies(part)
