"""The simple assignor of share groups (KIP-932): a partition may go to several members."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import ceil
from operator import attrgetter

from sim.rules.assignors.java_order import HashedSet, hash_order, string_order, table_capacity
from sim.rules.assignors.server import GroupSpec, require_topics
from sim.rules.assignors.subscription import Assignment
from sim.rules.assignors.uniform import by_topic
from sim.rules.groups.coordinator import java_string_hash
from sim.rules.topics import TopicPartition

__all__ = ["simple_assign"]

Hash = Callable[[TopicPartition], int]


def simple_assign(group: GroupSpec, partition_counts: Mapping[str, int]) -> Assignment:
    """Each partition to as many members as it takes to give all of them something, in equal shares, with few moves.

    With different subscriptions each topic is shared out by itself, and what was assigned of a topic that nobody
    subscribes to any more stays assigned, as in Kafka. Raises PartitionAssignorError for a topic that
    does not exist. Each member's list is ordered by topic and partition.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/assignor/SimpleAssignor.java,
    SimpleHomogeneousAssignmentBuilder.java, SimpleHeterogeneousAssignmentBuilder.java
    Fidelity: approximate — partitions come in the order of their topic's name where Kafka's hashes random topic ids
    """
    members = string_order(group.members)
    specs = [group.members[member] for member in members]
    topics = sorted({topic for spec in specs for topic in spec.topics})
    require_topics(topics, partition_counts)
    old = [by_topic(spec.assigned) for spec in specs]
    if not topics:
        found: list[list[TopicPartition]] = [[] for _ in members]
    elif group.is_homogeneous():
        targets = [TopicPartition(topic, number) for topic in topics for number in range(partition_counts[topic])]
        found = _Sharing([_of(before, topics) for before in old], range(len(members)), targets, _hash).build()
    else:
        found = [_of(before, [topic for topic in before if topic not in topics]) for before in old]
        for topic in topics:
            targets = [TopicPartition(topic, number) for number in range(partition_counts[topic])]
            subscribers = [index for index, spec in enumerate(specs) if topic in spec.topics]
            sharing = _Sharing([_of(before, [topic]) for before in old], subscribers, targets, attrgetter("partition"))
            found = [before + share for before, share in zip(found, sharing.build(), strict=True)]
    assigned = dict(zip(members, found, strict=True))
    return {member: sorted(assigned[member]) for member in group.members}


def _of(assigned: Mapping[str, Sequence[int]], topics: Iterable[str]) -> list[TopicPartition]:
    """What was assigned of some topics."""
    return [TopicPartition(topic, number) for topic in topics for number in assigned.get(topic, ())]


def _hash(partition: TopicPartition) -> int:
    """The name's hash stands for that of the random topic id."""
    return 31 * java_string_hash(partition.topic) + partition.partition & 0xFFFFFFFF


class _Sharing:
    """Shares partitions out among members, who are indices into `owned`, the former assignments."""

    def __init__(
        self,
        owned: Sequence[Sequence[TopicPartition]],
        subscribers: Sequence[int],
        targets: Sequence[TopicPartition],
        hash_of: Hash,
    ) -> None:
        self._hash_of = hash_of
        self._targets = targets
        self._sharing = -(-len(subscribers) // len(targets)) if targets else 0
        self._wanted = [0] * len(owned)
        precise = self._sharing * len(targets) / len(subscribers)
        for position, member in enumerate(subscribers):
            self._wanted[member] = ceil(precise * (position + 1)) - ceil(precise * position)
        self._partitions = [HashedSet[TopicPartition](hash_of) for _ in owned]
        self._members: dict[TopicPartition, HashedSet[int]] = {}
        for member, partitions in enumerate(owned):
            for partition in partitions:
                self._partitions[member].add(partition)
                self._members.setdefault(partition, HashedSet(int)).add(member)

    def build(self) -> list[list[TopicPartition]]:
        self._revoke_from_overfilled()
        self._revoke_overshared()
        for partition in self._targets:
            self._members.setdefault(partition, HashedSet(int))
        self._assign_remaining()
        return [list(partitions) for partitions in self._partitions]

    def _revoke_from_overfilled(self) -> None:
        for member, partitions in enumerate(self._partitions):
            for partition in list(partitions)[: max(0, len(partitions) - self._wanted[member])]:
                partitions.discard(partition)
                self._members[partition].discard(member)

    def _revoke_overshared(self) -> None:
        for partition, members in self._members.items():
            for member in list(members)[: max(0, len(members) - self._sharing)]:
                members.discard(member)
                self._partitions[member].discard(partition)

    def _assign_remaining(self) -> None:
        """Members with room in turn; once a whole turn of them could not take a partition, nothing more is given."""
        unfilled = [m for m, partitions in enumerate(self._partitions) if len(partitions) < self._wanted[m]]
        requested = int((len(self._targets) + 1) / 0.75 + 1)
        capacity = table_capacity(len(self._members), requested)
        turn, assigned_in_turn = 0, False
        for partition in hash_order(self._members, self._hash_of, capacity):
            missing = self._sharing - len(self._members[partition])
            while missing > 0 and unfilled:
                if turn >= len(unfilled):
                    if not assigned_in_turn:
                        break
                    turn, assigned_in_turn = 0, False
                member = unfilled[turn]
                turn += 1
                if member in self._members[partition]:
                    continue
                self._partitions[member].add(partition)
                missing -= 1
                assigned_in_turn = True
                if len(self._partitions[member]) >= self._wanted[member]:
                    turn -= 1
                    del unfilled[turn]
