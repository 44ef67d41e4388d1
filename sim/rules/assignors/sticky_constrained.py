"""Sticky assignment when all members subscribe to the same topics: quotas, and who owned how much."""

from collections.abc import Mapping, Sequence

from sim.rules.assignors.racks import RackInfo
from sim.rules.assignors.sticky_general import unassigned
from sim.rules.assignors.subscription import Assignment
from sim.rules.topics import TopicPartition

__all__ = ["ConstrainedAssignment"]


class ConstrainedAssignment:
    """Everybody gets the minimum quota, and the first members to have more keep one more.

    `owned` are the former partitions of each member in Java's order of members; `transfers` are, after `build`, the
    partitions that change their owner and who gets them.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractStickyAssignor.java
    ConstrainedAssignmentBuilder
    Fidelity: exact
    """

    def __init__(
        self,
        partition_counts: Mapping[str, int],
        racks: RackInfo,
        owned: Mapping[str, Sequence[TopicPartition]],
        doubly_claimed: Mapping[TopicPartition, None],
    ) -> None:
        self._counts = partition_counts
        self._racks = racks
        self._owned = owned
        self._doubly_claimed = doubly_claimed
        self._min_quota, self._members_above_wanted = divmod(sum(partition_counts.values()), len(owned))
        self._max_quota = self._min_quota + (self._members_above_wanted > 0)
        self._members_above = 0
        self._below_min: list[str] = []
        self._at_min: list[str] = []
        self._next_index = 0
        self._may_be_revoked: dict[TopicPartition, str] = {}
        self._assignment: Assignment = {member: [] for member in owned}
        self.transfers: dict[TopicPartition, str] = {}

    def build(self) -> Assignment:
        """The assignment."""
        for member, partitions in self._owned.items():
            self._keep(member, self._keepable(member, partitions))
        everything = [TopicPartition(topic, n) for topic in sorted(self._counts) for n in range(self._counts[topic])]
        kept = sorted(partition for partitions in self._assignment.values() for partition in partitions)
        left = self._racks.fewest_members_first(unassigned(everything, kept))
        self._below_min.sort()
        self._at_min.sort()
        if self._racks.members:
            left = [partition for partition in left if not self._assign_in_rack(partition)]
        self._assign_round_robin(left)
        return self._assignment

    def _keepable(self, member: str, partitions: Sequence[TopicPartition]) -> list[TopicPartition]:
        """What a member may keep if its quota allows it, lowest partition numbers first."""
        in_rack = []
        for partition in partitions:
            if self._racks.mismatch(member, partition):
                self._may_be_revoked[partition] = member
            else:
                in_rack.append(partition)
        in_rack.sort(key=lambda partition: (partition.partition, partition.topic))
        return [partition for partition in in_rack if partition not in self._doubly_claimed]

    def _keep(self, member: str, partitions: list[TopicPartition]) -> None:
        """Members keep up to their quota; the rest is given up."""
        if len(partitions) < self._min_quota:
            quota = len(partitions)
            self._below_min.append(member)
        elif len(partitions) >= self._max_quota and self._room_above_min():
            quota = self._max_quota
            self._count_above_min()
        else:
            quota = self._min_quota
            if self._room_above_min():
                self._at_min.append(member)
        self._assignment[member] += partitions[:quota]
        self._may_be_revoked.update(dict.fromkeys(partitions[quota:], member))

    def _room_above_min(self) -> bool:
        return self._members_above < self._members_above_wanted

    def _count_above_min(self) -> None:
        self._members_above += 1
        if not self._room_above_min():
            self._at_min.clear()

    def _assign_in_rack(self, partition: TopicPartition) -> bool:
        """Whether there was a member in a rack of this partition with room for it."""
        index = self._racks.next_member(partition, self._below_min, self._next_index)
        if index >= 0:
            member = self._below_min[index]
            self._next_index = self._after_filling_below_min(index, self._assign(partition, member))
            return True
        index = self._racks.next_member(partition, self._at_min, 0)
        if index < 0:
            return False
        member = self._at_min[index]
        if self._assign(partition, member) == self._max_quota:
            del self._at_min[index]
            self._count_above_min()
        return True

    def _after_filling_below_min(self, index: int, count: int) -> int:
        """Where the search for the next member begins, once the one at `index` has this many partitions."""
        if count >= self._min_quota:
            member = self._below_min.pop(index)
            if count < self._max_quota and self._room_above_min():
                self._at_min.append(member)
        else:
            index += 1
        return index % len(self._below_min) if self._below_min else 0

    def _assign_round_robin(self, partitions: Sequence[TopicPartition]) -> None:
        """Members below the minimum in turn until they have it, then one more for those who have just that."""
        turn = 0
        for partition in partitions:
            if not self._below_min:
                self._assign(partition, self._at_min.pop(0))
                continue
            turn = turn if turn < len(self._below_min) else 0
            member = self._below_min[turn]
            if self._assign(partition, member) == self._min_quota:
                del self._below_min[turn]
                self._at_min.append(member)
            else:
                turn += 1

    def _assign(self, partition: TopicPartition, member: str) -> int:
        """How many partitions the member has now."""
        self._assignment[member].append(partition)
        if self._may_be_revoked.get(partition, member) != member or partition in self._doubly_claimed:
            self.transfers[partition] = member
        return len(self._assignment[member])
