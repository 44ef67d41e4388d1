"""The client's range assignor."""

from collections.abc import Mapping, Sequence

from sim.rules.assignors.racks import use_rack_awareness
from sim.rules.assignors.subscription import (
    Assignment,
    ReplicaRacks,
    Subscription,
    assignable_topics,
    ordered_members,
)
from sim.rules.topics import TopicPartition

__all__ = ["range_assign"]


def range_assign(
    partition_counts: Mapping[str, int],
    subscriptions: Mapping[str, Subscription],
    replica_racks: ReplicaRacks | None = None,
) -> Assignment:
    """Partitions of each topic in contiguous ranges; the first members get one more where they do not divide evenly.

    Members with a group.instance.id come first, ordered by it; the others follow by member id. Topics with equal
    partition counts and subscribers are co-partitioned. Where racks count, partitions that can be read in the member's
    own rack are given out first (KIP-881). Each member's list is ordered by topic and partition.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/RangeAssignor.java
    Fidelity: exact
    """
    members = ordered_members(subscriptions)
    states = [
        _TopicState(topic, partition_counts[topic], _subscribers(topic, members, subscriptions), replica_racks or {})
        for topic in assignable_topics(partition_counts, subscriptions)
    ]
    if any(state.needs_rack_matching for state in states):
        _match_racks(states)
    for state in states:
        state.assign_ranges()
    return {
        member: [TopicPartition(s.topic, number) for s in states for number in sorted(s.assigned.get(member, ()))]
        for member in subscriptions
    }


class _TopicState:
    """One topic: what is not yet assigned, and how much each member may still get."""

    def __init__(self, topic: str, count: int, member_racks: dict[str, str], replica_racks: ReplicaRacks) -> None:
        self.topic = topic
        self.count = count
        self.members = member_racks
        self.assigned: dict[str, list[int]] = {member: [] for member in member_racks}
        self._unassigned = dict.fromkeys(range(count))
        self._quota, self._extra = divmod(count, len(member_racks))
        known = replica_racks.get(topic, ())
        self._racks = [frozenset(filter(None, known[n])) if n < len(known) else frozenset() for n in range(count)]
        racks = [rack for rack in member_racks.values() if rack]
        self.needs_rack_matching = use_rack_awareness(racks, self._racks)

    def racks_match(self, member: str, number: int) -> bool:
        return not self.members[member] or self.members[member] in self._racks[number]

    def assignable(self, member: str) -> int:
        return max(0, self._quota + (self._extra > 0) - len(self.assigned[member]))

    def assign(self, member: str, numbers: Sequence[int]) -> None:
        self.assigned[member] += numbers
        if len(self.assigned[member]) > self._quota:
            self._extra -= 1
        for number in numbers:
            del self._unassigned[number]

    def assign_ranges(self, *, match_racks: bool = False) -> None:
        for member in self.members:
            fitting = [n for n in self._unassigned if not match_racks or self.racks_match(member, n)]
            chosen = fitting[: self.assignable(member)]
            if chosen:
                self.assign(member, chosen)


def _subscribers(topic: str, members: Sequence[str], subscriptions: Mapping[str, Subscription]) -> dict[str, str]:
    """The racks of those who subscribe to a topic, in the order of members."""
    return {member: subscriptions[member].rack for member in members if topic in subscriptions[member].topics}


def _match_racks(states: Sequence[_TopicState]) -> None:
    """Give out what can be read in the own rack, co-partitioned topics together."""
    together: dict[tuple[tuple[str, ...], int], list[_TopicState]] = {}
    for state in states:
        if any(state.members.values()):
            together.setdefault((tuple(state.members), state.count), []).append(state)
    for group in together.values():
        if len(group) > 1:
            _match_racks_of_copartitioned(group)
        elif group[0].needs_rack_matching:
            group[0].assign_ranges(match_racks=True)


def _match_racks_of_copartitioned(states: Sequence[_TopicState]) -> None:
    """A partition number goes to a member that has it in its rack in all of these topics."""
    members = list(states[0].members)
    for number in range(states[0].count):
        fitting = (m for m in members if all(s.racks_match(m, number) and s.assignable(m) for s in states))
        member = next(fitting, None)
        if member is None:
            continue
        for state in states:
            state.assign(member, [number])
        if not any(state.assignable(member) for state in states):
            members.remove(member)
