"""What a coordinator does on a heartbeat of a consumer group (KIP-848): records to write, and the answer.

Left out: authorization of topics, members that use the classic protocol.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace

from sim.rules.assignors.server import PartitionAssignorError
from sim.rules.errors import ErrorCode
from sim.rules.groups.consumer_group_members import NO_PARTITIONS, ConsumerGroupMember
from sim.rules.groups.consumer_group_metadata import group_metadata_hash, subscribed_topics
from sim.rules.groups.consumer_group_records import (
    AssignmentRecord,
    ConsumerGroupRecord,
    EpochRecord,
    MemberRecord,
    RegexRecord,
    TargetRecord,
)
from sim.rules.groups.consumer_group_regexes import RegexContext, regex_change
from sim.rules.groups.consumer_groups import ConsumerGroup
from sim.rules.groups.member_reconciliation import reconcile
from sim.rules.groups.target_assignment import ServerAssignor, target_assignment
from sim.rules.protocol.consumer_group import (
    JOIN_GROUP_MEMBER_EPOCH,
    LEAVE_GROUP_STATIC_MEMBER_EPOCH,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    Partitions,
)

__all__ = ["Heartbeat", "HeartbeatContext", "fence_members", "heartbeat", "leave"]


@dataclass(frozen=True, slots=True)
class HeartbeatContext:
    """What the coordinator knows beside the group: its assignors (the first is the default), limits, topics.

    `topic_hash` gives the hash of a topic's metadata.
    """

    assignors: Mapping[str, ServerAssignor]
    partition_counts: Mapping[str, int]
    topic_hash: Callable[[str], str]
    max_size: int
    heartbeat_interval_ms: int
    regexes: RegexContext

    @property
    def default_assignor(self) -> str:
        """The assignor of members that do not ask for one."""
        return next(iter(self.assignors))


@dataclass(slots=True)
class Heartbeat:
    """The outcome of a heartbeat: the member as it is now, records to replay and write, the answer.

    `reconciled` tells that the member's assignment has gone a step on, `refreshed_epoch` at which group epoch the
    topics' metadata was compared (None: not now), `resolve_regexes` that regular expressions have to be resolved.
    """

    member: ConsumerGroupMember
    records: list[ConsumerGroupRecord]
    response: ConsumerGroupHeartbeatResponse
    reconciled: bool = False
    refreshed_epoch: int | None = None
    resolve_regexes: tuple[str, ...] = ()


def heartbeat(
    group: ConsumerGroup, request: ConsumerGroupHeartbeatRequest, context: HeartbeatContext
) -> Heartbeat | ErrorCode:
    """Create or update the member, renew the target assignment if the group's epoch rises, take the member a step on.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        consumerGroupHeartbeat
    Fidelity: exact
    """
    if len(group.members) >= context.max_size and request.member_id not in group.members:
        return ErrorCode.GROUP_MAX_SIZE_REACHED
    records: list[ConsumerGroupRecord] = []
    member = _find_member(group, request, records)
    if isinstance(member, ErrorCode):
        return member
    heard = member.heard(request)
    regexes = regex_change(group, member, heard, context.regexes)
    if isinstance(regexes, ErrorCode):
        return regexes
    names_changed = heard.subscribed_topic_names != member.subscribed_topic_names
    if heard is not member and heard != member:
        records.append(MemberRecord(group.group_id, heard.member_id, heard))
    records += regexes.records
    refreshed = _raise_epoch(group, heard, names_changed or regexes.is_resolved, context, records)
    epoch = group.epoch if refreshed is None else refreshed
    try:
        target_epoch, target = _renew_target(group, heard, epoch, context, records)
    except PartitionAssignorError:
        return ErrorCode.UNKNOWN_SERVER_ERROR
    topics = group.subscribed_topics(heard) & context.partition_counts.keys()
    changed = names_changed or regexes.is_changed
    now = reconcile(heard, target_epoch, target, topics, group.owners, request.topic_partitions, changed)
    if now is not heard and now != heard:
        records.append(AssignmentRecord(group.group_id, now.member_id, now))
    answer = ConsumerGroupHeartbeatResponse(
        ErrorCode.NONE, now.member_id, now.member_epoch, context.heartbeat_interval_ms
    )
    if request.member_epoch == JOIN_GROUP_MEMBER_EPOCH or request.is_full or now.assigned != member.assigned:
        answer.assignment = now.assigned
    return Heartbeat(now, records, answer, now != heard, refreshed, regexes.to_resolve)


def _raise_epoch(
    group: ConsumerGroup,
    heard: ConsumerGroupMember,
    is_required: bool,
    context: HeartbeatContext,
    records: list[ConsumerGroupRecord],
) -> int | None:
    """The group epoch, raised if the member's topics or their metadata are others; None if nobody has looked."""
    is_required = is_required or group.epoch == 0
    if not is_required and not group.metadata_is_due:
        return None
    topics = subscribed_topics(group.members_with(heard).values(), group.resolved)
    metadata_hash = group_metadata_hash({topic: context.topic_hash(topic) for topic in topics})
    if not is_required and metadata_hash == group.metadata_hash:
        return group.epoch
    records.append(EpochRecord(group.group_id, group.epoch + 1, metadata_hash))
    return group.epoch + 1


