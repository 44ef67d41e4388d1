"""Who has least and who has most among the subscribers of a topic, while partitions go from one end to the other."""

from collections.abc import Sequence

__all__ = ["LoadBalancer"]


class LoadBalancer:
    """Hands out least and most loaded members in turn, and assumes that each then has one partition more or less.

    `loads` are the partition counts of all members, by index; `members` the indices of those to balance. Two ranges of
    members of equal load grow towards each other: the least loaded from the left, the most loaded from the right.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/assignor/UniformAssignor.java,
    UniformHeterogeneousAssignmentBuilder.java MemberAssignmentBalancer
    Fidelity: exact
    """

    __slots__ = (
        "_least_end",
        "_least_load",
        "_loads",
        "_members",
        "_most_end",
        "_most_load",
        "_most_start",
        "_next_least",
        "_next_most",
    )

    def __init__(self, loads: Sequence[int], members: Sequence[int]) -> None:
        self._loads = loads
        self._members = sorted(members, key=lambda member: (loads[member], member))
        self._least_end = self._next_least = 0
        self._least_load = loads[self._members[0]] - 1
        self._most_start = self._most_end = len(members)
        self._next_most = len(members) - 1
        self._most_load = loads[self._members[-1]] + 1

    def imbalance(self) -> int:
        """The difference in load between the ends."""
        return self._loads[self._members[-1]] - self._loads[self._members[0]]

    def is_balanced(self) -> bool:
        """Whether the two ranges have come as close as one partition."""
        return self._most_load - self._least_load <= 1

    def next_least_loaded(self) -> int:
        """The member that gets the next partition."""
        if self._next_least >= self._least_end:
            self._least_load += 1
            while self._least_end < len(self._members) and self._load(self._least_end) == self._least_load:
                self._least_end += 1
            self._next_least = 0
        self._next_least += 1
        return self._members[self._next_least - 1]

    def next_most_loaded(self) -> int | None:
        """The member that gives the next partition away; None when nobody is left who could."""
        if self._next_most < self._most_start:
            if self._most_end <= self._most_start and self._most_start > 0:
                self._most_load = self._load(self._most_start - 1)
            else:
                self._most_load -= 1
            while self._most_start > 0 and self._load(self._most_start - 1) == self._most_load:
                self._most_start -= 1
            self._next_most = self._most_end - 1
        if self._next_most < 0:
            return None
        self._next_most -= 1
        return self._members[self._next_most + 1]

    def exclude_most_loaded(self) -> None:
        """The member that came last from `next_most_loaded` has nothing to give."""
        here, last = self._next_most + 1, self._most_end - 1
        self._members[here], self._members[last] = self._members[last], self._members[here]
        self._most_end = last

    def _load(self, position: int) -> int:
        return self._loads[self._members[position]]
