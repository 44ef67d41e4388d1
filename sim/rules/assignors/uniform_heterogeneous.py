"""The uniform assignor of KIP-848 when members subscribe to different topics."""

from collections.abc import Mapping

from sim.rules.assignors.java_order import string_order
from sim.rules.assignors.load_balancer import LoadBalancer
from sim.rules.assignors.server import GroupSpec, require_topics
from sim.rules.assignors.subscription import Assignment
from sim.rules.topics import TopicPartition

__all__ = ["HeterogeneousAssignment"]

MAX_ITERATIONS = 16
NOBODY = -1


class HeterogeneousAssignment:
    """Topic by topic, from the most loaded subscriber to the least loaded one, until nothing moves.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/assignor/UniformAssignor.java,
    UniformHeterogeneousAssignmentBuilder.java
    Fidelity: approximate — ties between topics are broken by name where Kafka compares random topic ids
    """

    def __init__(self, group: GroupSpec, partition_counts: Mapping[str, int]) -> None:
        self._members = string_order(group.members)
        self._subscribers: dict[str, list[int]] = {}
        for index, member in enumerate(self._members):
            require_topics(group.members[member].topics, partition_counts)
            for topic in group.members[member].topics:
                self._subscribers.setdefault(topic, []).append(index)
        self._owners = {topic: [NOBODY] * partition_counts[topic] for topic in self._subscribers}
        self._loads = [0] * len(self._members)
        for index, member in enumerate(self._members):
            for topic, number in group.members[member].assigned:
                if topic in group.members[member].topics and number < partition_counts[topic]:
                    self._owners[topic][number] = index
                    self._loads[index] += 1

    def build(self) -> Assignment:
        """The assignment."""
        topics = sorted(self._subscribers, key=self._topic_order)
        for topic in topics:
            self._assign_remaining(topic)
        self._balance([topic for topic in topics if len(self._subscribers[topic]) > 1])
        assignment: Assignment = {member: [] for member in self._members}
        for topic, owners in self._owners.items():
            for number, owner in enumerate(owners):
                assignment[self._members[owner]].append(TopicPartition(topic, number))
        return assignment

    def _topic_order(self, topic: str) -> tuple[float, int, str]:
        """Most partitions per subscriber first, then fewest subscribers."""
        subscribers = len(self._subscribers[topic])
        return -(len(self._owners[topic]) / subscribers), subscribers, topic

    def _assign_remaining(self, topic: str) -> None:
        loads = LoadBalancer(self._loads, self._subscribers[topic])
        for number, owner in enumerate(self._owners[topic]):
            if owner == NOBODY:
                self._assign(topic, number, loads.next_least_loaded())

    def _assign(self, topic: str, number: int, member: int) -> None:
        before = self._owners[topic][number]
        if before != NOBODY:
            self._loads[before] -= 1
        self._owners[topic][number] = member
        self._loads[member] += 1

    def _balance(self, topics: list[str]) -> None:
        """Round after round over the topics, until a whole round has changed nothing."""
        last_changed = -1
        for _ in range(MAX_ITERATIONS):
            for index, topic in enumerate(topics):
                if index == last_changed:
                    return
                if self._balance_topic(topic) or last_changed < 0:
                    last_changed = index

    def _balance_topic(self, topic: str) -> bool:
        """Whether a partition of this topic went from the most to the least loaded of its subscribers."""
        loads = LoadBalancer(self._loads, self._subscribers[topic])
        if loads.imbalance() <= 1:
            return False
        owned: dict[int, list[int]] = {}
        for number, owner in enumerate(self._owners[topic]):
            owned.setdefault(owner, []).append(number)
        moved = False
        while not loads.is_balanced():
            source = loads.next_most_loaded()
            while source is not None and not owned.get(source):
                loads.exclude_most_loaded()
                source = loads.next_most_loaded()
            if source is None:
                break
            number = owned[source].pop()
            target = loads.next_least_loaded()
            if loads.is_balanced():
                break
            self._assign(topic, number, target)
            moved = True
        return moved