def _renew_target(
    group: ConsumerGroup,
    heard: ConsumerGroupMember,
    epoch: int,
    context: HeartbeatContext,
    records: list[ConsumerGroupRecord],
) -> tuple[int, Partitions]:
    """The target assignment's epoch and what it gives the member, computed anew if the group's epoch is ahead."""
    if epoch <= group.target_epoch:
        return group.target_epoch, group.target_of(heard)
    members = group.members_with(heard)
    assign = context.assignors[group.preferred_assignor(members, context.default_assignor)]
    renewed = target_assignment(group, members, epoch, context.partition_counts, assign)
    records += renewed.records
    return epoch, renewed.partitions[heard.member_id]


def leave(
    group: ConsumerGroup, request: ConsumerGroupHeartbeatRequest, context: HeartbeatContext
) -> Heartbeat | ErrorCode:
    """A member goes: for good with epoch -1, or for a while with -2, which keeps its partitions for its successor.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        consumerGroupLeave, consumerGroupStaticMemberGroupLeave
    Fidelity: exact
    """
    member = _known_member(group, request)
    if isinstance(member, ErrorCode):
        return member
    answer = ConsumerGroupHeartbeatResponse(ErrorCode.NONE, request.member_id, request.member_epoch)
    if request.member_epoch != LEAVE_GROUP_STATIC_MEMBER_EPOCH:
        return Heartbeat(member, fence_members(group, [member], context), answer)
    away = replace(member, member_epoch=LEAVE_GROUP_STATIC_MEMBER_EPOCH, pending_revocation=NO_PARTITIONS)
    return Heartbeat(away, [AssignmentRecord(group.group_id, away.member_id, away)], answer)


def fence_members(
    group: ConsumerGroup, members: Iterable[ConsumerGroupMember], context: HeartbeatContext
) -> list[ConsumerGroupRecord]:
    """Records that remove members and raise the group's epoch; the target assignment follows at the next heartbeat.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        consumerGroupFenceMembers
    Fidelity: exact
    """
    gone = {member.member_id: member for member in members}
    records = [record for member_id in gone for record in _tombstones(group.group_id, member_id)]
    stay = [member for member_id, member in group.members.items() if member_id not in gone]
    wanted = {member.subscribed_topic_regex for member in stay}
    last = sorted({member.subscribed_topic_regex for member in gone.values()} - wanted - {""})
    records += [RegexRecord(group.group_id, regex, None) for regex in last]
    hashes = {topic: context.topic_hash(topic) for topic in subscribed_topics(stay, group.resolved)}
    return [*records, EpochRecord(group.group_id, group.epoch + 1, group_metadata_hash(hashes))]


def _known_member(group: ConsumerGroup, request: ConsumerGroupHeartbeatRequest) -> ConsumerGroupMember | ErrorCode:
    if request.instance_id is None:
        return group.members.get(request.member_id) or ErrorCode.UNKNOWN_MEMBER_ID
    member = group.static_member(request.instance_id)
    if member is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    return member if member.member_id == request.member_id else ErrorCode.FENCED_INSTANCE_ID


def _find_member(
    group: ConsumerGroup, request: ConsumerGroupHeartbeatRequest, records: list[ConsumerGroupRecord]
) -> ConsumerGroupMember | ErrorCode:
    """The member that a heartbeat is from: known, new, or the successor of a static member that has left."""
    if request.member_epoch != JOIN_GROUP_MEMBER_EPOCH:
        member = _known_member(group, request)
        if isinstance(member, ErrorCode):
            return member
        return group.validate_epoch(member, request.member_epoch, request.topic_partitions) or member
    existing = None if request.instance_id is None else group.static_member(request.instance_id)
    if existing is None:
        return group.members.get(request.member_id) or ConsumerGroupMember(request.member_id)
    if existing.member_epoch != LEAVE_GROUP_STATIC_MEMBER_EPOCH:
        return ErrorCode.UNRELEASED_INSTANCE_ID
    successor = replace(existing, member_id=request.member_id, member_epoch=0, previous_member_epoch=0)
    records += _replacement(group, existing, successor)
    return successor


def _replacement(
    group: ConsumerGroup, before: ConsumerGroupMember, after: ConsumerGroupMember
) -> list[ConsumerGroupRecord]:
    """The successor takes over subscription, target and partitions."""
    return [
        *_tombstones(group.group_id, before.member_id),
        MemberRecord(group.group_id, after.member_id, after),
        TargetRecord(group.group_id, after.member_id, group.target.get(before.member_id, NO_PARTITIONS)),
        AssignmentRecord(group.group_id, after.member_id, after),
    ]


def _tombstones(group_id: str, member_id: str) -> list[ConsumerGroupRecord]:
    return [
        AssignmentRecord(group_id, member_id, None),
        TargetRecord(group_id, member_id, None),
        MemberRecord(group_id, member_id, None),
    ]
