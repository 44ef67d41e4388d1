"""How many records a member of a share group is given at once, and in what pieces (KIP-932).

Records that failed often come in smaller and smaller pieces, and alone at their last attempt, so that one bad record
does not take its neighbours with it.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from sim.rules.share.share_records import InFlightBatch, InFlightState, RecordState

__all__ = [
    "AcquiredRecords",
    "ShareLimits",
    "Span",
    "is_throttled",
    "last_offset_to_acquire",
    "merged",
    "select_offsets",
    "split_new",
]

MIN_THROTTLE_LIMIT = 2


class Span(NamedTuple):
    """First and last offset of a record batch of the log."""

    first_offset: int
    last_offset: int


class AcquiredRecords(NamedTuple):
    """Offsets, first and last, that a member is given, and how often they have been delivered with this time."""

    first_offset: int
    last_offset: int
    delivery_count: int


@dataclass(frozen=True, slots=True)
class ShareLimits:
    """What the group's configuration says of each of its partitions.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/share/ShareGroupConfig.java
    Fidelity: exact
    """

    max_delivery_count: int = 5
    max_in_flight_records: int = 2000
    record_lock_duration_ms: int = 30_000

    @property
    def throttle_delivery_count(self) -> int:
        """From how many deliveries on a batch comes in smaller pieces.

        Source: core/src/main/java/kafka/server/share/SharePartition.java throttleRecordsDeliveryLimit
        Fidelity: exact
        """
        return max(MIN_THROTTLE_LIMIT, -(-self.max_delivery_count // 2))


def is_throttled(batch: InFlightBatch, first_offset: int, last_offset: int, limits: ShareLimits) -> bool:
    """Whether something available of a batch, inside this range, has failed so often that it comes in small pieces.

    Source: core/src/main/java/kafka/server/share/SharePartition.java shouldThrottleRecordsDelivery
    Fidelity: exact
    """
    if batch.whole is None:
        parts: Iterable[InFlightState] = (s for o, s in batch.offsets.items() if first_offset <= o <= last_offset)
    else:
        parts = (batch.whole,)
    counts = [part.delivery_count for part in parts if part.state is RecordState.AVAILABLE]
    return max(counts, default=0) >= limits.throttle_delivery_count


def select_offsets(batch: InFlightBatch, first_offset: int, last_offset: int, limits: ShareLimits) -> list[int]:
    """The available offsets of a split batch, inside this range, that are delivered together.

    Half of the batch's size once it is throttled, a quarter after the next failure and so on, at least one; a record
    at its last attempt is delivered alone.

    Source: core/src/main/java/kafka/server/share/SharePartition.java acquireSubsetBatchRecords
    Fidelity: exact
    """
    chosen: list[int] = []
    most = len(batch.offsets) + 1
    throttled = False
    isolates = limits.max_delivery_count > 2
    for offset, part in batch.offsets.items():
        if not first_offset <= offset <= last_offset or part.state is not RecordState.AVAILABLE:
            continue
        is_last_attempt = isolates and part.delivery_count == limits.max_delivery_count - 1
        if is_last_attempt and chosen:
            break
        excess = part.delivery_count - limits.throttle_delivery_count
        if excess >= 0 and not throttled:
            throttled = True
            most = max(1, len(batch.offsets) >> (excess + 1))
        chosen.append(offset)
        if is_last_attempt or len(chosen) == most:
            break
    return chosen


def merged(offsets: Iterable[tuple[int, int]]) -> Iterator[AcquiredRecords]:
    """Neighbouring offsets of equal delivery count, given as (offset, count), as one piece.

    Source: core/src/main/java/kafka/server/share/ShareFetchUtils.java accumulateAcquiredRecords
    Fidelity: exact
    """
    piece: AcquiredRecords | None = None
    for offset, count in offsets:
        if piece is not None and offset == piece.last_offset + 1 and count == piece.delivery_count:
            piece = piece._replace(last_offset=offset)
            continue
        if piece is not None:
            yield piece
        piece = AcquiredRecords(offset, offset, count)
    if piece is not None:
        yield piece


def last_offset_to_acquire(log_batches: Sequence[Span], first_offset: int, last_offset: int, max_records: int) -> int:
    """Where to stop for this many records: at the end of the record batch in which the limit falls.

    Source: core/src/main/java/kafka/server/share/SharePartition.java acquireNewBatchRecords
    Fidelity: exact
    """
    limit = first_offset + max_records - 1
    if limit >= last_offset:
        return last_offset
    before = [batch for batch in log_batches if batch.first_offset <= limit]
    return before[-1].last_offset if before and limit <= before[-1].last_offset else limit


def split_new(log_batches: Sequence[Span], first_offset: int, last_offset: int, batch_size: int) -> list[Span]:
    """New records in pieces of at least `batch_size` records that end where record batches do; the last may be smaller.

    Source: core/src/main/java/kafka/server/share/SharePartition.java createBatches
    Fidelity: exact
    """
    pieces = []
    for batch in log_batches if last_offset - first_offset + 1 > batch_size else ():
        if batch.first_offset > last_offset:
            break
        if batch.first_offset - first_offset >= batch_size:
            pieces.append(Span(first_offset, batch.first_offset - 1))
            first_offset = batch.first_offset
    return [*pieces, Span(first_offset, last_offset)]
