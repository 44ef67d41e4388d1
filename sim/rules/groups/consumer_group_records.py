"""What the coordinator writes of a consumer group (KIP-848) into `__consumer_offsets`.

A record without a value (None) is a tombstone.

Source: group-coordinator/src/main/resources/common/message/ConsumerGroup*Key.json, ConsumerGroup*Value.json
Fidelity: approximate — JSON instead of Kafka's binary form, so sizes differ by some bytes
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from sim.rules.groups.consumer_group_members import NO_PARTITIONS, ConsumerGroupMember, MemberState
from sim.rules.protocol.consumer_group import Partitions
from sim.rules.topics import TopicPartition

__all__ = [
    "AssignmentRecord",
    "ConsumerGroupRecord",
    "EpochRecord",
    "MemberRecord",
    "RegexRecord",
    "ResolvedRegex",
    "TargetEpochRecord",
    "TargetRecord",
    "decode_consumer_group_record",
    "encode_consumer_group_record",
    "group_tombstones",
]


class ResolvedRegex(NamedTuple):
    """The topics that a regular expression stands for, by the metadata of a version, at a time."""

    topics: frozenset[str]
    version: int
    timestamp_ms: int


class EpochRecord(NamedTuple):
    """ConsumerGroupMetadata: the group's epoch and the hash of its topics' metadata."""

    group_id: str
    epoch: int | None
    metadata_hash: str = ""


class MemberRecord(NamedTuple):
    """ConsumerGroupMemberMetadata: what a member says of itself; epochs and partitions of `member` do not count."""

    group_id: str
    member_id: str
    member: ConsumerGroupMember | None


class TargetEpochRecord(NamedTuple):
    """ConsumerGroupTargetAssignmentMetadata: for which group epoch the target assignment was computed."""

    group_id: str
    epoch: int | None


class TargetRecord(NamedTuple):
    """ConsumerGroupTargetAssignmentMember: what a member should have."""

    group_id: str
    member_id: str
    partitions: Partitions | None


class AssignmentRecord(NamedTuple):
    """ConsumerGroupCurrentMemberAssignment: epochs, state and partitions of a member; the rest does not count."""

    group_id: str
    member_id: str
    member: ConsumerGroupMember | None


class RegexRecord(NamedTuple):
    """ConsumerGroupRegularExpression: a resolved regular expression."""

    group_id: str
    regex: str
    resolved: ResolvedRegex | None


ConsumerGroupRecord = EpochRecord | MemberRecord | TargetEpochRecord | TargetRecord | AssignmentRecord | RegexRecord

_KINDS: dict[type, int] = {
    EpochRecord: 3,
    MemberRecord: 5,
    TargetEpochRecord: 6,
    TargetRecord: 7,
    AssignmentRecord: 8,
    RegexRecord: 16,
}


def group_tombstones(group_id: str) -> tuple[ConsumerGroupRecord, ...]:
    """The records that end a group without members.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/consumer/ConsumerGroup.java
        createGroupTombstoneRecords
    Fidelity: exact
    """
    return TargetEpochRecord(group_id, None), EpochRecord(group_id, None)


def encode_consumer_group_record(record: ConsumerGroupRecord) -> tuple[bytes, bytes | None]:
    """Key and value of a record; the number that begins the key is Kafka's.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorRecordHelpers.java
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    kind = _KINDS[type(record)]
    if isinstance(record, EpochRecord | TargetEpochRecord):
        return _bytes([kind, record.group_id]), None if record.epoch is None else _bytes(record[1:])
    value = record[2]
    key = _bytes([kind, *record[:2]])
    return key, None if value is None else _bytes(_content(record))


def decode_consumer_group_record(key: bytes, value: bytes | None) -> ConsumerGroupRecord | None:
    """The record that these bytes came from; None for a record of another kind.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorRecordSerde.java
    Fidelity: approximate — JSON instead of Kafka's binary form
    """
    kind, group_id, *names = json.loads(key)
    content = None if value is None else json.loads(value)
    if kind == _KINDS[EpochRecord]:
        return EpochRecord(group_id, *(content or [None]))
    if kind == _KINDS[TargetEpochRecord]:
        return TargetEpochRecord(group_id, *(content or [None]))
    if kind == _KINDS[MemberRecord]:
        return MemberRecord(group_id, names[0], None if content is None else _member(names[0], content))
    if kind == _KINDS[TargetRecord]:
        return TargetRecord(group_id, names[0], None if content is None else _partitions(content))
    if kind == _KINDS[AssignmentRecord]:
        return AssignmentRecord(group_id, names[0], None if content is None else _assignment(names[0], content))
    if kind == _KINDS[RegexRecord]:
        resolved = None if content is None else ResolvedRegex(frozenset(content[0]), content[1], content[2])
        return RegexRecord(group_id, names[0], resolved)
    return None


def _content(record: MemberRecord | TargetRecord | AssignmentRecord | RegexRecord) -> object:
    if isinstance(record, TargetRecord):
        return _by_topic(record.partitions or NO_PARTITIONS)
    if isinstance(record, RegexRecord):
        assert record.resolved is not None
        return [sorted(record.resolved.topics), record.resolved.version, record.resolved.timestamp_ms]
    member = record.member
    assert member is not None
    if isinstance(record, AssignmentRecord):
        epochs = [member.member_epoch, member.previous_member_epoch, member.state.value]
        return [*epochs, _by_topic(member.assigned), _by_topic(member.pending_revocation)]
    identity = [member.instance_id, member.rack_id, member.client_id]
    subscription = [sorted(member.subscribed_topic_names), member.subscribed_topic_regex]
    return [*identity, *subscription, member.rebalance_timeout_ms, member.server_assignor]


def _member(member_id: str, content: list[Any]) -> ConsumerGroupMember:
    instance_id, rack_id, client_id, names, regex, rebalance_timeout_ms, server_assignor = content
    return ConsumerGroupMember(
        member_id,
        instance_id=instance_id,
        rack_id=rack_id,
        client_id=client_id,
        subscribed_topic_names=frozenset(names),
        subscribed_topic_regex=regex,
        rebalance_timeout_ms=rebalance_timeout_ms,
        server_assignor=server_assignor,
    )


def _assignment(member_id: str, content: list[Any]) -> ConsumerGroupMember:
    epoch, previous_epoch, state, assigned, pending = content
    return ConsumerGroupMember(
        member_id,
        epoch,
        previous_epoch,
        MemberState(state),
        assigned=_partitions(assigned),
        pending_revocation=_partitions(pending),
    )


def _by_topic(partitions: Iterable[TopicPartition]) -> dict[str, list[int]]:
    numbers: dict[str, list[int]] = {}
    for topic, partition in sorted(partitions):
        numbers.setdefault(topic, []).append(partition)
    return numbers


def _partitions(by_topic: Mapping[str, list[int]]) -> Partitions:
    return frozenset(TopicPartition(topic, number) for topic, numbers in by_topic.items() for number in numbers)


def _bytes(content: object) -> bytes:
    return json.dumps(content, separators=(",", ":")).encode()
