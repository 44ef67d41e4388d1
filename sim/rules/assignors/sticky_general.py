"""Sticky assignment when members subscribe to different topics: moves until no move makes it more balanced."""

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from sim.rules.assignors.partition_movements import PartitionMovements
from sim.rules.assignors.racks import RackInfo
from sim.rules.assignors.subscription import Assignment, MemberData
from sim.rules.topics import TopicPartition

__all__ = ["GeneralAssignment", "unassigned"]


def unassigned(partitions: Iterable[TopicPartition], assigned: Iterable[TopicPartition]) -> list[TopicPartition]:
    """Partitions without those that are assigned; both come in the same order.

    An assigned partition that does not exist any more stops the comparison, as in Kafka: what follows counts as
    unassigned.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractStickyAssignor.java
    getUnassignedPartitions
    Fidelity: exact
    """
    rest = iter(assigned)
    awaited = next(rest, None)
    left = []
    for partition in partitions:
        if partition == awaited:
            awaited = next(rest, None)
        else:
            left.append(partition)
    return left


class GeneralAssignment:
    """Members keep what they may, the least loaded subscriber gets what is left, then loads are evened out.

    `owned` are the former partitions of each member in Java's order of members, `topics` what each subscribes to, and
    `data` what each said of itself: partitions of older generations go back to their owner when that balances.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractStickyAssignor.java
    GeneralAssignmentBuilder
    Fidelity: exact
    """

    def __init__(
        self,
        partition_counts: Mapping[str, int],
        racks: RackInfo,
        owned: Mapping[str, Sequence[TopicPartition]],
        topics: Mapping[str, Sequence[str]],
        data: Mapping[str, MemberData],
    ) -> None:
        self._racks = racks
        self._topics = {member: frozenset(listed).intersection(partition_counts) for member, listed in topics.items()}
        self._members = {topic: [m for m in self._topics if topic in self._topics[m]] for topic in partition_counts}
        self._most = {member: sum(partition_counts[t] for t in listed) for member, listed in self._topics.items()}
        in_order = sorted(partition_counts, key=lambda topic: (len(self._members[topic]), topic))
        self._partitions = [TopicPartition(topic, n) for topic in in_order for n in range(partition_counts[topic])]
        self._owned = {member: dict.fromkeys(partitions) for member, partitions in owned.items()}
        self._owner = {partition: member for member, partitions in owned.items() for partition in partitions}
        self._previous = _previous_owners(data)
        self._by_load: list[tuple[int, str]] = []
        self._owners_of: dict[str, Counter[str]] = {topic: Counter() for topic in partition_counts}
        self._unbalanced_topic = ""
        self._movements = PartitionMovements()

    def build(self) -> Assignment:
        """The assignment."""
        revoked = self._revoke()
        kept = [partition for partitions in self._owned.values() for partition in partitions]
        kept.sort(key=lambda partition: (len(self._members[partition.topic]), *partition))
        left = unassigned(self._partitions, kept)
        self._by_load = sorted((len(partitions), member) for member, partitions in self._owned.items())
        fresh = self._by_load[-1][0] == 0
        for partition in [p for p in left if not (self._racks.members and self._assign(p, match_racks=True))]:
            self._assign(partition)
        self._balance(left, fresh=fresh, revoked=revoked)
        return {member: list(partitions) for member, partitions in self._owned.items()}

    def _revoke(self) -> bool:
        """Whether somebody owned what it may not keep: not subscribed to any more, or in another rack."""
        before = sum(map(len, self._owned.values()))
        for member, partitions in self._owned.items():
            self._owned[member] = {
                partition: None
                for partition in partitions
                if partition.topic in self._topics[member] and not self._racks.mismatch(member, partition)
            }
        return sum(map(len, self._owned.values())) < before

    def _assign(self, partition: TopicPartition, *, match_racks: bool = False) -> bool:
        """Whether a subscriber could be found; the least loaded one gets the partition."""
        for _, member in self._by_load:
            if partition.topic in self._topics[member] and not (
                match_racks and self._racks.mismatch(member, partition)
            ):
                self._load(member, +1)
                self._owned[member][partition] = None
                self._owner[partition] = member
                return True
        return False

    def _load(self, member: str, change: int) -> None:
        """Keeps the order of members by load while the load of one changes."""
        load = len(self._owned[member])
        del self._by_load[bisect_left(self._by_load, (load, member))]
        insort(self._by_load, (load + change, member))

    def _balance(self, new: Sequence[TopicPartition], *, fresh: bool, revoked: bool) -> None:
        """Moves new partitions first, then any; all is undone when that has not made it more balanced."""
        self._leave_out_members_that_cannot_take_part()
        for partition, member in self._owner.items():
            if partition in self._owned[member]:
                self._owners_of[partition.topic][member] += 1
        before = {member: dict(self._owned[member]) for _, member in self._by_load}
        if not revoked:
            self._reassign([partition for partition in new if self._is_movable(partition)])
        moved = self._reassign([partition for partition in self._partitions if self._is_movable(partition)])
        after = {member: self._owned[member] for member in before}
        if moved and not fresh and _imbalance(after) >= _imbalance(before):
            self._owned |= before

    def _is_movable(self, partition: TopicPartition) -> bool:
        return len(self._members[partition.topic]) > 1

    def _leave_out_members_that_cannot_take_part(self) -> None:
        """Those who own all they can get, and share none of its topics, neither give nor take."""
        for member, partitions in self._owned.items():
            if len(partitions) >= self._most[member] and not any(map(self._is_movable, partitions)):
                self._by_load.remove((len(partitions), member))
        taking_part = {member for _, member in self._by_load}
        self._previous = {partition: member for partition, member in self._previous.items() if member in taking_part}

    def _reassign(self, partitions: Sequence[TopicPartition]) -> bool:
        """Whether anything has moved; goes through the partitions until they stay, or all is balanced."""
        ever = False
        while True:
            moved = False
            for partition in partitions:
                if self._is_balanced():
                    break
                target = self._better_owner(partition)
                if target is not None:
                    self._move(partition, target)
                    moved = ever = True
            if not moved:
                return ever

    def _better_owner(self, partition: TopicPartition) -> str | None:
        """The owner of an older generation, or the least loaded subscriber, if it has less by two or more."""
        load = len(self._owned[self._owner[partition]])
        previous = self._previous.get(partition)
        if previous is not None and load > len(self._owned[previous]) + 1:
            return previous
        if any(load > len(self._owned[member]) + 1 for member in self._members[partition.topic]):
            return next(member for _, member in self._by_load if partition.topic in self._topics[member])
        return None

    def _move(self, partition: TopicPartition, target: str) -> None:
        partition = self._movements.to_move(partition, self._owner[partition], target)
        source = self._owner[partition]
        self._movements.move(partition, source, target)
        for member, change in ((source, -1), (target, +1)):
            self._load(member, change)
            self._owners_of[partition.topic][member] += change
        del self._owned[source][partition]
        self._owned[target][partition] = None
        self._owner[partition] = target

    def _is_balanced(self) -> bool:
        """Whether no member could take a partition from one that has at least two more."""
        if self._by_load[0][0] >= self._by_load[-1][0] - 1:
            return True
        if self._unbalanced_topic and self._can_improve(self._unbalanced_topic):
            return False
        self._unbalanced_topic = next((topic for topic in self._members if self._can_improve(topic)), "")
        return not self._unbalanced_topic

    def _can_improve(self, topic: str) -> bool:
        owners = [len(self._owned[member]) for member, count in self._owners_of[topic].items() if count]
        loads = [(len(self._owned[member]), self._most[member]) for member in self._members[topic]]
        subscribers = [load for load, most in loads if load != most]
        return bool(owners and subscribers) and max(owners) > min(subscribers) + 1


def _previous_owners(data: Mapping[str, MemberData]) -> dict[TopicPartition, str]:
    """Who had a partition in the newest generation before the last one that anybody knows of."""
    generations = {member: -1 if said.generation is None else said.generation for member, said in data.items()}
    newest = max(generations.values())
    previous: dict[TopicPartition, str] = {}
    for member, said in data.items():
        if generations[member] < newest:
            for partition in said.partitions:
                if partition not in previous or generations[member] > generations[previous[partition]]:
                    previous[partition] = member
    return previous


def _imbalance(owned: Mapping[str, Mapping[TopicPartition, None]]) -> int:
    """The sum of the differences in load over all pairs of members."""
    loads = sorted(map(len, owned.values()))
    return sum(load * (2 * index - len(loads) + 1) for index, load in enumerate(loads))
