"""What actors announce: state changes that no message shows, and the flow of records past the applications.

A fact is a value; the time is told beside it. Facts of `JOURNAL` are written to `facts.jsonl`, the others
(records sent, acknowledged, delivered) are too many to write and feed metrics and the verdict.
"""

from dataclasses import dataclass, field

from sim.rules.errors import ErrorCode
from sim.rules.facts.app import AppFailed, AppStarted, AppStopped
from sim.rules.facts.quorum import QUORUM_JOURNAL
from sim.rules.facts.replication import REPLICATION_JOURNAL
from sim.rules.facts.share import SHARE_JOURNAL
from sim.rules.facts.storage import STORAGE_JOURNAL
from sim.rules.facts.topic import TOPIC_JOURNAL
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition

__all__ = [
    "JOURNAL",
    "AppFailed",
    "AppStarted",
    "AppStopped",
    "BatchFailed",
    "BatchRetried",
    "BrokerFenced",
    "BrokerRegistered",
    "BrokerStarted",
    "BrokerStopped",
    "BrokerUnfenced",
    "FaultBegan",
    "FaultEnded",
    "GroupChanged",
    "IsrChanged",
    "LeaderElected",
    "LogClosed",
    "LogTruncated",
    "MemberRemoved",
    "OffsetsCommitted",
    "PartitionsAssigned",
    "PositionReset",
    "ProducerRecords",
    "RecordsAcknowledged",
    "RecordsDelivered",
    "TopicCreated",
]


@dataclass(frozen=True, slots=True)
class FaultBegan:
    """A fault of the scenario takes effect."""

    fault: str


@dataclass(frozen=True, slots=True)
class FaultEnded:
    """What the fault did is undone."""

    fault: str


@dataclass(frozen=True, slots=True)
class BrokerStarted:
    """A broker's process begins to run."""

    broker_id: int


@dataclass(frozen=True, slots=True)
class BrokerStopped:
    """A broker's process is gone."""

    broker_id: int


@dataclass(frozen=True, slots=True)
class BrokerRegistered:
    """The controller has accepted a broker's registration."""

    broker_id: int
    broker_epoch: int


@dataclass(frozen=True, slots=True)
class BrokerFenced:
    """The controller has given a broker up: no heartbeat within its session."""

    broker_id: int


@dataclass(frozen=True, slots=True)
class BrokerUnfenced:
    """A broker may lead and join ISRs again."""

    broker_id: int


@dataclass(frozen=True, slots=True)
class TopicCreated:
    """A topic exists from now on."""

    topic: str
    partition_count: int
    replication_factor: int


@dataclass(frozen=True, slots=True)
class LeaderElected:
    """A partition has a new leader; -1 means that it is offline."""

    partition: TopicPartition
    leader: int
    leader_epoch: int
    recovering: bool


@dataclass(frozen=True, slots=True)
class IsrChanged:
    """The in-sync replicas of a partition (and its eligible leader replicas) as the controller has them."""

    partition: TopicPartition
    isr: tuple[int, ...]
    elr: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LogTruncated:
    """A replica has cut records that its leader does not have."""

    broker_id: int
    partition: TopicPartition
    from_offset: int
    to_offset: int
    leader_epoch: int
    removed: tuple[RecordBatch, ...] = field(default=(), repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class GroupChanged:
    """A group enters a state."""

    group_id: str
    state: str
    generation: int
    member_count: int


@dataclass(frozen=True, slots=True)
class MemberRemoved:
    """A coordinator has removed a member: it left, its session ran out, or it missed a rebalance."""

    group_id: str
    member_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class PartitionsAssigned:
    """A consumer owns exactly these partitions from now on; none while it rebalances."""

    group_id: str
    client_id: str
    generation: int
    partitions: tuple[TopicPartition, ...]


@dataclass(frozen=True, slots=True)
class OffsetsCommitted:
    """A group's progress is stored; only offsets that this member had not committed before are listed."""

    group_id: str
    client_id: str
    offsets: tuple[tuple[TopicPartition, int], ...]


@dataclass(frozen=True, slots=True)
class PositionReset:
    """A consumer found no committed offset, or one out of range, and starts where its policy says."""

    group_id: str
    partition: TopicPartition
    offset: int


@dataclass(frozen=True, slots=True)
class BatchRetried:
    """A producer sends a batch again."""

    client_id: str
    partition: TopicPartition
    error: ErrorCode
    attempt: int
    count: int
    columns: RecordColumns | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class BatchFailed:
    """A producer has given a batch up: its records were not acknowledged, though they may be in the log."""

    client_id: str
    partition: TopicPartition
    error: ErrorCode
    columns: RecordColumns = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class LogClosed:
    """The content of a partition at the end of a run, so that the journal answers for every record.

    The high watermark is -1 when nobody leads the partition.
    """

    partition: TopicPartition
    log_start_offset: int
    high_watermark: int
    log_end_offset: int
    sha256: str


JOURNAL: tuple[type, ...] = (
    FaultBegan,
    FaultEnded,
    BrokerStarted,
    BrokerStopped,
    BrokerRegistered,
    BrokerFenced,
    BrokerUnfenced,
    TopicCreated,
    LeaderElected,
    IsrChanged,
    LogTruncated,
    GroupChanged,
    MemberRemoved,
    PartitionsAssigned,
    OffsetsCommitted,
    PositionReset,
    BatchRetried,
    BatchFailed,
    AppStarted,
    AppFailed,
    AppStopped,
    LogClosed,
    *STORAGE_JOURNAL,
    *REPLICATION_JOURNAL,
    *QUORUM_JOURNAL,
    *SHARE_JOURNAL,
    *TOPIC_JOURNAL,
)


@dataclass(slots=True)
class ProducerRecords:
    """A producer has closed a batch and sends it for the first time."""

    client_id: str
    partition: TopicPartition
    columns: RecordColumns


@dataclass(slots=True)
class RecordsAcknowledged:
    """A producer's batch is acknowledged; with acks=0 that means sent, and the offset is -1."""

    client_id: str
    partition: TopicPartition
    columns: RecordColumns
    base_offset: int
    broker_id: int


@dataclass(slots=True)
class RecordsDelivered:
    """A poll has handed records of one batch to an application: offsets `first_offset` up to `next_offset`."""

    group_id: str
    client_id: str
    partition: TopicPartition
    batch: RecordBatch
    first_offset: int
    next_offset: int
