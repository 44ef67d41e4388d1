"""Which member may read a partition in its own rack (KIP-881)."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from itertools import chain

from sim.rules.assignors.subscription import ReplicaRacks, Subscription
from sim.rules.topics import TopicPartition

__all__ = ["RackInfo", "use_rack_awareness"]


def use_rack_awareness(member_racks: Collection[str], partition_racks: Collection[frozenset[str]]) -> bool:
    """Whether racks can make a difference: members and replicas share one, and some partition is not in all racks.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractPartitionAssignor.java
    useRackAwareAssignment
    Fidelity: exact
    """
    everywhere = frozenset(chain.from_iterable(partition_racks))
    return not everywhere.isdisjoint(member_racks) and any(racks != everywhere for racks in partition_racks)


class RackInfo:
    """Racks of members and partitions, as the sticky assignors use them; `members` is empty when racks do not count.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractStickyAssignor.java RackInfo
    Fidelity: exact
    """

    __slots__ = ("_reachable", "members", "partitions")

    def __init__(
        self,
        partition_counts: Mapping[str, int],
        subscriptions: Mapping[str, Subscription],
        replica_racks: ReplicaRacks,
    ) -> None:
        racks = {member: subscription.rack for member, subscription in subscriptions.items() if subscription.rack}
        partitions: dict[TopicPartition, frozenset[str]] = {}
        if racks:
            for topic, count in partition_counts.items():
                known = replica_racks.get(topic, ())
                for number in range(count):
                    of_replicas = filter(None, known[number]) if number < len(known) else ()
                    partitions[TopicPartition(topic, number)] = frozenset(of_replicas)
        members_of = Counter(racks.values())
        self._reachable = {name: sum(members_of[rack] for rack in where) for name, where in partitions.items()}
        aware = use_rack_awareness(racks.values(), partitions.values())
        self.members: Mapping[str, str] = racks if aware else {}
        self.partitions: Mapping[TopicPartition, frozenset[str]] = partitions if aware else {}

    def mismatch(self, member: str, partition: TopicPartition) -> bool:
        """Whether a member would have to read this partition from another rack."""
        rack = self.members.get(member)
        return rack is not None and rack not in self.partitions.get(partition, ())

    def fewest_members_first(self, partitions: list[TopicPartition]) -> list[TopicPartition]:
        """Partitions that few members have in their rack before those that many have."""
        return sorted(partitions, key=lambda partition: self._reachable.get(partition, 0))

    def next_member(self, partition: TopicPartition, members: Sequence[str], first_index: int) -> int:
        """The index of the next member, round from `first_index`, that has the partition in its rack; -1 for none."""
        racks = self.partitions.get(partition, ())
        for step in range(len(members) if racks else 0):
            index = (first_index + step) % len(members)
            if self.members.get(members[index]) in racks:
                return index
        return -1
