"""The assignors of one member of a classic group: what it says for each when it joins, and what it does as leader.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ConsumerCoordinator.java metadata,
    clients/src/main/java/org/apache/kafka/clients/consumer/StickyAssignor.java, CooperativeStickyAssignor.java
Fidelity: exact
Left out: assignors of the user's own.
"""

from collections.abc import Mapping, Sequence

from sim.rules.assignors import CLIENT_ASSIGNORS, MemberData, Subscription
from sim.rules.controller.metadata import MetadataImage
from sim.rules.topics import TopicPartition

__all__ = ["ClientAssignors", "racks_of"]

COOPERATIVE = "cooperative-sticky"
Partitions = tuple[TopicPartition, ...]


class ClientAssignors:
    """The assignors that a member was given, most wanted first, and what the sticky ones remember.

    Raises ValueError for a name that is none.
    """

    def __init__(self, names: Sequence[str], group_instance_id: str | None, rack: str) -> None:
        unknown = [name for name in names if name not in CLIENT_ASSIGNORS]
        if unknown:
            raise ValueError(f"no such assignor: {', '.join(unknown)}; there are {', '.join(CLIENT_ASSIGNORS)}")
        self._names = tuple(names)
        self._group_instance_id = group_instance_id
        self._rack = rack
        self._last: MemberData | None = None
        self.is_cooperative = bool(names) and all(name == COOPERATIVE for name in names)

    def protocols(
        self, topics: tuple[str, ...], owned: Partitions, generation: int
    ) -> tuple[tuple[str, Subscription], ...]:
        """What JoinGroup says, for each assignor."""
        return tuple(
            (
                name,
                Subscription(topics, owned, generation, self._group_instance_id, self._rack, self._user_data(name)),
            )
            for name in self._names
        )

    def assign(
        self, name: str, image: MetadataImage, subscriptions: Mapping[str, Subscription]
    ) -> dict[str, Partitions]:
        """The leader's work: who gets what."""
        racks = {}
        if any(subscription.rack for subscription in subscriptions.values()):
            topics = sorted({topic for subscription in subscriptions.values() for topic in subscription.topics})
            racks = {topic: [racks_of(image, name) for name in image.topic_partitions(topic)] for topic in topics}
        assigned = CLIENT_ASSIGNORS[name](image.partition_counts, subscriptions, racks)
        return {member: tuple(partitions) for member, partitions in assigned.items()}

    def assigned(self, partitions: Partitions, generation: int) -> None:
        """Remember the assignment of a generation."""
        self._last = MemberData(partitions, generation)

    def _user_data(self, name: str) -> MemberData | None:
        if name == "sticky" and self._last is not None:
            return self._last
        return MemberData((), self._last.generation if self._last else -1) if name == COOPERATIVE else None


def racks_of(image: MetadataImage, partition: TopicPartition) -> list[str]:
    """The racks of a partition's replicas."""
    registration = image.partitions.get(partition)
    replicas = () if registration is None else registration.replicas
    return [image.brokers[broker].rack for broker in replicas if broker in image.brokers]
