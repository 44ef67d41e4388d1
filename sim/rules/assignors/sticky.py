"""The client's sticky assignors: balanced first, then as much as possible stays where it was.

Left out: the highest generation that an assignor object remembers from earlier rebalances.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sim.rules.assignors.java_order import string_order
from sim.rules.assignors.racks import RackInfo
from sim.rules.assignors.sticky_constrained import ConstrainedAssignment
from sim.rules.assignors.sticky_general import GeneralAssignment
from sim.rules.assignors.subscription import Assignment, MemberData, ReplicaRacks, Subscription, assignable_topics
from sim.rules.topics import TopicPartition

__all__ = ["cooperative_sticky_assign", "sticky_assign"]

NO_GENERATION = -1
NO_CLAIM = -2

_Transfers = dict[TopicPartition, str]


def sticky_assign(
    partition_counts: Mapping[str, int],
    subscriptions: Mapping[str, Subscription],
    replica_racks: ReplicaRacks | None = None,
) -> Assignment:
    """A balanced assignment in which members keep what they owned, as their user data says.

    What two members claim for the same generation is kept by neither; an older claim gives way to a newer one.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractStickyAssignor.java
    Fidelity: exact
    """
    return _assign(partition_counts, subscriptions, replica_racks or {}, _data_of_sticky)[0]


def cooperative_sticky_assign(
    partition_counts: Mapping[str, int],
    subscriptions: Mapping[str, Subscription],
    replica_racks: ReplicaRacks | None = None,
) -> Assignment:
    """As `sticky_assign` by owned partitions, but what changes its owner is withheld until it has been given up.

    The members that have to give something up join again, and the next assignment hands the withheld partitions out.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/CooperativeStickyAssignor.java
    Fidelity: exact
    """
    assignment, transfers = _assign(partition_counts, subscriptions, replica_racks or {}, _data_of_cooperative)
    if transfers is None:
        transfers = _transfers(subscriptions, assignment)
    return {
        member: [partition for partition in partitions if transfers.get(partition) != member]
        for member, partitions in assignment.items()
    }


def _data_of_sticky(subscription: Subscription) -> MemberData:
    return subscription.user_data or MemberData()


def _data_of_cooperative(subscription: Subscription) -> MemberData:
    if subscription.generation_id >= 0:
        return MemberData(subscription.owned_partitions, subscription.generation_id)
    generation = subscription.user_data.generation if subscription.user_data else None
    return MemberData(subscription.owned_partitions, generation)


def _assign(
    partition_counts: Mapping[str, int],
    subscriptions: Mapping[str, Subscription],
    replica_racks: ReplicaRacks,
    data_of: Callable[[Subscription], MemberData],
) -> tuple[Assignment, _Transfers | None]:
    """The assignment, and what changes its owner in it (None if that was not followed)."""
    counts = {topic: partition_counts[topic] for topic in assignable_topics(partition_counts, subscriptions)}
    in_order = {member: subscriptions[member] for member in string_order(subscriptions)}
    data = {member: data_of(subscription) for member, subscription in in_order.items()}
    claims = _claims(counts, in_order, data)
    racks = RackInfo(counts, in_order, replica_racks)
    if claims.equal_subscriptions:
        constrained = ConstrainedAssignment(counts, racks, claims.owned, claims.doubly_claimed)
        found, transfers = constrained.build(), constrained.transfers
    else:
        topics = {member: subscription.topics for member, subscription in in_order.items()}
        found, transfers = GeneralAssignment(counts, racks, claims.owned, topics, data).build(), None
    return {member: found[member] for member in subscriptions}, transfers


@dataclass(frozen=True, slots=True)
class _Claims:
    """Who may keep what, and whether all members subscribe to the same topics."""

    owned: dict[str, list[TopicPartition]]
    doubly_claimed: dict[TopicPartition, None]
    equal_subscriptions: bool


def _claims(
    counts: Mapping[str, int], subscriptions: Mapping[str, Subscription], data: Mapping[str, MemberData]
) -> _Claims:
    owned: dict[str, list[TopicPartition]] = {}
    doubly_claimed: dict[TopicPartition, None] = {}
    owners: dict[TopicPartition, str] = {}
    for member in subscriptions:
        mine = owned[member] = []
        said = data[member].generation
        generation = NO_GENERATION if said is None else said
        for partition in data[member].partitions:
            if partition.topic not in counts:
                continue
            other = owners.get(partition)
            other_generation = NO_CLAIM if other is None else subscriptions[other].generation_id
            if generation < other_generation:
                continue
            if other is not None and partition in owned[other]:
                owned[other].remove(partition)
            if generation == other_generation:
                doubly_claimed[partition] = None
            else:
                mine.append(partition)
            owners[partition] = member
    return _Claims(owned, doubly_claimed, _equal_subscriptions(subscriptions))


def _equal_subscriptions(subscriptions: Mapping[str, Subscription]) -> bool:
    """As Kafka looks at it: members without topics that come before all others do not count."""
    first: frozenset[str] = frozenset()
    for subscription in subscriptions.values():
        if not first:
            first = frozenset(subscription.topics)
        elif len(subscription.topics) != len(first) or not first.issuperset(subscription.topics):
            return False
    return True


def _transfers(subscriptions: Mapping[str, Subscription], assignment: Assignment) -> _Transfers:
    """What somebody gives up and somebody else gets, with who gets it."""
    added: _Transfers = {}
    revoked: set[TopicPartition] = set()
    for member, partitions in assignment.items():
        owned = subscriptions[member].owned_partitions
        added |= dict.fromkeys(set(partitions).difference(owned), member)
        revoked |= set(owned).difference(partitions)
    return {partition: member for partition, member in added.items() if partition in revoked}
