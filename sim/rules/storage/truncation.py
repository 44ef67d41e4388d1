"""How a follower finds where its log and the leader's part, and cuts its own log back to that offset."""

from typing import NamedTuple

from sim.rules.errors import OffsetOutOfRangeError
from sim.rules.storage.leader_epochs import UNDEFINED_EPOCH, UNDEFINED_OFFSET, LeaderEpochCache

__all__ = ["Truncation", "diverging_epoch", "truncation_offset"]


class Truncation(NamedTuple):
    """Where a follower cuts its log, and whether that settles it or the leader must be asked again."""

    offset: int
    completed: bool


def diverging_epoch(
    leader_epochs: LeaderEpochCache,
    leader_log_end_offset: int,
    last_fetched_epoch: int | None,
    fetch_offset: int,
    leader_log_start_offset: int = 0,
) -> tuple[int, int] | None:
    """The leader's test of a fetch: None when the fetcher's log is a prefix of its own, else (epoch, end offset).

    Raises OffsetOutOfRangeError when the leader does not know the epoch or the offset lies before its log start.

    Source: core/src/main/scala/kafka/cluster/Partition.scala readRecords
    Fidelity: exact
    """
    if last_fetched_epoch is None:
        return None
    epoch, end_offset = leader_epochs.end_offset_for(last_fetched_epoch, leader_log_end_offset)
    if epoch == UNDEFINED_EPOCH or end_offset == UNDEFINED_OFFSET:
        raise OffsetOutOfRangeError(f"the end of leader epoch {last_fetched_epoch} is not known here")
    if fetch_offset < leader_log_start_offset:
        raise OffsetOutOfRangeError(f"offset {fetch_offset} is below the log start offset {leader_log_start_offset}")
    if epoch < last_fetched_epoch or end_offset < fetch_offset:
        return epoch, end_offset
    return None


def truncation_offset(
    follower_epochs: LeaderEpochCache, follower_log_end_offset: int, leader_epoch: int, leader_end_offset: int
) -> Truncation:
    """The follower's reaction to a diverging epoch: cut to where both logs can still agree.

    An epoch that the follower knows settles it; otherwise it cuts to the end of its largest smaller epoch and fetches
    again. The high watermark plays no part in it.

    Source: core/src/main/scala/kafka/server/AbstractFetcherThread.scala getOffsetTruncationState, KIP-101, KIP-279
    Fidelity: exact
    """
    if leader_end_offset == UNDEFINED_OFFSET:
        return Truncation(follower_log_end_offset, True)
    known_epoch, known_end_offset = follower_epochs.end_offset_for(leader_epoch, follower_log_end_offset)
    if known_end_offset == UNDEFINED_OFFSET:
        return Truncation(min(leader_end_offset, follower_log_end_offset), True)
    if known_epoch != leader_epoch:
        return Truncation(min(known_end_offset, follower_log_end_offset), False)
    return Truncation(min(known_end_offset, leader_end_offset, follower_log_end_offset), True)
