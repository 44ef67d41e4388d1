"""What members of a classic group tell the assignor, and what it answers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sim.rules.topics import TopicPartition

__all__ = ["Assignment", "MemberData", "ReplicaRacks", "Subscription", "assignable_topics", "ordered_members"]

Assignment = dict[str, list[TopicPartition]]
ReplicaRacks = Mapping[str, Sequence[Iterable[str]]]
"""The racks of the replicas: of each topic, of each of its partitions."""


@dataclass(frozen=True, slots=True)
class MemberData:
    """What a member owned after which generation; None when it does not say."""

    partitions: tuple[TopicPartition, ...] = ()
    generation: int | None = None


@dataclass(frozen=True, slots=True)
class Subscription:
    """What a member says of itself when it joins: its topics, and what it owned in which generation (-1 for none).

    `user_data` is what its assignor adds: the sticky assignor the last assignment and its generation, the cooperative
    one the generation only.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/ConsumerPartitionAssignor.java Subscription
    Fidelity: exact
    """

    topics: tuple[str, ...] = ()
    owned_partitions: tuple[TopicPartition, ...] = ()
    generation_id: int = -1
    group_instance_id: str | None = None
    rack: str = ""
    user_data: MemberData | None = None


def assignable_topics(partition_counts: Mapping[str, int], subscriptions: Mapping[str, Subscription]) -> list[str]:
    """Topics that somebody subscribes to and that have partitions, in order of their names.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractPartitionAssignor.java assign
    Fidelity: exact
    """
    wanted = {topic for subscription in subscriptions.values() for topic in subscription.topics}
    return [topic for topic in sorted(wanted) if partition_counts.get(topic, 0) > 0]


def ordered_members(subscriptions: Mapping[str, Subscription]) -> list[str]:
    """Static members by instance id, then dynamic ones by member id.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractPartitionAssignor.java MemberInfo
    Fidelity: exact
    """

    def key(member: str) -> tuple[bool, str]:
        instance_id = subscriptions[member].group_instance_id
        return instance_id is None, member if instance_id is None else instance_id

    return sorted(subscriptions, key=key)
