"""What the group coordinator's assignors are given (KIP-848, KIP-932), and its range assignor.

Topics have names here where Kafka's assignors see random ids: orders that follow ids in Kafka follow names.
Left out: partitions of a share group that are not initialised yet, regular expressions.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

from sim.rules.assignors.subscription import Assignment
from sim.rules.topics import TopicPartition

__all__ = ["GroupSpec", "MemberSpec", "PartitionAssignorError", "require_topics", "server_range_assign"]


class PartitionAssignorError(Exception):
    """The assignor cannot assign; Kafka's PartitionAssignorException."""


@dataclass(frozen=True, slots=True)
class MemberSpec:
    """A member of a group: its topics, its target assignment so far, its group.instance.id if it is static.

    Source: KIP-848: MemberSubscription.java and MemberAssignment.java of the assignors' interface
    Fidelity: approximate — racks are left out: Kafka's own assignors do not look at them
    """

    topics: Collection[str] = ()
    assigned: Collection[TopicPartition] = ()
    instance_id: str | None = None


@dataclass(frozen=True, slots=True)
class GroupSpec:
    """Members by member id, and whether all of them subscribe to the same topics (None: find out).

    Source: KIP-848: GroupSpec.java of the assignors' interface
    Fidelity: exact
    """

    members: Mapping[str, MemberSpec]
    homogeneous: bool | None = None

    def is_homogeneous(self) -> bool:
        """Whether every topic that is subscribed to has all members as subscribers.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/ModernGroup.java
        subscriptionType
        Fidelity: exact
        """
        if self.homogeneous is not None:
            return self.homogeneous
        return len({frozenset(member.topics) for member in self.members.values()}) <= 1


def require_topics(topics: Iterable[str], partition_counts: Mapping[str, int]) -> None:
    """Raises PartitionAssignorError when a topic does not exist.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/assignor/RangeAssignor.java,
    UniformHomogeneousAssignmentBuilder.java
    Fidelity: exact
    """
    for topic in topics:
        if topic not in partition_counts:
            raise PartitionAssignorError(f"Members are subscribed to topic {topic}, which does not exist")


def server_range_assign(group: GroupSpec, partition_counts: Mapping[str, int]) -> Assignment:
    """Each topic in contiguous ranges over its subscribers; the first ones get one more where they do not divide.

    Static members come first, by instance id, the others by member id. Raises PartitionAssignorError for a topic that
    does not exist.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/assignor/RangeAssignor.java
    Fidelity: exact
    """
    members = _ordered(group.members)
    assignment: Assignment = {member: [] for member in group.members}
    topics = sorted({topic for member in group.members.values() for topic in member.topics})
    require_topics(topics, partition_counts)
    subscribed = {member: frozenset(group.members[member].topics) for member in members}
    for topic in topics:
        subscribers = [member for member in members if topic in subscribed[member]]
        quota, extra = divmod(partition_counts[topic], len(subscribers))
        numbers = iter(range(partition_counts[topic]))
        for index, member in enumerate(subscribers):
            share = islice(numbers, quota + (index < extra))
            assignment[member] += [TopicPartition(topic, number) for number in share]
    return assignment


def _ordered(members: Mapping[str, MemberSpec]) -> Sequence[str]:
    def key(member: str) -> tuple[bool, str]:
        instance_id = members[member].instance_id
        return instance_id is None, member if instance_id is None else instance_id

    return sorted(members, key=key)
