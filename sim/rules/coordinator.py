"""Which partition of `__consumer_offsets` a group belongs to, and what the coordinator writes there."""

import json
from typing import NamedTuple

from sim.rules.topics import TopicPartition

__all__ = [
    "OFFSETS_TOPIC",
    "GroupRecord",
    "OffsetRecord",
    "decode_record",
    "encode_group",
    "encode_offset",
    "java_string_hash",
    "partition_for_group",
]

OFFSETS_TOPIC = "__consumer_offsets"


class OffsetRecord(NamedTuple):
    """A committed offset: the next one to read."""

    group_id: str
    partition: TopicPartition
    offset: int


class GroupRecord(NamedTuple):
    """A generation of a classic group: each member's id, client id, session time-out and assignment."""

    group_id: str
    generation: int
    leader_id: str | None
    protocol_name: str | None
    members: tuple[tuple[str, str, int, int, tuple[TopicPartition, ...], tuple[str, ...]], ...]


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
    return key.encode(), str(record.offset).encode()


def encode_group(record: GroupRecord) -> tuple[bytes, bytes]:
    """Key and value of a group metadata record.

    Source: group-coordinator/src/main/resources/common/message/GroupMetadataKey.json, GroupMetadataValue.json
    Fidelity: approximate — JSON instead of Kafka's binary form, so sizes differ by some bytes
    """
    key = json.dumps([2, record.group_id], separators=(",", ":"))
    return key.encode(), json.dumps(record[1:], separators=(",", ":")).encode()


def decode_record(key: bytes, value: bytes) -> OffsetRecord | GroupRecord:
    """The record that these bytes came from.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorRecordSerde.java
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    kind, group_id, *rest = json.loads(key)
    content = json.loads(value)
    if kind == 1:
        return OffsetRecord(group_id, TopicPartition(*rest), content)
    generation, leader_id, protocol_name, members = content
    decoded = tuple(
        (member_id, client_id, session_ms, rebalance_ms, tuple(TopicPartition(*p) for p in partitions), tuple(topics))
        for member_id, client_id, session_ms, rebalance_ms, partitions, topics in members
    )
    return GroupRecord(group_id, generation, leader_id, protocol_name, decoded)
