"""A consumer's part in a group of the consumer protocol (KIP-848): reconcile what it owns with what it is told.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractMembershipManager.java,
    ConsumerMembershipManager.java, AsyncKafkaConsumer.java
Fidelity: approximate — a poll() that waits sees a new assignment at once, not at its next turn within 0.5 s
"""

import base64
from collections.abc import Collection
from typing import TYPE_CHECKING

from sim.actors.client.coordinator_client import Calls
from sim.actors.consumer.consumer_heartbeats import ConsumerHeartbeats
from sim.actors.consumer.group_member import CommitIdentity, MemberContext, Steps
from sim.actors.consumer.handover import Steps as Handing
from sim.actors.consumer.rebalance_listener import RebalanceListener
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.groups.consumer_membership import NO_ASSIGNMENT, LocalAssignment, LocalMembership, MembershipState
from sim.rules.protocol.consumer_group import LEAVE_GROUP_MEMBER_EPOCH, Partitions
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.consumer.offset_commits import OffsetCommits

__all__ = ["ConsumerMembership"]

RELEASES = (MembershipState.FENCED, MembershipState.STALE, MembershipState.FATAL)


class Reconciliation:
    """One way from an assignment to another; the first step is a commit, if commits are automatic."""

    __slots__ = ("assignment", "is_committed", "is_running", "join_count", "revoked")

    def __init__(self, assignment: LocalAssignment, revoked: Collection[TopicPartition], join_count: int) -> None:
        self.assignment = assignment
        self.revoked = revoked
        self.join_count = join_count
        self.is_committed = self.is_running = False


