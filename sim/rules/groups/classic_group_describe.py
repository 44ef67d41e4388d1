"""A classic group as it is described to an administrator."""

from sim.rules.errors import ErrorCode
from sim.rules.groups.groups import ClassicGroup, GroupState
from sim.rules.protocol.group_admin import DescribeGroupResponse, GroupMember

__all__ = ["describe_classic_group"]


def describe_classic_group(group: ClassicGroup) -> DescribeGroupResponse:
    """State, assignor and members of a group; what the members have is told only while it is stable.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java describeGroups
    Fidelity: exact
    """
    stable = group.state is GroupState.STABLE
    members = []
    for member in group.members.values():
        known = member.assignment if stable and isinstance(member.assignment, tuple) else ()
        members.append(GroupMember(member.member_id, member.client_id, member.group_instance_id, known))
    protocol = (group.protocol_name or "") if stable else ""
    return DescribeGroupResponse(ErrorCode.NONE, group.state.value, group.protocol_type or "", protocol, members)
