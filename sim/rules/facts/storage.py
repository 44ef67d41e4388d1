"""What a broker announces of the logs on its disks: segments deleted, logs compacted or cut, directories failed."""

from dataclasses import dataclass, field

from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition

__all__ = [
    "STORAGE_JOURNAL",
    "LogCleaned",
    "LogDirectoryFailed",
    "LogStartRaised",
    "SegmentsDeleted",
    "UnflushedLost",
]


@dataclass(frozen=True, slots=True)
class SegmentsDeleted:
    """Retention has removed whole segments of one replica, whose log begins later now."""

    broker_id: int
    partition: TopicPartition
    segments: int
    size_bytes: int
    log_start_offset: int
    removed: tuple[RecordBatch, ...] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class LogStartRaised:
    """A request has deleted the records below an offset; their segments go when retention next looks."""

    broker_id: int
    partition: TopicPartition
    log_start_offset: int


@dataclass(frozen=True, slots=True)
class LogCleaned:
    """Compaction of one replica from a dirty offset up to the next; `removed` are batches that kept no record."""

    broker_id: int
    partition: TopicPartition
    first_dirty_offset: int
    end_offset: int
    before_bytes: int
    after_bytes: int
    removed: tuple[RecordColumns, ...] = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class LogDirectoryFailed:
    """A disk has refused: the replicas in a log directory are offline until the broker is started again."""

    broker_id: int
    directory: int
    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class UnflushedLost:
    """A loss of power has cut a replica's log to what was on the platter."""

    broker_id: int
    partition: TopicPartition
    from_offset: int
    to_offset: int
    removed: tuple[RecordBatch, ...] = field(default=(), repr=False, compare=False)


STORAGE_JOURNAL: tuple[type, ...] = (SegmentsDeleted, LogStartRaised, LogCleaned, LogDirectoryFailed, UnflushedLost)
