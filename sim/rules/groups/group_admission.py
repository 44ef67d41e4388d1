"""Who may join a classic group at all."""

from sim.rules.errors import ErrorCode
from sim.rules.groups.groups import ClassicGroup, GroupState

__all__ = ["accepts_joining_member", "join_refusal"]


def accepts_joining_member(group: ClassicGroup, member_id: str, group_max_size: int) -> bool:
    """Whether a group has room for this member; while it prepares a rebalance only those who wait already count.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        acceptJoiningMember
    Fidelity: exact
    """
    if group.state in (GroupState.EMPTY, GroupState.DEAD):
        return True
    member = group.members.get(member_id)
    if group.state is GroupState.PREPARING_REBALANCE:
        waiting = sum(other.awaiting_join for other in group.members.values())
        return (member is not None and member.awaiting_join) or waiting < group_max_size
    return member is not None or len(group.members) < group_max_size


def join_refusal(
    group: ClassicGroup | None,
    member_id: str,
    session_timeout_ms: int,
    min_session_timeout_ms: int,
    max_session_timeout_ms: int,
    group_max_size: int,
) -> ErrorCode | None:
    """Why a JoinGroup is refused before anybody looks at its protocols, or None; `group` is None for a new one.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorService.java joinGroup,
        GroupMetadataManager.java classicGroupJoinToClassicGroup
    Fidelity: exact
    """
    if not min_session_timeout_ms <= session_timeout_ms <= max_session_timeout_ms:
        return ErrorCode.INVALID_SESSION_TIMEOUT
    if group is None:
        return ErrorCode.UNKNOWN_MEMBER_ID if member_id else None
    if not accepts_joining_member(group, member_id, group_max_size):
        return ErrorCode.GROUP_MAX_SIZE_REACHED
    return None
