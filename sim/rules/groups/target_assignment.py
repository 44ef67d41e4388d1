"""What each member of a consumer group should have: computed by an assignor of the coordinator, written as changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.rules.assignors.server import GroupSpec, MemberSpec, server_range_assign
from sim.rules.assignors.subscription import Assignment
from sim.rules.assignors.uniform import uniform_assign
from sim.rules.groups.consumer_group_members import NO_PARTITIONS, ConsumerGroupMember
from sim.rules.groups.consumer_group_metadata import SubscriptionType, subscription_type
from sim.rules.groups.consumer_group_records import TargetEpochRecord, TargetRecord
from sim.rules.groups.consumer_groups import ConsumerGroup
from sim.rules.protocol.consumer_group import Partitions

__all__ = ["CONSUMER_GROUP_ASSIGNORS", "ServerAssignor", "TargetAssignment", "target_assignment"]

ServerAssignor = Callable[[GroupSpec, Mapping[str, int]], Assignment]

CONSUMER_GROUP_ASSIGNORS: dict[str, ServerAssignor] = {"uniform": uniform_assign, "range": server_range_assign}
"""By the names that group.consumer.assignors and group.remote.assignor have for them."""


@dataclass(frozen=True, slots=True)
class TargetAssignment:
    """A target assignment, and the records that lead to it from the one before."""

    partitions: Mapping[str, Partitions]
    records: tuple[TargetRecord | TargetEpochRecord, ...]


def target_assignment(
    group: ConsumerGroup,
    members: Mapping[str, ConsumerGroupMember],
    epoch: int,
    partition_counts: Mapping[str, int],
    assign: ServerAssignor,
) -> TargetAssignment:
    """The target assignment of a group epoch for these members; only members for whom it changes are written.

    Raises PartitionAssignorError.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/TargetAssignmentBuilder.java
    Fidelity: exact
    """
    specs = {
        member_id: MemberSpec(
            group.subscribed_topics(member) & partition_counts.keys(), _former(group, member), member.instance_id
        )
        for member_id, member in members.items()
    }
    alike = subscription_type(members.values()) is SubscriptionType.HOMOGENEOUS
    given = assign(GroupSpec(specs, alike), partition_counts)
    partitions = {member_id: frozenset(given.get(member_id, NO_PARTITIONS)) for member_id in specs}
    changed = [
        TargetRecord(group.group_id, member_id, wanted)
        for member_id, wanted in partitions.items()
        if group.target.get(member_id) != wanted
    ]
    return TargetAssignment(partitions, (*changed, TargetEpochRecord(group.group_id, epoch)))


def _former(group: ConsumerGroup, member: ConsumerGroupMember) -> Partitions:
    """What the target assignment gave a member so far, or the static member that it replaces."""
    replaced = group.static_members.get(member.instance_id or "", member.member_id)
    return group.target.get(replaced, NO_PARTITIONS)
