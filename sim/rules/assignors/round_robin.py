"""The client's round-robin assignor."""

from collections.abc import Mapping
from itertools import cycle

from sim.rules.assignors.subscription import (
    Assignment,
    ReplicaRacks,
    Subscription,
    assignable_topics,
    ordered_members,
)
from sim.rules.topics import TopicPartition

__all__ = ["round_robin_assign"]


def round_robin_assign(
    partition_counts: Mapping[str, int],
    subscriptions: Mapping[str, Subscription],
    _replica_racks: ReplicaRacks | None = None,
) -> Assignment:
    """All partitions of all topics dealt out in turn, passing over members that do not subscribe to the topic.

    Member order as in `range_assign`; racks do not count.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/RoundRobinAssignor.java
    Fidelity: exact
    """
    assignment: Assignment = {member: [] for member in subscriptions}
    turn = cycle(ordered_members(subscriptions))
    for topic in assignable_topics(partition_counts, subscriptions):
        for number in range(partition_counts[topic]):
            member = next(member for member in turn if topic in subscriptions[member].topics)
            assignment[member].append(TopicPartition(topic, number))
    return assignment
