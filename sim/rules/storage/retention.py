"""Which segments of a log are too old or too many, and how its start moves up when they go.

Left out: tiered storage, where only segments that were copied away may go.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass

from sim.rules.errors import OffsetOutOfRangeError, PolicyViolationError
from sim.rules.storage.local_log import LocalLog
from sim.rules.storage.log import Log
from sim.rules.storage.segments import Segment

__all__ = [
    "HIGH_WATERMARK",
    "RetentionPolicy",
    "deletable_segments",
    "delete_old_segments",
    "delete_records",
    "increment_log_start_offset",
    "low_watermark",
]

HIGH_WATERMARK = -1  # the offset of a delete-records request that stands for the high watermark
_Condition = Callable[[Segment, Segment | None], bool]


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """cleanup.policy, retention.ms and retention.bytes of a topic; -1 sets no limit."""

    delete: bool = True
    compact: bool = False
    retention_ms: int = 604_800_000
    retention_bytes: int = -1

    @classmethod
    def of(cls, cleanup_policy: Collection[str], retention_ms: int, retention_bytes: int) -> "RetentionPolicy":
        """From the values of a topic's configuration."""
        return cls("delete" in cleanup_policy, "compact" in cleanup_policy, retention_ms, retention_bytes)


def delete_old_segments(log: Log, high_watermark: int, now_ms: int, policy: RetentionPolicy) -> list[Segment]:
    """Remove every segment that the policy condemns and raise the log start; return the segments that went.

    First those below the log start offset, then by size, then by time; compaction alone removes only the first kind.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java deleteOldSegments
    Fidelity: exact
    """
    removed = _delete(log, high_watermark, _below(log.log_start_offset))
    if policy.delete and 0 <= policy.retention_bytes <= log.size_bytes:
        removed += _delete(log, high_watermark, _beyond(log.size_bytes - policy.retention_bytes))
    if policy.delete and policy.retention_ms >= 0:
        removed += _delete(log, high_watermark, _older_than(now_ms, policy.retention_ms))
    return removed


def deletable_segments(log: LocalLog, high_watermark: int, condition: _Condition) -> list[Segment]:
    """The oldest segments for which the condition holds without a gap; none that reaches beyond the high watermark.

    The last one is among them when it holds records.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java deletableSegments
    Fidelity: exact
    """
    deletable: list[Segment] = []
    for segment, following in zip(log.segments, [*log.segments[1:], None], strict=True):
        upper_bound = log.log_end_offset if following is None else following.base_offset
        if high_watermark < upper_bound or not condition(segment, following):
            break
        if following is not None or segment.size_bytes:
            deletable.append(segment)
    return deletable


def _below(log_start_offset: int) -> _Condition:
    return lambda _, following: following is not None and following.base_offset <= log_start_offset


def _older_than(now_ms: int, retention_ms: int) -> _Condition:
    return lambda segment, _: now_ms - segment.retention_timestamp_ms > retention_ms


def _beyond(excess_bytes: int) -> _Condition:
    def condition(segment: Segment, _: Segment | None) -> bool:
        nonlocal excess_bytes
        if excess_bytes < segment.size_bytes:
            return False
        excess_bytes -= segment.size_bytes
        return True

    return condition


def _delete(log: Log, high_watermark: int, condition: _Condition) -> list[Segment]:
    """Remove the deletable segments; when all must go a new one is rolled first."""
    deletable = deletable_segments(log, high_watermark, condition)
    if len(deletable) == len(log.segments):
        log.roll(log.log_end_offset)
    if deletable:
        increment_log_start_offset(log, log.segments[len(deletable)].base_offset, high_watermark)
        log.remove_oldest(len(deletable))
        log.aborted.delete_below(log.segments[0].base_offset)
        for segment in deletable:
            log.producers.delete_snapshot(segment.base_offset)
    return deletable


def increment_log_start_offset(log: Log, offset: int, high_watermark: int) -> bool:
    """Raise the log start offset, and forget the leader epochs and producers that lie below it; False if it is no rise.

    The segments stay until retention next looks at them. Raises OffsetOutOfRangeError above the high watermark.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java maybeIncrementLogStartOffset
    Fidelity: exact
    """
    if offset > high_watermark:
        raise OffsetOutOfRangeError(f"log start offset {offset} would be above the high watermark {high_watermark}")
    if offset <= log.log_start_offset:
        return False
    log.log_start_offset = offset
    log.leader_epochs.truncate_from_start(offset)
    log.producers.on_log_start_offset_incremented(offset)
    return True


def delete_records(log: Log, offset: int, high_watermark: int, policy: RetentionPolicy) -> int:
    """A leader's answer to a request to delete the records below an offset; returns the offset that was meant.

    Raises PolicyViolationError for a log that is only compacted, OffsetOutOfRangeError for a negative offset or one
    above the high watermark.

    Source: core/src/main/scala/kafka/cluster/Partition.scala deleteRecordsOnLeader
    Fidelity: exact
    """
    if policy.compact and not policy.delete:
        raise PolicyViolationError("the records of a topic that is only compacted cannot be deleted")
    meant = high_watermark if offset == HIGH_WATERMARK else offset
    if meant < 0:
        raise OffsetOutOfRangeError(f"offset {meant} is not valid")
    increment_log_start_offset(log, meant, high_watermark)
    return meant


def low_watermark(leader_log_start_offset: int, followers_alive: list[int]) -> int:
    """The offset below which no live replica has records; deleting records is done when it has reached their offset.

    Source: core/src/main/scala/kafka/cluster/Partition.scala lowWatermarkIfLeader
    Fidelity: exact
    """
    return min([leader_log_start_offset, *followers_alive])
