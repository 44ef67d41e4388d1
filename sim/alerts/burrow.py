"""Burrow's status of a consumer group: no threshold, but whether the last commits show that it keeps up.

Source: github.com/linkedin/Burrow, core/internal/evaluator/caching.go and core/internal/storage/inmemory.go
"""

from collections import deque
from collections.abc import Sequence
from enum import IntEnum
from itertools import pairwise
from typing import NamedTuple

__all__ = ["INTERVALS", "Commit", "PartitionHistory", "Status", "group_status", "partition_status"]

INTERVALS = 10
"""Commits of a partition, and offsets of its log, that Burrow keeps by default."""


class Status(IntEnum):
    """How a partition or a group is, worse with each; of a group nothing is worse than ERROR."""

    OK = 1
    WARNING = 2
    ERROR = 3
    STOP = 4
    STALL = 5
    REWIND = 6


class Commit(NamedTuple):
    """A committed offset, when it was committed, and the lag that Burrow knew of then; None where it knew none."""

    time_ms: int
    offset: int
    lag: int | None


class PartitionHistory:
    """What Burrow keeps of one partition for one group. Commits closer than `min_distance_ms` are one.

    Burrow asks for the end of the log only every `offset-refresh` seconds, so a lag is that of the last answer.
    """

    def __init__(self, intervals: int = INTERVALS, min_distance_ms: int = 0) -> None:
        self.commits: deque[Commit] = deque(maxlen=intervals)
        self.broker_offsets: deque[int] = deque(maxlen=intervals)
        self._min_distance_ms = min_distance_ms

    def log_ends_at(self, offset: int) -> None:
        """Burrow has asked the leader where the log ends."""
        self.broker_offsets.append(offset)

    def committed(self, time_ms: int, offset: int) -> None:
        """A commit was read; before the first answer of a leader it is dropped."""
        if not self.broker_offsets:
            return
        lag = max(0, self.broker_offsets[-1] - offset)
        if self.commits and time_ms - self.commits[-1].time_ms < self._min_distance_ms:
            self.commits[-1] = Commit(self.commits[-1].time_ms, offset, lag)
        else:
            self.commits.append(Commit(time_ms, offset, lag))

    def current_lag(self) -> int:
        """What the last answer of the leader leaves after the last commit."""
        return max(0, self.broker_offsets[-1] - self.commits[-1].offset) if self.commits else 0

    def status(self, now_ms: int, allowed_lag: int = 0, minimum_complete: float = 0.0) -> Status:
        """How the partition is now; one with fewer commits than this share of the intervals is OK."""
        commits = list(self.commits)
        if not commits or len(commits) / (self.commits.maxlen or 1) < minimum_complete:
            return Status.OK
        return partition_status(commits, list(self.broker_offsets), self.current_lag(), now_ms, allowed_lag)


def partition_status(
    commits: Sequence[Commit], broker_offsets: Sequence[int], current_lag: int, now_ms: int, allowed_lag: int = 0
) -> Status:
    """The status of one partition from its commits, oldest first, and the ends of its log, `now_ms` in milliseconds.

    Source: caching.go calculatePartitionStatus
    """
    if current_lag <= allowed_lag:
        return Status.OK
    if _stopped(commits, now_ms // 1000 * 1000) and not _had_no_lag_lately(commits, broker_offsets):
        return Status.STOP
    if _rewound(commits):
        return Status.REWIND
    if any(commit.lag is not None and commit.lag <= allowed_lag for commit in commits):
        return Status.OK
    if len({commit.offset for commit in commits}) == 1:
        return Status.STALL
    return Status.OK if _lag_falls(commits) else Status.WARNING


def group_status(partitions: Sequence[Status]) -> Status:
    """The worst of the partitions, at most ERROR.

    Source: caching.go evaluateConsumerStatus
    """
    return min(max(partitions, default=Status.OK), Status.ERROR)


def _stopped(commits: Sequence[Commit], now_ms: int) -> bool:
    """Since the last commit there was more time than from the first one to it."""
    return now_ms - commits[-1].time_ms > commits[-1].time_ms - commits[0].time_ms


def _had_no_lag_lately(commits: Sequence[Commit], broker_offsets: Sequence[int]) -> bool:
    return any(offset <= commits[-1].offset for offset in broker_offsets)


def _rewound(commits: Sequence[Commit]) -> bool:
    """Whether an offset is below the one before it, and no later one has come back to that."""
    for index in range(1, len(commits)):
        before = commits[index - 1].offset
        if commits[index].offset < before:
            return all(commit.offset < before for commit in commits[index:])
    return False


def _lag_falls(commits: Sequence[Commit]) -> bool:
    lags = [commit.lag for commit in commits if commit.lag is not None]
    return any(after < before for before, after in pairwise(lags))