class ConsumerMembership:
    """Membership in a group of the consumer protocol: a `GroupMember`."""

    commits: "OffsetCommits"
    heartbeats_type = ConsumerHeartbeats

    def __init__(self, context: MemberContext) -> None:
        self._context = context
        self._member = LocalMembership(_random_id(context.owner.random.getrandbits(128)))
        self._heartbeats = self.heartbeats_type(context, self._member, self._changed)
        self._subscription_changed = False
        self._reconciliation: Reconciliation | None = None
        self._is_releasing = False

    @property
    def generation(self) -> int:
        """The member epoch, -1 outside of a group."""
        return self._member.member_epoch if self._member.member_epoch > 0 else -1

    @property
    def identity(self) -> CommitIdentity | ErrorCode:
        """Who commits; without an epoch the coordinator will refuse it."""
        return CommitIdentity(self.generation, self._member.member_id, self._context.config.group_instance_id)

    def subscription_changed(self) -> None:
        """The next poll() joins; a member tells of it with its next heartbeat."""
        self._subscription_changed = True
        self._heartbeats.go_on()

    def poll_begins(self) -> None:
        """The application polls: one that has polled too seldom joins again."""
        self._heartbeats.poll_begins()

    def poll_ends(self) -> None:
        """The application goes to work."""
        self._heartbeats.poll_ends()

    def refused(self, error: ErrorCode, identity: CommitIdentity) -> ErrorCode:  # noqa: ARG002
        """A commit was refused: nothing follows from that, heartbeats will tell."""
        return error

    def take_part(self) -> Steps:
        """Release, join, reconcile, as far as it gets without waiting. Raises GroupJoinError."""
        member = self._member
        yield from self._release()
        failure, self._heartbeats.failure = self._heartbeats.failure, None
        if failure is not None:
            raise failure
        if self._subscription_changed and member.state is MembershipState.UNSUBSCRIBED:
            self._join()
        self._subscription_changed = False
        yield from self._reconcile()

    def leave(self, timeout_ms: int, *, tell: bool | None = None) -> Steps:
        """Give all partitions up, then say goodbye: a static member for a while, unless `tell` says for good."""
        member, context = self._member, self._context
        in_group = not member.is_outside
        if in_group:
            member.transition_to(MembershipState.PREPARE_LEAVING)
        owned = tuple(context.subscriptions.owned)
        error = None
        if owned:
            lost = member.member_epoch <= 0
            handover = context.handover
            error = yield from self._tell((handover.lose if lost else handover.revoke)(owned, self.generation))
        if in_group and member.is_leaving:
            yield from self._say_goodbye(timeout_ms, tell)
        elif member.state is MembershipState.FENCED:
            member.transition_to(MembershipState.UNSUBSCRIBED)
        member.forget_assignment()
        if error is not None:
            raise error

    def _say_goodbye(self, timeout_ms: int, tell: bool | None) -> Steps:
        heartbeats, owner = self._heartbeats, self._context.owner
        self._member.leave(LEAVE_GROUP_MEMBER_EPOCH if tell else heartbeats.leave_epoch)
        if tell is False and self._context.config.group_instance_id is None:
            self._member.transition_to(MembershipState.UNSUBSCRIBED)
            return
        left = heartbeats.left = owner.clock.event()
        owner.after(timeout_ms * MILLISECOND, heartbeats.has_left)
        heartbeats.go_on()
        yield left

    def _join(self) -> None:
        self._member.join()
        self._heartbeats.go_on()

    def _changed(self) -> None:
        """The background thread has news: it deals with them alone if no listener has to be told."""
        member = self._member
        if not self._context.subscriptions.managed or not (member.state in RELEASES or member.has_to_reconcile):
            return
        if self._can_go_on_alone():
            self._context.owner.spawn(self._go_on_alone())
        self._context.wake()

    def _can_go_on_alone(self) -> bool:
        """Partitions may be released, or only added, without poll() if nobody listens."""
        member, subscriptions = self._member, self._context.subscriptions
        is_silent = type(subscriptions.listener) is RebalanceListener
        if member.state in RELEASES:
            return is_silent or not subscriptions.owned
        added_only = member.target.partitions.issuperset(subscriptions.owned)
        return is_silent and member.has_to_reconcile and not self.commits.automatic and added_only

    def _go_on_alone(self) -> Steps:
        yield from self._release(is_polling=False)
        yield from self._reconcile()

    def _release(self, *, is_polling: bool = True) -> Steps:
        """A member that is not one any more loses all partitions; then it joins anew, a stale one only in poll()."""
        member, context = self._member, self._context
        if member.state not in RELEASES or self._is_releasing:
            return
        owned = tuple(context.subscriptions.owned)
        error = None
        if owned:
            self._is_releasing = True
            error = yield from self._tell(context.handover.lose(owned, self.generation))
            self._is_releasing = False
        member.forget_assignment()
        if member.state is MembershipState.FENCED or (member.state is MembershipState.STALE and is_polling):
            self._join()
        if error is not None:
            raise error

    def _reconcile(self) -> Steps:
        """Commit, revoke, assign, acknowledge; what has become irrelevant meanwhile is broken off."""
        step = self._reconciliation or self._begin()
        if step is None or step.is_running or not step.is_committed:
            return
        step.is_running = True
        error = None
        handover, assigned = self._context.handover, step.assignment.partitions
        revoked = [name for name in step.revoked if name in self._context.subscriptions.owned]
        if revoked and self._is_relevant(step):
            error = yield from self._tell(handover.revoke(revoked, self.generation))
        if error is None and self._is_relevant(step):
            error = yield from self._tell(handover.assign(assigned, self.generation))
        self._reconciliation = None
        if error is not None:
            raise error
        if self._is_relevant(step):
            self.commits.restart_interval()
            self._member.acknowledge(step.assignment)
            self._heartbeats.go_on()
        if self._member.has_to_reconcile:
            self._context.owner.after(0, self._context.wake)

    def _tell(self, steps: Handing) -> Handing:
        """Let the listener work; max.poll.interval.ms holds for it, too."""
        was_polling = self._heartbeats.is_polling
        self._heartbeats.poll_ends()
        error = yield from steps
        if was_polling:
            self._heartbeats.poll_begins()
        return error

    def _is_relevant(self, step: Reconciliation) -> bool:
        return self._member.state is MembershipState.RECONCILING and self._member.join_count == step.join_count

    def _begin(self) -> Reconciliation | None:
        """Begin to reconcile what is known of the target; topics that are not known are asked for."""
        member, context = self._member, self._context
        if not member.has_to_reconcile:
            return None
        known = self._known(member.target.partitions)
        assignment = LocalAssignment(member.target.local_epoch, known)
        if member.current != NO_ASSIGNMENT and known == member.current.partitions:
            member.acknowledge(assignment)
            self._heartbeats.go_on()
            return None
        revoked = [name for name in context.subscriptions.owned if name not in known]
        context.subscriptions.hold(revoked)
        step = self._reconciliation = Reconciliation(assignment, revoked, member.join_count)
        if self.commits.automatic and context.subscriptions.positions():
            context.owner.spawn(self._commit(step))
        else:
            step.is_committed = True
        return step

    def _known(self, partitions: Partitions) -> Partitions:
        counts = self._context.metadata.image.partition_counts
        known = frozenset(name for name in partitions if name.topic in counts)
        if len(known) < len(partitions):
            self._context.metadata.request_update()
        return known

    def _commit(self, step: Reconciliation) -> Calls:
        """Commit positions, again with a newer epoch if the one sent was stale, for max.poll.interval.ms at most."""
        context, config = self._context, self._context.config
        deadline = context.owner.now + config.max_poll_interval_ms * MILLISECOND
        while True:
            remaining_ms = max(0, deadline - context.owner.now) // MILLISECOND
            positions = context.subscriptions.positions()
            error = yield from self.commits.commit_within(positions, remaining_ms)
            if error is not ErrorCode.STALE_MEMBER_EPOCH or self.generation < 0 or context.owner.now >= deadline:
                break
            yield context.owner.sleep(config.retry_backoff_ms * MILLISECOND)
        step.is_committed = True
        context.wake()


def _random_id(bits: int) -> str:
    """A member id as Kafka makes one: 128 random bits in 22 characters, the first of which is no hyphen."""
    text = base64.urlsafe_b64encode(bits.to_bytes(16)).decode().rstrip("=")
    return text if text[0] != "-" else f"A{text[1:]}"
