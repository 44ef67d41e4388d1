"""A share group as its coordinator keeps it (KIP-932): members, epochs, and the partitions that are ready for it.

A partition is ready ("initialized") when the share coordinator has a state for it; only then it is assigned.
Records are those of consumer groups under other numbers. Left out: the deletion of a group's states.
"""

import json
from dataclasses import dataclass, replace
from typing import NamedTuple

from sim.rules.controller.metadata import MetadataImage
from sim.rules.groups.consumer_group_members import ConsumerGroupMember
from sim.rules.groups.consumer_group_records import (
    ConsumerGroupRecord,
    decode_consumer_group_record,
    encode_consumer_group_record,
)
from sim.rules.groups.consumer_groups import ConsumerGroup, ConsumerGroupState
from sim.rules.protocol.consumer_group import Partitions
from sim.rules.topics import TopicPartition

__all__ = [
    "NOTHING_INITIALIZED",
    "InitializedPartitions",
    "ShareGroup",
    "ShareGroupRecord",
    "StatePartitionsRecord",
    "decode_share_group_record",
    "encode_share_group_record",
]

_KINDS = {3: 11, 5: 10, 6: 12, 7: 13, 8: 14}
_CONSUMER_KINDS = {share: consumer for consumer, share in _KINDS.items()}
_STATE_PARTITIONS_KIND = 15


@dataclass(frozen=True, slots=True)
class InitializedPartitions:
    """How many partitions of each topic have a state, and of which topics states were asked for, at what time.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        ShareGroupStatePartitionMetadataInfo
    Fidelity: approximate — counts instead of sets: partitions of a topic are numbered without a gap
    """

    counts: tuple[tuple[str, int], ...] = ()
    asked_at_ms: tuple[tuple[str, int], ...] = ()

    def missing(self, topics: frozenset[str], image: MetadataImage, now_ms: int, retry_ms: int) -> Partitions:
        """The partitions of these topics that have no state, if it has not been asked for lately.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
            subscribedTopicsChangeMap
        Fidelity: exact
        """
        ready = dict(self.counts)
        asked = {topic for topic, since_ms in self.asked_at_ms if now_ms - since_ms < retry_ms}
        return frozenset(
            TopicPartition(topic, number)
            for topic in topics - asked
            for number in range(ready.get(topic, 0), image.partition_counts.get(topic, 0))
        )

    def asked(self, partitions: Partitions, now_ms: int) -> "InitializedPartitions":
        """The same when states of these have been asked for."""
        asked = {**dict(self.asked_at_ms), **dict.fromkeys(sorted({name.topic for name in partitions}), now_ms)}
        return replace(self, asked_at_ms=tuple(asked.items()))

    def initialized(self, partitions: Partitions) -> "InitializedPartitions":
        """The same when these have a state."""
        counts = dict(self.counts)
        for topic, number in sorted(partitions):
            counts[topic] = max(counts.get(topic, 0), number + 1)
        asked = tuple(pair for pair in self.asked_at_ms if pair[0] not in {name.topic for name in partitions})
        return InitializedPartitions(tuple(counts.items()), asked)


NOTHING_INITIALIZED = InitializedPartitions()


class StatePartitionsRecord(NamedTuple):
    """ShareGroupStatePartitionMetadata: which partitions have a state."""

    group_id: str
    partitions: InitializedPartitions


ShareGroupRecord = ConsumerGroupRecord | StatePartitionsRecord


class ShareGroup(ConsumerGroup):
    """A consumer group whose partitions may have several owners, and whose members need not give anything up.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/share/ShareGroup.java
    Fidelity: exact
    """

    __slots__ = ("initialized",)

    def __init__(self, group_id: str) -> None:
        super().__init__(group_id)
        self.initialized = NOTHING_INITIALIZED

    @property
    def state(self) -> ConsumerGroupState:
        """Empty or stable: members take over an assignment with the answer to their heartbeat."""
        return ConsumerGroupState.STABLE if self.members else ConsumerGroupState.EMPTY

    @property
    def is_assignment_pending(self) -> bool:
        """Whether partitions have become ready that nobody has been assigned.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
            initializedAssignmentPending
        Fidelity: exact
        """
        topics = self.topics()
        given: dict[str, set[int]] = {}
        for partitions in self.target.values():
            for topic, number in partitions:
                given.setdefault(topic, set()).add(number)
        return any(topic in topics and len(given.get(topic, ())) != count for topic, count in self.initialized.counts)

    def replay_share(self, record: ShareGroupRecord) -> None:
        """Take a record.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java replay
        Fidelity: exact
        """
        if isinstance(record, StatePartitionsRecord):
            self.initialized = record.partitions
        else:
            self.replay(record)

    def _replay_assignment(self, member_id: str, member: ConsumerGroupMember | None) -> None:
        known = self.members.get(member_id)
        if member is not None:
            epochs = member.member_epoch, member.previous_member_epoch
            now = known or ConsumerGroupMember(member_id)
            self.members[member_id] = replace(
                now, member_epoch=epochs[0], previous_member_epoch=epochs[1], assigned=member.assigned
            )


def encode_share_group_record(record: ShareGroupRecord) -> tuple[bytes, bytes | None]:
    """Key and value of a record; the number that begins the key is Kafka's.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorRecordHelpers.java
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    if isinstance(record, StatePartitionsRecord):
        said = record.partitions
        value: bytes | None = json.dumps([said.counts, said.asked_at_ms], separators=(",", ":")).encode()
        return json.dumps([_STATE_PARTITIONS_KIND, record.group_id], separators=(",", ":")).encode(), value
    key, value = encode_consumer_group_record(record)
    kind, *rest = json.loads(key)
    return json.dumps([_KINDS[kind], *rest], separators=(",", ":")).encode(), value


def decode_share_group_record(key: bytes, value: bytes | None) -> ShareGroupRecord | None:
    """The record that these bytes came from; None for a record of another kind.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorRecordSerde.java
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    kind, *rest = json.loads(key)
    if kind == _STATE_PARTITIONS_KIND:
        counts, asked = json.loads(value) if value is not None else ((), ())
        return StatePartitionsRecord(
            rest[0], InitializedPartitions(tuple(map(tuple, counts)), tuple(map(tuple, asked)))
        )
    if kind not in _CONSUMER_KINDS:
        return None
    return decode_consumer_group_record(json.dumps([_CONSUMER_KINDS[kind], *rest]).encode(), value)
