"""A consumer group as it is described to an admin client."""

from sim.rules.errors import ErrorCode
from sim.rules.groups.consumer_group_members import NO_PARTITIONS
from sim.rules.groups.consumer_groups import ConsumerGroup
from sim.rules.protocol.consumer_group import ConsumerGroupDescribeResponse, DescribedMember

__all__ = ["describe"]


def describe(group: ConsumerGroup, default_assignor: str) -> ConsumerGroupDescribeResponse:
    """State, epochs and assignor of a group, and of each member what it has and what it should have.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/consumer/ConsumerGroup.java
        asDescribedGroup, ConsumerGroupMember.java asConsumerGroupDescribeMember
    Fidelity: exact
    """
    members = tuple(
        DescribedMember(
            member.member_id,
            member.member_epoch,
            member.client_id,
            member.instance_id,
            tuple(sorted(member.subscribed_topic_names)),
            member.subscribed_topic_regex,
            tuple(sorted(member.assigned)),
            tuple(sorted(group.target.get(member_id, NO_PARTITIONS))),
        )
        for member_id, member in group.members.items()
    )
    assignor = group.preferred_assignor(group.members, default_assignor)
    return ConsumerGroupDescribeResponse(
        ErrorCode.NONE, group.state.value, group.epoch, group.target_epoch, assignor, members
    )
