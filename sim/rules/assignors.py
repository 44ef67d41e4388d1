"""Which member of a group reads which partition: the client's own assignors.

Left out: racks (KIP-881), sticky and cooperative-sticky, the assignors of the consumer protocol (KIP-848).
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

from sim.rules.topics import TopicPartition

__all__ = ["Assignment", "Subscription", "range_assign", "round_robin_assign"]

Assignment = dict[str, list[TopicPartition]]


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a member says of itself when it joins: its topics, and what it owned in which generation.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/ConsumerPartitionAssignor.java Subscription
    Fidelity: approximate — racks and user data are left out
    """

    topics: tuple[str, ...] = ()
    owned_partitions: tuple[TopicPartition, ...] = ()
    generation_id: int = -1


def range_assign(
    partition_counts: Mapping[str, int],
    subscriptions: Mapping[str, Sequence[str]],
    group_instance_ids: Mapping[str, str] | None = None,
) -> Assignment:
    """Partitions of each topic in contiguous ranges; the first members get one more where they do not divide evenly.

    `subscriptions` are topics by member id, `partition_counts` the topics that exist. Members with a
    group.instance.id come first, ordered by it; the others follow by member id. Topics with equal partition counts
    and subscribers are co-partitioned. Each member's list is ordered by topic and partition.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/RangeAssignor.java
    Fidelity: exact
    """
    assignment: Assignment = {member: [] for member in subscriptions}
    members_in_order = _ordered_members(subscriptions, group_instance_ids or {})
    for topic in _topics(subscriptions):
        members = [member for member in members_in_order if topic in subscriptions[member]]
        base, extra = divmod(partition_counts.get(topic, 0), len(members))
        first = 0
        for index, member in enumerate(members):
            end = first + base + (index < extra)
            assignment[member].extend(TopicPartition(topic, partition) for partition in range(first, end))
            first = end
    return assignment


def round_robin_assign(
    partition_counts: Mapping[str, int],
    subscriptions: Mapping[str, Sequence[str]],
    group_instance_ids: Mapping[str, str] | None = None,
) -> Assignment:
    """All partitions of all topics dealt out in turn, passing over members that do not subscribe to the topic.

    Arguments and member order as in `range_assign`.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/RoundRobinAssignor.java
    Fidelity: exact
    """
    assignment: Assignment = {member: [] for member in subscriptions}
    turn = cycle(_ordered_members(subscriptions, group_instance_ids or {}))
    for topic in _topics(subscriptions):
        for partition in range(partition_counts.get(topic, 0)):
            member = next(member for member in turn if topic in subscriptions[member])
            assignment[member].append(TopicPartition(topic, partition))
    return assignment


def _topics(subscriptions: Mapping[str, Iterable[str]]) -> list[str]:
    return sorted({topic for topics in subscriptions.values() for topic in topics})


def _ordered_members(members: Iterable[str], group_instance_ids: Mapping[str, str]) -> list[str]:
    """Static members by instance id, then dynamic ones by member id."""
    return sorted(
        members, key=lambda member: (member not in group_instance_ids, group_instance_ids.get(member, member))
    )
