"""A consumer group of the consumer protocol (KIP-848): its members, epochs and target assignment, changed by records.

Left out: members that use the classic protocol, and the conversion of a classic group with members.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from enum import Enum

from sim.rules.errors import ErrorCode
from sim.rules.groups.consumer_group_members import NO_PARTITIONS, ConsumerGroupMember
from sim.rules.groups.consumer_group_records import (
    AssignmentRecord,
    ConsumerGroupRecord,
    EpochRecord,
    MemberRecord,
    RegexRecord,
    ResolvedRegex,
    TargetEpochRecord,
    TargetRecord,
)
from sim.rules.protocol.consumer_group import JOIN_GROUP_MEMBER_EPOCH, LEAVE_GROUP_MEMBER_EPOCH, Partitions
from sim.rules.topics import TopicPartition

__all__ = ["ConsumerGroup", "ConsumerGroupState"]


class ConsumerGroupState(Enum):
    """The state of a consumer group; values are Kafka's own names.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/consumer/ConsumerGroup.java
        ConsumerGroupState
    Fidelity: exact
    """

    EMPTY = "Empty"
    ASSIGNING = "Assigning"
    RECONCILING = "Reconciling"
    STABLE = "Stable"
    DEAD = "Dead"


class ConsumerGroup:
    """A group as its records tell it.

    `owners` has the epoch of the member that owns a partition or has not yet given it up. `regex_counts` tells how many
    members subscribe to a regular expression. `refresh_epoch` is the group epoch at which the metadata hash was last
    compared; None asks for a comparison at the next heartbeat.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/consumer/ConsumerGroup.java,
        ModernGroup.java
    Fidelity: exact
    """

    __slots__ = (
        "epoch",
        "group_id",
        "members",
        "metadata_hash",
        "owners",
        "refresh_epoch",
        "regex_counts",
        "resolved",
        "static_members",
        "target",
        "target_epoch",
    )

    def __init__(self, group_id: str) -> None:
        self.group_id = group_id
        self.epoch = 0
        self.metadata_hash = ""
        self.members: dict[str, ConsumerGroupMember] = {}
        self.static_members: dict[str, str] = {}
        self.target: dict[str, Partitions] = {}
        self.target_epoch = 0
        self.owners: dict[TopicPartition, int] = {}
        self.resolved: dict[str, ResolvedRegex] = {}
        self.regex_counts: dict[str, int] = {}
        self.refresh_epoch: int | None = None

    @property
    def state(self) -> ConsumerGroupState:
        """Where the group is on its way to the target assignment."""
        if not self.members:
            return ConsumerGroupState.EMPTY
        if self.epoch > self.target_epoch:
            return ConsumerGroupState.ASSIGNING
        if all(member.is_reconciled_to(self.target_epoch) for member in self.members.values()):
            return ConsumerGroupState.STABLE
        return ConsumerGroupState.RECONCILING

    @property
    def metadata_is_due(self) -> bool:
        """Whether the metadata of the subscribed topics has to be looked at again.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/ModernGroup.java
            hasMetadataExpired
        Fidelity: approximate — not after 24 days without a change
        """
        return self.refresh_epoch is None or self.epoch < self.refresh_epoch

    def static_member(self, instance_id: str) -> ConsumerGroupMember | None:
        """The member with this group.instance.id, present or gone for a while."""
        member_id = self.static_members.get(instance_id)
        return None if member_id is None else self.members.get(member_id)

    def topics(self) -> frozenset[str]:
        """All topics that some member subscribes to.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/ModernGroup.java
            subscribedTopicNames
        Fidelity: exact
        """
        return frozenset().union(*(self.subscribed_topics(member) for member in self.members.values()))

    def target_of(self, member: ConsumerGroupMember) -> Partitions:
        """What a member should have; a static one takes over what its predecessor should have had."""
        member_id: str | None = member.member_id
        if member.instance_id is not None:
            member_id = self.static_members.get(member.instance_id)
        return NO_PARTITIONS if member_id is None else self.target.get(member_id, NO_PARTITIONS)

    def subscribed_topics(self, member: ConsumerGroupMember) -> frozenset[str]:
        """The topics a member wants, with those of its regular expression if that is resolved.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/TargetAssignmentBuilder.java
            newMemberSubscriptionAndAssignment
        Fidelity: exact
        """
        resolved = self.resolved.get(member.subscribed_topic_regex)
        return member.subscribed_topic_names | (frozenset() if resolved is None else resolved.topics)

    def members_with(self, changed: ConsumerGroupMember) -> dict[str, ConsumerGroupMember]:
        """All members, one of them new or changed; a static one replaces its predecessor."""
        members = dict(self.members)
        if changed.instance_id is not None:
            previous = self.static_members.get(changed.instance_id)
            if previous is not None and previous != changed.member_id:
                members.pop(previous, None)
        members[changed.member_id] = changed
        return members

    def preferred_assignor(self, members: Mapping[str, ConsumerGroupMember], default: str) -> str:
        """The server assignor that most members ask for; the first one wins a tie.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/consumer/ConsumerGroup.java
            computePreferredServerAssignor
        Fidelity: approximate — Kafka breaks a tie in the order of a hash map
        """
        votes: dict[str, int] = {}
        for member in members.values():
            if member.server_assignor is not None:
                votes[member.server_assignor] = votes.get(member.server_assignor, 0) + 1
        return max(votes, key=lambda name: votes[name]) if votes else default

    def validate_epoch(self, member: ConsumerGroupMember, epoch: int, owned: Partitions | None) -> ErrorCode | None:
        """Why a heartbeat of this epoch is refused, or None.

        The epoch before is accepted from who owns nothing that it may not own: the answer may have been lost.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
            throwIfConsumerGroupMemberEpochIsInvalid
        Fidelity: exact
        """
        if epoch in (JOIN_GROUP_MEMBER_EPOCH, member.member_epoch):
            return None
        repeated = epoch < member.member_epoch and epoch == member.previous_member_epoch
        if repeated and owned is not None and owned <= member.assigned:
            return None
        return ErrorCode.FENCED_MEMBER_EPOCH

    def validate_commit(self, member_id: str, epoch: int, is_transactional: bool = False) -> ErrorCode | None:
        """The error that refuses an offset commit, or None; epoch -1 comes from outside the group.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/consumer/ConsumerGroup.java
            validateOffsetCommit
        Fidelity: exact
        """
        if epoch < 0 and (not self.members or (is_transactional and not member_id)):
            return None
        member = self.members.get(member_id)
        if member is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        if epoch == member.member_epoch:
            return None
        return ErrorCode.ILLEGAL_GENERATION if is_transactional else ErrorCode.STALE_MEMBER_EPOCH

    def replay(self, record: ConsumerGroupRecord) -> None:
        """Take a record; ValueError if a partition would get a second owner.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java replay
        Fidelity: exact
        """
        match record:
            case EpochRecord(epoch=epoch, metadata_hash=metadata_hash):
                self.epoch, self.metadata_hash = epoch or 0, metadata_hash
            case TargetEpochRecord(epoch=epoch):
                self.target_epoch = -1 if epoch is None else epoch
            case TargetRecord(member_id=member_id, partitions=partitions):
                self._replay_target(member_id, partitions)
            case RegexRecord(regex=regex, resolved=resolved):
                self.resolved.pop(regex, None)
                if resolved is not None:
                    self.resolved[regex] = resolved
            case MemberRecord(member_id=member_id, member=member):
                self._replay_member(member_id, member)
            case AssignmentRecord(member_id=member_id, member=member):
                self._replay_assignment(member_id, member)

    def _replay_target(self, member_id: str, partitions: Partitions | None) -> None:
        if partitions is None:
            self.target.pop(member_id, None)
        else:
            self.target[member_id] = partitions

    def _replay_member(self, member_id: str, member: ConsumerGroupMember | None) -> None:
        known = self.members.pop(member_id, None) if member is None else self.members.get(member_id)
        self._count_regex(known, -1)
        self._count_regex(member, 1)
        if member is None:
            if known is not None and known.instance_id is not None:
                self.static_members.pop(known.instance_id, None)
            return
        self.members[member_id] = _with_progress(member, known or ConsumerGroupMember(member_id))
        if member.instance_id is not None:
            self.static_members[member.instance_id] = member_id

    def _count_regex(self, member: ConsumerGroupMember | None, change: int) -> None:
        if member is not None and member.subscribed_topic_regex:
            count = self.regex_counts.pop(member.subscribed_topic_regex, 0) + change
            if count:
                self.regex_counts[member.subscribed_topic_regex] = count

    def _replay_assignment(self, member_id: str, member: ConsumerGroupMember | None) -> None:
        known = self.members.get(member_id)
        if known is None and member is None:
            return
        known = known or ConsumerGroupMember(member_id)
        now = member or ConsumerGroupMember(member_id, LEAVE_GROUP_MEMBER_EPOCH, LEAVE_GROUP_MEMBER_EPOCH, known.state)
        self._release(known)
        self._occupy((*now.assigned, *now.pending_revocation), now.member_epoch)
        self.members[member_id] = _with_progress(known, now)

    def _release(self, member: ConsumerGroupMember) -> None:
        owners = self.owners
        for name in (*member.assigned, *member.pending_revocation):
            if owners.get(name) == member.member_epoch:
                del owners[name]

    def _occupy(self, partitions: Iterable[TopicPartition], epoch: int) -> None:
        owners = self.owners
        for name in partitions:
            if owners.get(name, epoch - 1) >= epoch:
                raise ValueError(f"{name} is still owned at epoch {owners[name]}, not to be given away at {epoch}")
            owners[name] = epoch


def _with_progress(member: ConsumerGroupMember, progress: ConsumerGroupMember) -> ConsumerGroupMember:
    """What the one says of itself with the epochs, state and partitions of the other."""
    return replace(
        member,
        member_epoch=progress.member_epoch,
        previous_member_epoch=progress.previous_member_epoch,
        state=progress.state,
        assigned=progress.assigned,
        pending_revocation=progress.pending_revocation,
    )
