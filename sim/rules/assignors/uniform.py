"""The uniform assignor of KIP-848: equal loads, and as much as possible stays where it was."""

from collections.abc import Collection, Mapping
from itertools import islice

from sim.rules.assignors.java_order import integer_order, string_order
from sim.rules.assignors.server import GroupSpec, PartitionAssignorError, require_topics
from sim.rules.assignors.subscription import Assignment
from sim.rules.assignors.uniform_heterogeneous import HeterogeneousAssignment
from sim.rules.topics import TopicPartition, partitions_of

__all__ = ["by_topic", "uniform_assign"]


def uniform_assign(group: GroupSpec, partition_counts: Mapping[str, int]) -> Assignment:
    """Loads that differ by one at most (nearly so where subscriptions overlap), with few moves.

    Raises PartitionAssignorError for a topic that does not exist. Each member's list is ordered by topic and partition.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/assignor/UniformAssignor.java
    Fidelity: approximate — the order of topics is by name where Kafka's is by random topic id
    """
    if not group.members:
        return {}
    if group.is_homogeneous():
        found = _HomogeneousAssignment(group, partition_counts).build()
    else:
        found = HeterogeneousAssignment(group, partition_counts).build()
    return {member: sorted(found[member]) for member in group.members}


def by_topic(partitions: Collection[TopicPartition]) -> dict[str, list[int]]:
    """Partition numbers by topic, both in the order in which Kafka looks at an old assignment.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/Assignment.java
    Fidelity: approximate — the order of topics is by name where Kafka's is by random topic id
    """
    numbers: dict[str, list[int]] = {topic: [] for topic in sorted({partition.topic for partition in partitions})}
    for topic, number in partitions:
        numbers[topic].append(number)
    return {topic: integer_order(listed) for topic, listed in numbers.items()}


class _HomogeneousAssignment:
    """All members subscribe to the same topics: what is above the quota goes to those below it.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/assignor/UniformAssignor.java,
    UniformHomogeneousAssignmentBuilder.java
    """

    def __init__(self, group: GroupSpec, partition_counts: Mapping[str, int]) -> None:
        self._members = {member: group.members[member] for member in string_order(group.members)}
        self._topics = sorted(next(iter(self._members.values())).topics)
        require_topics(self._topics, partition_counts)
        taken = {partition for member in self._members.values() for partition in member.assigned}
        self._partitions = {topic: partitions_of(topic, partition_counts[topic]) for topic in self._topics}
        everything = [partition for partitions in self._partitions.values() for partition in partitions]
        self._left = [partition for partition in everything if partition not in taken]
        self._quota, self._extra = divmod(len(everything), len(self._members))
        self._room: dict[str, int] = {}
        self._assignment: Assignment = {}

    def build(self) -> Assignment:
        for index, member in enumerate(self._members):
            self._keep(member, behind=len(self._members) - index)
        left = iter(self._left)
        for member, room in self._room.items():
            self._assignment[member] += islice(left, room)
        if next(left, None) is not None:
            raise PartitionAssignorError("Partitions were left unassigned")
        return self._assignment

    def _keep(self, member: str, behind: int) -> None:
        """A member keeps what fits into its quota; whether it may have one more depends on how many come `behind`."""
        takes_extra = self._extra > 0
        room = self._quota + takes_extra
        kept = self._assignment[member] = []
        for topic, numbers in by_topic(self._members[member].assigned).items():
            if topic in self._topics:
                partitions = [self._partitions[topic][number] for number in numbers]
                kept += partitions[:room]
                self._left += partitions[room:]
                room -= len(partitions[:room])
        if room > 0 and takes_extra and behind > self._extra:
            room -= 1
            takes_extra = False
        if room > 0:
            self._room[member] = room
        self._extra -= takes_extra
