"""What a coordinator does on a heartbeat of a share group (KIP-932): records to write, and the answer."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from sim.rules.assignors.server import PartitionAssignorError
from sim.rules.assignors.simple import simple_assign
from sim.rules.controller.metadata import MetadataImage
from sim.rules.errors import ErrorCode
from sim.rules.groups.consumer_group_members import NO_PARTITIONS, ConsumerGroupMember
from sim.rules.groups.consumer_group_metadata import group_metadata_hash
from sim.rules.groups.consumer_group_records import AssignmentRecord, EpochRecord, MemberRecord, TargetRecord
from sim.rules.groups.target_assignment import target_assignment
from sim.rules.protocol.consumer_group import JOIN_GROUP_MEMBER_EPOCH, Partitions
from sim.rules.protocol.share_group import ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse
from sim.rules.share.share_groups import ShareGroup, ShareGroupRecord, StatePartitionsRecord

__all__ = ["ShareHeartbeat", "ShareHeartbeatContext", "fence_share_member", "share_heartbeat"]


@dataclass(frozen=True, slots=True)
class ShareHeartbeatContext:
    """What the coordinator knows beside the group; `topic_hash` gives the hash of a topic's metadata."""

    image: MetadataImage
    topic_hash: Callable[[str], str]
    max_size: int
    heartbeat_interval_ms: int
    now_ms: int
    initialize_retry_interval_ms: int = 30_000


@dataclass(slots=True)
class ShareHeartbeat:
    """The outcome of a heartbeat: records to replay and write, the answer, partitions that need a state.

    `refreshed_epoch` tells at which group epoch the topics' metadata was compared (None: not now).
    """

    member: ConsumerGroupMember
    records: list[ShareGroupRecord]
    response: ShareGroupHeartbeatResponse
    refreshed_epoch: int | None
    to_initialize: Partitions


def share_heartbeat(
    group: ShareGroup, request: ShareGroupHeartbeatRequest, context: ShareHeartbeatContext
) -> ShareHeartbeat | ErrorCode:
    """Create or update the member, renew the target assignment if the group's epoch rises, give the member its own.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        shareGroupHeartbeat
    Fidelity: exact
    """
    if len(group.members) >= context.max_size and request.member_id not in group.members:
        return ErrorCode.GROUP_MAX_SIZE_REACHED
    member = _find_member(group, request)
    if isinstance(member, ErrorCode):
        return member
    records: list[ShareGroupRecord] = []
    heard = _heard(member, request)
    names_changed = heard.subscribed_topic_names != member.subscribed_topic_names
    if heard != member:
        records.append(MemberRecord(group.group_id, heard.member_id, heard))
    members = group.members_with(heard)
    topics = frozenset().union(*(known.subscribed_topic_names for known in members.values()))
    is_required = names_changed or group.is_assignment_pending
    refreshed = _raise_epoch(group, topics, is_required, context, records)
    epoch = group.epoch if refreshed is None else refreshed
    now = heard
    if epoch > group.target_epoch:
        try:
            renewed = target_assignment(group, members, epoch, dict(group.initialized.counts), simple_assign)
        except PartitionAssignorError:
            return ErrorCode.UNKNOWN_SERVER_ERROR
        records += renewed.records
        now = _reconciled(heard, epoch, renewed.partitions[heard.member_id])
    elif heard.member_epoch != group.target_epoch:
        now = _reconciled(heard, group.target_epoch, group.target.get(heard.member_id, NO_PARTITIONS))
    if now != heard:
        records.append(AssignmentRecord(group.group_id, now.member_id, now))
    answer = ShareGroupHeartbeatResponse(ErrorCode.NONE, now.member_id, now.member_epoch, context.heartbeat_interval_ms)
    is_full = request.member_epoch == JOIN_GROUP_MEMBER_EPOCH or request.subscribed_topic_names is not None
    if is_full or now.assigned != member.assigned:
        answer.assignment = now.assigned
    missing = group.initialized.missing(topics, context.image, context.now_ms, context.initialize_retry_interval_ms)
    if missing:
        records.append(StatePartitionsRecord(group.group_id, group.initialized.asked(missing, context.now_ms)))
    return ShareHeartbeat(now, records, answer, refreshed, missing)


def fence_share_member(
    group: ShareGroup, member_id: str, topic_hash: Callable[[str], str]
) -> list[ShareGroupRecord] | ErrorCode:
    """Records that remove a member and raise the group's epoch; the target assignment follows at the next heartbeat.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        shareGroupLeave, shareGroupFenceMember
    Fidelity: exact
    """
    if member_id not in group.members:
        return ErrorCode.UNKNOWN_MEMBER_ID
    stay = [member for member in group.members.values() if member.member_id != member_id]
    topics = frozenset().union(*(member.subscribed_topic_names for member in stay))
    metadata_hash = group_metadata_hash({topic: topic_hash(topic) for topic in topics})
    return [
        AssignmentRecord(group.group_id, member_id, None),
        TargetRecord(group.group_id, member_id, None),
        MemberRecord(group.group_id, member_id, None),
        EpochRecord(group.group_id, group.epoch + 1, metadata_hash),
    ]


def _find_member(group: ShareGroup, request: ShareGroupHeartbeatRequest) -> ConsumerGroupMember | ErrorCode:
    member = group.members.get(request.member_id)
    if request.member_epoch == JOIN_GROUP_MEMBER_EPOCH:
        return member or ConsumerGroupMember(request.member_id)
    if member is None:
        return ErrorCode.UNKNOWN_MEMBER_ID
    is_known = request.member_epoch in (member.member_epoch, member.previous_member_epoch)
    return member if is_known else ErrorCode.FENCED_MEMBER_EPOCH


def _heard(member: ConsumerGroupMember, request: ShareGroupHeartbeatRequest) -> ConsumerGroupMember:
    names = request.subscribed_topic_names
    return replace(
        member,
        rack_id=member.rack_id if request.rack_id is None else request.rack_id,
        client_id=request.client_id,
        subscribed_topic_names=member.subscribed_topic_names if names is None else frozenset(names),
    )


def _reconciled(member: ConsumerGroupMember, epoch: int, partitions: Partitions) -> ConsumerGroupMember:
    """The member with its part of the target assignment, which it has at once.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/share/
        ShareGroupAssignmentBuilder.java
    Fidelity: exact
    """
    assigned = frozenset(name for name in partitions if name.topic in member.subscribed_topic_names)
    return replace(member, member_epoch=epoch, previous_member_epoch=member.member_epoch, assigned=assigned)


def _raise_epoch(
    group: ShareGroup,
    topics: frozenset[str],
    is_required: bool,
    context: ShareHeartbeatContext,
    records: list[ShareGroupRecord],
) -> int | None:
    """The group epoch, raised if topics, their metadata or what is ready are others; None if nobody has looked."""
    if not is_required and not group.metadata_is_due:
        return None
    metadata_hash = group_metadata_hash({topic: context.topic_hash(topic) for topic in topics})
    if not is_required and metadata_hash == group.metadata_hash:
        return group.epoch
    records.append(EpochRecord(group.group_id, group.epoch + 1, metadata_hash))
    return group.epoch + 1
