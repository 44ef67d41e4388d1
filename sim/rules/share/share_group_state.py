"""What the share coordinator keeps of a partition for a share group, in `__share_group_state` (KIP-932).

Left out: snapshots and updates are one record here, which tells everything; state epochs; pruning of old records.
"""

import json
from dataclasses import dataclass
from typing import NamedTuple

from sim.rules.errors import ErrorCode
from sim.rules.groups.coordinator import java_string_hash
from sim.rules.protocol.messages import HEADER_SIZE_BYTES, PARTITION_SIZE_BYTES, Message
from sim.rules.share.share_acquisition import ShareLimits
from sim.rules.share.share_partition import SharePartition
from sim.rules.share.share_records import InFlightBatch, InFlightState, RecordState
from sim.rules.topics import TopicPartition

__all__ = [
    "SHARE_GROUP_STATE_TOPIC",
    "UNINITIALIZED_START_OFFSET",
    "ReadShareGroupStateRequest",
    "ShareGroupStateResponse",
    "SharePartitionKey",
    "SharePartitionState",
    "StateBatch",
    "WriteShareGroupStateRequest",
    "decode_share_state",
    "encode_share_state",
    "merged_state",
    "partition_for_share_key",
    "restored",
    "state_of",
]

SHARE_GROUP_STATE_TOPIC = "__share_group_state"
UNINITIALIZED_START_OFFSET = -1
_STATE_BATCH_SIZE_BYTES = 19


class SharePartitionKey(NamedTuple):
    """A partition as one share group reads it.

    Source: server-common/src/main/java/org/apache/kafka/server/share/SharePartitionKey.java
    Fidelity: approximate — a topic's name stands for its id
    """

    group_id: str
    partition: TopicPartition


class StateBatch(NamedTuple):
    """First and last offset, state and number of deliveries of records in flight."""

    first_offset: int
    last_offset: int
    state: RecordState
    delivery_count: int


@dataclass(frozen=True, slots=True)
class SharePartitionState:
    """Where a share group begins to read, -1 if that is not decided, and what is in flight, without a gap.

    Source: share-coordinator/src/main/java/org/apache/kafka/coordinator/share/ShareGroupOffset.java
    Fidelity: approximate — without a state epoch; records that are held and were not in flight before count as
        available and never delivered, where Kafka leaves a gap
    """

    start_offset: int = UNINITIALIZED_START_OFFSET
    batches: tuple[StateBatch, ...] = ()
    leader_epoch: int = -1

    @property
    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return PARTITION_SIZE_BYTES + _STATE_BATCH_SIZE_BYTES * len(self.batches)


@dataclass(slots=True)
class WriteShareGroupStateRequest(Message):
    """A partition's leader tells the share coordinator of a state; one without a start offset is the first.

    Source: clients/src/main/resources/common/message/WriteShareGroupStateRequest.json,
        InitializeShareGroupStateRequest.json
    Fidelity: approximate — one partition, and all of its state
    """

    states: tuple[tuple[SharePartitionKey, SharePartitionState], ...]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + sum(state.size_bytes for _, state in self.states)


@dataclass(slots=True)
class ReadShareGroupStateRequest(Message):
    """A partition's new leader asks the share coordinator for the state.

    Source: clients/src/main/resources/common/message/ReadShareGroupStateRequest.json
    Fidelity: approximate — one partition
    """

    key: SharePartitionKey
    leader_epoch: int


@dataclass(slots=True)
class ShareGroupStateResponse(Message):
    """The share coordinator has written a state, or tells it."""

    error: ErrorCode
    state: SharePartitionState | None = None

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + (0 if self.state is None else self.state.size_bytes)


def partition_for_share_key(key: SharePartitionKey, partition_count: int) -> int:
    """The partition of `__share_group_state` whose leader keeps this state.

    Source: share-coordinator/src/main/java/org/apache/kafka/coordinator/share/ShareCoordinatorService.java partitionFor
    Fidelity: approximate — the topic's name stands for its id
    """
    hashed = java_string_hash(f"{key.group_id}:{key.partition.topic}:{key.partition.partition}")
    return (0 if hashed == -(1 << 31) else abs(hashed)) % partition_count


def state_of(partition: SharePartition, leader_epoch: int) -> SharePartitionState:
    """What is worth keeping: records that are held count as if they had not been given out this time.

    Source: core/src/main/java/kafka/server/share/SharePartition.java writeShareGroupState
    Fidelity: approximate — all batches, where Kafka sends those that have changed
    """
    batches: list[StateBatch] = []
    for first, last, part in partition.parts():
        state, count = part.state, part.delivery_count
        if state is RecordState.ACQUIRED:
            state, count = RecordState.AVAILABLE, count - 1
        if batches and batches[-1][1:] == (first - 1, state, count):
            batches[-1] = batches[-1]._replace(last_offset=last)
        elif last >= partition.start_offset:
            batches.append(StateBatch(max(first, partition.start_offset), last, state, count))
    return SharePartitionState(partition.start_offset, tuple(batches), leader_epoch)


def restored(state: SharePartitionState, limits: ShareLimits) -> SharePartition:
    """The partition as a new leader takes it over: nobody holds anything.

    Source: core/src/main/java/kafka/server/share/SharePartition.java maybeInitialize
    Fidelity: exact
    """
    partition = SharePartition(state.start_offset, limits)
    parts = []
    for first, last, record_state, count in state.batches:
        part = InFlightState(record_state, count)
        partition.batches.append(InFlightBatch(first, last, part))
        partition.end_offset = last
        parts.append(part)
    partition.given_back(parts)
    return partition


def merged_state(known: SharePartitionState | None, new: SharePartitionState) -> SharePartitionState | ErrorCode:
    """The state after a write, which an older leader, or the wish for a first state, does not change.

    Source: share-coordinator/src/main/java/org/apache/kafka/coordinator/share/ShareCoordinatorShard.java
        maybeGetWriteStateError, initializeState
    Fidelity: approximate — leader epochs only
    """
    if known is None:
        return new
    if new.start_offset == UNINITIALIZED_START_OFFSET:
        return known
    return ErrorCode.FENCED_LEADER_EPOCH if new.leader_epoch < known.leader_epoch else new


def encode_share_state(key: SharePartitionKey, state: SharePartitionState) -> tuple[bytes, bytes]:
    """Key and value of a ShareSnapshot record.

    Source: share-coordinator/src/main/resources/common/message/ShareSnapshotKey.json, ShareSnapshotValue.json
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    batches = [[first, last, known.value, count] for first, last, known, count in state.batches]
    value = [state.start_offset, state.leader_epoch, batches]
    return (
        json.dumps([0, key.group_id, *key.partition], separators=(",", ":")).encode(),
        json.dumps(value, separators=(",", ":")).encode(),
    )


def decode_share_state(key: bytes, value: bytes) -> tuple[SharePartitionKey, SharePartitionState]:
    """The state that these bytes came from.

    Source: share-coordinator/src/main/java/org/apache/kafka/coordinator/share/ShareCoordinatorRecordSerde.java
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    _, group_id, topic, number = json.loads(key)
    start_offset, leader_epoch, batches = json.loads(value)
    kept = tuple(StateBatch(first, last, RecordState(state), count) for first, last, state, count in batches)
    return SharePartitionKey(group_id, TopicPartition(topic, number)), SharePartitionState(
        start_offset, kept, leader_epoch
    )
