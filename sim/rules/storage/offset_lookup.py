"""Offsets by time: what ListOffsets answers, and which time auto.offset.reset stands for.

Left out: tiered storage.
"""

import re
from typing import NamedTuple

from sim.rules.storage.local_log import LocalLog
from sim.rules.storage.segments import Segment

__all__ = [
    "EARLIEST_TIMESTAMP",
    "LATEST_TIMESTAMP",
    "MAX_TIMESTAMP",
    "FoundOffset",
    "offset_for_timestamp",
    "reset_timestamp_ms",
]

LATEST_TIMESTAMP = -1
EARLIEST_TIMESTAMP = -2
MAX_TIMESTAMP = -3
_DURATION = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d{1,9})?)S)?)?", re.IGNORECASE)
_UNITS_MS = (86_400_000, 3_600_000, 60_000, 1000)


class FoundOffset(NamedTuple):
    """An offset, the timestamp of its record and its leader epoch; -1 for what is not known."""

    offset: int
    timestamp_ms: int = -1
    leader_epoch: int = -1


def offset_for_timestamp(log: LocalLog, timestamp_ms: int) -> FoundOffset | None:
    """The first record whose timestamp is the given one or later, or for MAX_TIMESTAMP the first with the largest.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java fetchOffsetByTimestamp,
        clients/src/main/java/org/apache/kafka/common/record/FileRecords.java searchForTimestamp
    Fidelity: exact
    """
    if timestamp_ms == MAX_TIMESTAMP:
        timestamp_ms = max((segment.largest_timestamp_ms for segment in log.segments), default=-1)
        if timestamp_ms < 0:
            return None
    for segment in log.segments:
        if segment.largest_timestamp_ms >= timestamp_ms:
            return _search(segment, timestamp_ms, log.log_start_offset)
    return None


def _search(segment: Segment, timestamp_ms: int, start_offset: int) -> FoundOffset | None:
    for batch in segment.batches_from(0):
        columns = batch.columns
        if columns.max_timestamp_ms < timestamp_ms or batch.last_offset < start_offset:
            continue
        deltas = columns.offset_deltas or range(columns.count)
        for delta, found_ms in zip(deltas, columns.timestamps_ms, strict=False):
            if found_ms >= timestamp_ms and batch.base_offset + delta >= start_offset:
                return FoundOffset(batch.base_offset + delta, found_ms, batch.leader_epoch)
    return None


def reset_timestamp_ms(policy: str, now_ms: int) -> int:
    """The timestamp that a policy of auto.offset.reset looks for; ValueError for one that looks for none.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AutoOffsetResetStrategy.java
    Fidelity: exact
    """
    if policy in ("earliest", "latest"):
        return EARLIEST_TIMESTAMP if policy == "earliest" else LATEST_TIMESTAMP
    duration = policy.removeprefix("by_duration:")
    match = _DURATION.fullmatch(duration)
    if match is None or not any(match.groups()) or duration[-1] in "tT":
        raise ValueError(f"{policy} is not one of earliest, latest, by_duration:PnDTnHnMn.nS")
    duration_ms = sum(float(part) * unit for part, unit in zip(match.groups(), _UNITS_MS, strict=True) if part)
    return max(0, now_ms - int(duration_ms))
