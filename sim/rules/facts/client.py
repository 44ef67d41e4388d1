"""What clients announce of their own calls, for an observer that believes nothing but what clients saw.

They are in no journal: a run has the same trace whether or not anybody listens. `app` is the process that a client
lives in; `origin` is the producer's name as its records carry it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from sim.rules.storage.batch import RecordBatch
from sim.rules.topics import TopicPartition

__all__ = [
    "BufferExhausted",
    "ConsumerOpened",
    "ConsumerSubscribed",
    "PartitionsTaken",
    "PositionSought",
    "RecordsPolled",
    "TransactionBegan",
    "TransactionEnded",
    "TransactionOffsetsSent",
]


@dataclass(frozen=True, slots=True)
class ConsumerOpened:
    """An application has made a consumer: it remembers nothing of a former one of the same name.

    `from_beginning` tells that it reads a partition without a committed offset from its first record on.
    """

    app: str
    client_id: str
    group_id: str
    read_committed: bool
    from_beginning: bool


@dataclass(frozen=True, slots=True)
class ConsumerSubscribed:
    """A consumer wants partitions of these topics from its group; none are named when a pattern decides."""

    app: str
    client_id: str
    topics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PartitionsTaken:
    """A consumer reads exactly these partitions from now on: assigned by hand, or `by_group` in a rebalance."""

    app: str
    client_id: str
    partitions: tuple[TopicPartition, ...]
    by_group: bool


@dataclass(frozen=True, slots=True)
class BufferExhausted:
    """A record found no memory in its producer's buffer within max.block.ms: send() has failed."""

    producer_app: str


@dataclass(frozen=True, slots=True)
class PositionSought:
    """An application has told its consumer to read these partitions from elsewhere."""

    app: str
    client_id: str
    partitions: tuple[TopicPartition, ...]


@dataclass(slots=True)
class RecordsPolled:
    """A poll that began at a time (ns) has returned: partition, batch, first offset, next offset of each piece."""

    app: str
    client_id: str
    began: int
    pieces: Sequence[tuple[TopicPartition, RecordBatch, int, int]]


@dataclass(frozen=True, slots=True)
class TransactionBegan:
    """A producer begins a transaction."""

    app: str
    origin: str


@dataclass(frozen=True, slots=True)
class TransactionOffsetsSent:
    """The offsets of a group are part of the producer's transaction."""

    app: str
    origin: str
    group_id: str


@dataclass(frozen=True, slots=True)
class TransactionEnded:
    """The call to commit, or else to abort, has returned without an error; a call that fails tells nothing."""

    app: str
    origin: str
    committed: bool
