"""Which log a cleaner thread takes next, and how far it may clean it.

Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogCleanerManager.java
Fidelity: exact
"""

from collections.abc import Iterable
from dataclasses import dataclass

from sim.rules.storage.local_log import LocalLog

__all__ = ["CleanableRange", "LogToClean", "cleanable_range", "filthiest", "log_to_clean"]


@dataclass(frozen=True, slots=True)
class CleanableRange:
    """Dirty offsets that may be cleaned now; `reset` when the checkpoint was outside of the log."""

    first_dirty_offset: int
    first_uncleanable_offset: int
    reset: bool


@dataclass(frozen=True, slots=True)
class LogToClean:
    """A log as the cleaner sees it; `overdue` when records have stayed uncompacted for max.compaction.lag.ms."""

    first_dirty_offset: int
    first_uncleanable_offset: int
    clean_bytes: int
    cleanable_bytes: int
    overdue: bool

    @property
    def cleanable_ratio(self) -> float:
        """The share of dirty bytes in all that a round would read."""
        return self.cleanable_bytes / (self.clean_bytes + self.cleanable_bytes)


def cleanable_range(
    log: LocalLog, checkpoint: int | None, last_stable_offset: int, now_ms: int, min_compaction_lag_ms: int
) -> CleanableRange:
    """From where the log was last cleaned to the last stable offset, the active segment or records too young.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogCleanerManager.java cleanableOffsets
    Fidelity: exact
    """
    first_dirty_offset = log.log_start_offset if checkpoint is None else checkpoint
    reset = not log.log_start_offset <= first_dirty_offset <= log.log_end_offset
    if reset:
        first_dirty_offset = log.log_start_offset
    bounds = [last_stable_offset, log.segments[-1].base_offset]
    if min_compaction_lag_ms > 0:
        for segment in log.segments_between(first_dirty_offset, log.segments[-1].base_offset):
            if segment.retention_timestamp_ms > now_ms - min_compaction_lag_ms:
                bounds.append(segment.base_offset)
                break
    return CleanableRange(first_dirty_offset, max(first_dirty_offset, min(bounds)), reset)


def max_compaction_delay_ms(log: LocalLog, first_dirty_offset: int, now_ms: int, max_compaction_lag_ms: int) -> int:
    """How long the oldest dirty segment has waited beyond max.compaction.lag.ms; 0 when none has.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogCleanerManager.java maxCompactionDelay
    Fidelity: exact
    """
    dirty = log.segments_between(first_dirty_offset, log.segments[-1].base_offset)
    times = [segment.first_timestamp_ms for segment in dirty if segment.first_timestamp_ms is not None]
    until_ms = now_ms - max(max_compaction_lag_ms, 0)
    return max(0, until_ms - min((time_ms for time_ms in times if time_ms > 0), default=until_ms))


def log_to_clean(log: LocalLog, cleanable: CleanableRange, now_ms: int, max_compaction_lag_ms: int) -> LogToClean:
    """The sizes of a log's clean and cleanable parts; both end at segments.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogToClean.java
    Fidelity: exact
    """
    first_dirty_offset, active = cleanable.first_dirty_offset, log.segments[-1]
    unclean = log.segments_between(cleanable.first_uncleanable_offset, active.base_offset)
    end_offset = unclean[0].base_offset if unclean else active.base_offset
    clean = log.segments_between(-1, first_dirty_offset)
    dirty = log.segments_between(min(first_dirty_offset, end_offset), end_offset)
    return LogToClean(
        first_dirty_offset,
        end_offset,
        sum(segment.size_bytes for segment in clean),
        sum(segment.size_bytes for segment in dirty),
        max_compaction_delay_ms(log, first_dirty_offset, now_ms, max_compaction_lag_ms) > 0,
    )


def filthiest(candidates: Iterable[tuple[LogToClean, float]]) -> int | None:
    """Index of the log to clean: the largest dirty share above its min.cleanable.dirty.ratio or overdue; None if none.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogCleanerManager.java
    Fidelity: exact
    """
    best: tuple[float, int] | None = None
    for index, (log, min_cleanable_ratio) in enumerate(candidates):
        if not log.clean_bytes + log.cleanable_bytes:
            continue
        due = (log.overdue and log.cleanable_bytes > 0) or log.cleanable_ratio > min_cleanable_ratio
        if due and (best is None or log.cleanable_ratio > best[0]):
            best = (log.cleanable_ratio, index)
    return None if best is None else best[1]
