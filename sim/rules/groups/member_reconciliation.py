"""How one member of a consumer group gets from what it owns to what it should own (KIP-848)."""

from collections.abc import Collection, Container
from dataclasses import replace

from sim.rules.groups.consumer_group_members import NO_PARTITIONS, ConsumerGroupMember, MemberState
from sim.rules.protocol.consumer_group import Partitions
from sim.rules.topics import TopicPartition

__all__ = ["reconcile"]


def reconcile(
    member: ConsumerGroupMember,
    target_epoch: int,
    target: Partitions,
    subscribed_topics: Collection[str],
    occupied: Container[TopicPartition],
    owned: Partitions | None = None,
    subscription_changed: bool = False,
) -> ConsumerGroupMember:
    """The member one step on, or itself if nothing can be done: first it gives up, then it takes what is free.

    `occupied` are the partitions that some member owns or has not yet given up, `owned` what the member says it owns
    (None when it says nothing). The member's epoch rises to `target_epoch` when it has nothing left to give up.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java maybeReconcile,
        CurrentAssignmentBuilder.java
    Fidelity: exact
    """
    if not subscription_changed and member.is_reconciled_to(target_epoch):
        return member
    stays = member.state is MemberState.UNREVOKED_PARTITIONS and _owns(owned, member.pending_revocation)
    if stays and not subscription_changed:
        return member
    if stays or member.is_reconciled_to(target_epoch):
        return _drop_unsubscribed(member, subscribed_topics, owned)
    return _next(member, target_epoch, target, subscribed_topics, occupied, owned)


def _owns(owned: Partitions | None, revoked: Partitions) -> bool:
    """Whether the member still has some of what it must give up; silence means that it has."""
    return owned is None or not owned.isdisjoint(revoked)


def _drop_unsubscribed(
    member: ConsumerGroupMember, subscribed_topics: Collection[str], owned: Partitions | None
) -> ConsumerGroupMember:
    kept = frozenset(name for name in member.assigned if name.topic in subscribed_topics)
    if len(kept) == len(member.assigned):
        return member
    revoked = member.pending_revocation | (member.assigned - kept)
    if _owns(owned, revoked):
        return replace(member, state=MemberState.UNREVOKED_PARTITIONS, assigned=kept, pending_revocation=revoked)
    return replace(member, assigned=kept)


def _next(
    member: ConsumerGroupMember,
    target_epoch: int,
    target: Partitions,
    subscribed_topics: Collection[str],
    occupied: Container[TopicPartition],
    owned: Partitions | None,
) -> ConsumerGroupMember:
    wanted = frozenset(name for name in target if name.topic in subscribed_topics)
    kept = member.assigned & wanted
    revoked = member.assigned - kept
    if revoked and _owns(owned, revoked):
        return replace(
            member,
            state=MemberState.UNREVOKED_PARTITIONS,
            previous_member_epoch=member.member_epoch,
            assigned=kept,
            pending_revocation=revoked,
        )
    missing = wanted - kept
    free = frozenset(name for name in missing if name not in occupied or name in member.pending_revocation)
    return replace(
        member,
        state=MemberState.STABLE if len(free) == len(missing) else MemberState.UNRELEASED_PARTITIONS,
        member_epoch=target_epoch,
        previous_member_epoch=member.member_epoch,
        assigned=kept | free,
        pending_revocation=NO_PARTITIONS,
    )
