"""Which partition of `__consumer_offsets` a group belongs to, and what the coordinator writes there."""

import json
from functools import lru_cache
from typing import Any, NamedTuple

from sim.rules.topics import TopicPartition

__all__ = [
    "OFFSETS_TOPIC",
    "GroupMemberRecord",
    "GroupRecord",
    "OffsetRecord",
    "decode_record",
    "encode_group",
    "encode_offset",
    "group_tombstone",
    "java_string_hash",
    "offset_tombstone",
    "partition_for_group",
]

OFFSETS_TOPIC = "__consumer_offsets"


class OffsetRecord(NamedTuple):
    """A committed offset: the next one to read, and what was noted with it."""

    group_id: str
    partition: TopicPartition
    offset: int
    metadata: str = ""


class GroupMemberRecord(NamedTuple):
    """One member of a generation: `owned` and `owned_generation` are what it said of itself when it joined."""

    member_id: str
    group_instance_id: str | None
    client_id: str
    session_timeout_ms: int
    rebalance_timeout_ms: int
    assignment: tuple[TopicPartition, ...]
    topics: tuple[str, ...]
    owned: tuple[TopicPartition, ...] = ()
    owned_generation: int = -1


class GroupRecord(NamedTuple):
    """A generation of a classic group."""

    group_id: str
    generation: int
    leader_id: str | None
    protocol_name: str | None
    members: tuple[GroupMemberRecord, ...]


@lru_cache(maxsize=10_000)
def java_string_hash(text: str) -> int:
    """`String.hashCode` of Java, signed.

    Source: Java's String.hashCode, over UTF-16 code units
    Fidelity: exact
    """
    hashed = 0
    units = text.encode("utf-16-be")
    for position in range(0, len(units), 2):
        hashed = (31 * hashed + int.from_bytes(units[position : position + 2], "big")) & 0xFFFFFFFF
    return hashed - 0x100000000 if hashed & 0x80000000 else hashed


def partition_for_group(group_id: str, partition_count: int) -> int:
    """The partition of `__consumer_offsets` whose leader coordinates a group.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorService.java partitionFor
    Fidelity: exact
    """
    hashed = java_string_hash(group_id)
    return (0 if hashed == -(1 << 31) else abs(hashed)) % partition_count


def encode_offset(record: OffsetRecord) -> tuple[bytes, bytes]:
    """Key and value of an offset commit record.

    Source: group-coordinator/src/main/resources/common/message/OffsetCommitKey.json, OffsetCommitValue.json
    Fidelity: approximate — JSON instead of Kafka's binary form, so sizes differ by some bytes
    """
    key = json.dumps([1, record.group_id, *record.partition], separators=(",", ":"))
    return key.encode(), json.dumps([record.offset, record.metadata] if record.metadata else record.offset).encode()


def offset_tombstone(group_id: str, partition: TopicPartition) -> tuple[bytes, None]:
    """Key and value of a record that ends a committed offset.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorRecordHelpers.java
        newOffsetCommitTombstoneRecord
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    return json.dumps([1, group_id, *partition], separators=(",", ":")).encode(), None


def group_tombstone(group_id: str) -> tuple[bytes, None]:
    """Key and value of a record that ends a classic group.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorRecordHelpers.java
        newGroupMetadataTombstoneRecord
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    return json.dumps([2, group_id], separators=(",", ":")).encode(), None


def encode_group(record: GroupRecord) -> tuple[bytes, bytes]:
    """Key and value of a group metadata record.

    Source: group-coordinator/src/main/resources/common/message/GroupMetadataKey.json, GroupMetadataValue.json
    Fidelity: approximate — JSON instead of Kafka's binary form, so sizes differ by some bytes
    """
    key = json.dumps([2, record.group_id], separators=(",", ":"))
    members = [
        (*member[:5], _by_topic(member.assignment), member.topics, _by_topic(member.owned), member.owned_generation)
        for member in record.members
    ]
    return key.encode(), json.dumps([*record[1:4], members], separators=(",", ":")).encode()


def decode_record(key: bytes, value: bytes) -> OffsetRecord | GroupRecord:
    """The record that these bytes came from.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorRecordSerde.java
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    kind, group_id, *rest = json.loads(key)
    content = json.loads(value)
    if kind == 1:
        offset, metadata = content if isinstance(content, list) else (content, "")
        return OffsetRecord(group_id, TopicPartition(*rest), offset, metadata)
    generation, leader_id, protocol_name, members = content
    return GroupRecord(group_id, generation, leader_id, protocol_name, tuple(map(_member, members)))


def _member(content: list[Any]) -> GroupMemberRecord:
    assignment, topics, owned, owned_generation = content[5:]
    said = _partitions(assignment), tuple(topics), _partitions(owned), owned_generation
    return GroupMemberRecord._make((*content[:5], *said))


def _by_topic(partitions: tuple[TopicPartition, ...]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {}
    for topic, number in partitions:
        numbers.setdefault(topic, []).append(number)
    return numbers


def _partitions(content: dict[str, list[int]]) -> tuple[TopicPartition, ...]:
    return tuple(TopicPartition(topic, number) for topic, numbers in content.items() for number in numbers)
