"""Where a group's offsets are put when somebody resets them, as kafka-consumer-groups.sh --reset-offsets does."""

from typing import Literal

__all__ = ["ResetMode", "clamped_offset", "reset_needs_group_empty", "reset_target"]

ResetMode = Literal["earliest", "latest", "current", "offset", "shift_by", "datetime", "duration"]

INACTIVE = ("Empty", "Dead")


def clamped_offset(offset: int, log_start_offset: int, log_end_offset: int) -> int:
    """An offset that is asked for, moved to the nearest one that there is.

    Source: tools/src/main/java/org/apache/kafka/tools/OffsetsUtils.java checkOffsetsRange
    Fidelity: exact
    """
    if offset > log_end_offset:
        return log_end_offset
    return max(offset, log_start_offset)


def reset_target(
    mode: ResetMode,
    amount: int,
    log_start_offset: int,
    log_end_offset: int,
    committed: int | None,
    found: int | None,
) -> int:
    """The new offset of one partition.

    `amount` is the offset of "offset" and the number of records of "shift_by"; `found` is the offset of the time that
    "datetime" or "duration" mean, None where no record is that late. Raises ValueError when there is nothing to shift.

    Source: tools/src/main/java/org/apache/kafka/tools/OffsetsUtils.java resetToOffset, resetToEarliest, resetToLatest,
        resetByShiftBy, resetToDateTime, resetByDuration, resetToCurrent
    Fidelity: exact
    """
    if mode == "earliest":
        return log_start_offset
    if mode == "offset":
        return clamped_offset(amount, log_start_offset, log_end_offset)
    if mode == "shift_by":
        if committed is None:
            raise ValueError("Cannot shift offset since there is no current committed offset")
        return clamped_offset(committed + amount, log_start_offset, log_end_offset)
    known = {"current": committed, "datetime": found, "duration": found}.get(mode)
    return log_end_offset if known is None else known


def reset_needs_group_empty(state: str) -> bool:
    """Whether a group in this state must first lose its members.

    Source: tools/src/main/java/org/apache/kafka/tools/consumer/group/ConsumerGroupCommand.java resetOffsets
    Fidelity: exact
    """
    return state not in INACTIVE
