"""A consumer's part in the rebalances of a classic group, eager or cooperative, inside poll().

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ConsumerCoordinator.java
Fidelity: exact
"""

from collections.abc import Generator, Mapping
from typing import TYPE_CHECKING, Any

from simpy import Event

from sim.actors.client.coordinator_client import Calls
from sim.actors.consumer.client_assignors import ClientAssignors
from sim.actors.consumer.group_member import CommitIdentity, MemberContext, Steps
from sim.actors.consumer.membership import Membership, MemberState, Protocols
from sim.actors.consumer.topic_watch import TopicWatch
from sim.machine.actor import OwnedProcess
from sim.rules.errors import ErrorCode
from sim.rules.protocol.group import JoinGroupResponse
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.consumer.offset_commits import OffsetCommits

__all__ = ["ClassicMember"]


class ClassicMember:
    """Membership in a classic group: a `GroupMember`."""

    commits: "OffsetCommits"

    def __init__(self, context: MemberContext) -> None:
        self._context = context
        config = context.config
        self._assignors = ClientAssignors(config.assignors, config.group_instance_id, config.client_rack)
        self._membership = Membership(context, self._assign)
        self._watch = TopicWatch(context)
        self._joined_topics: tuple[str, ...] | None = None
        self._last_commit: OwnedProcess | None = None

    @property
    def generation(self) -> int:
        """The generation, -1 outside of one."""
        return self._membership.generation

    @property
    def identity(self) -> CommitIdentity | ErrorCode:
        """Who commits, or why nobody can."""
        state = self._membership.state
        if state is MemberState.STABLE:
            return self._membership.identity
        return ErrorCode.UNKNOWN_MEMBER_ID if state is MemberState.UNJOINED else ErrorCode.REBALANCE_IN_PROGRESS

    def subscription_changed(self) -> None:
        """Look again at what matches a pattern; the next poll() sees by itself that it has to rejoin."""
        self._watch.look(again=True)

    def poll_begins(self) -> None:
        """The application polls."""
        self._membership.poll_begins()

    def poll_ends(self) -> None:
        """The application goes to work."""
        self._membership.poll_ends()

    def refused(self, error: ErrorCode, identity: CommitIdentity) -> ErrorCode:
        """A commit was refused."""
        return self._membership.refused(error, identity)

    def take_part(self) -> Steps:
        """Go through a rebalance if there is one, as far as it gets without waiting. Raises GroupJoinError."""
        membership = self._membership
        self._watch.look()
        failure, membership.failure = membership.failure, None
        if failure is not None:
            raise failure
        while self._has_to_rejoin():
            if membership.is_rebalancing:
                return
            if membership.assignment is not None:
                membership.needs_prepare = True
                yield from self._telling(self._complete(membership.assignment))
                continue
            if not self._watch.is_fresh():
                return
            if membership.needs_prepare:
                if not self._has_committed():
                    return
                membership.needs_prepare = False
                yield from self._telling(self._prepare())
            membership.begin_join(self._protocols())
            return

    def leave(self, timeout_ms: int, *, tell: bool | None = None) -> Steps:
        """Give all partitions up, then say goodbye."""
        owned = tuple(self._context.subscriptions.owned)
        membership, handover = self._membership, self._context.handover
        rebalancing = membership.state in (MemberState.PREPARING_REBALANCE, MemberState.COMPLETING_REBALANCE)
        error = None
        if owned:
            lost = membership.generation < 0 or not membership.member_id or rebalancing
            error = yield from (handover.lose if lost else handover.revoke)(owned, membership.generation)
        yield from membership.leave(timeout_ms, tell=tell)
        if error is not None:
            raise error

    def _telling(self, steps: Steps) -> Steps:
        """While the listener works nobody polls: max.poll.interval.ms runs."""
        self._membership.poll_ends()
        yield from steps
        self._membership.poll_begins()

    def _has_to_rejoin(self) -> bool:
        membership = self._membership
        if self._watch.has_changed:
            membership.needs_join = True
        if self._joined_topics is not None and self._joined_topics != self._context.subscriptions.topics:
            membership.needs_join = True
        return membership.needs_join or membership.is_rebalancing or membership.assignment is not None

    def _protocols(self) -> Protocols:
        subscriptions = self._context.subscriptions
        self._joined_topics = subscriptions.topics
        return self._assignors.protocols(subscriptions.topics, tuple(subscriptions.owned), self.generation)

    def _assign(self, joined: JoinGroupResponse) -> Calls:
        """As the group's leader: with metadata that knows the topics, or with fresh metadata if it does not.

        What the metadata says of all topics of the group is kept: when that changes the leader rejoins.
        """
        metadata = self._context.metadata
        topics = sorted({topic for subscription in joined.members.values() for topic in subscription.topics})
        if any(topic not in metadata.image.partition_counts for topic in topics):
            yield metadata.next_update()
        self._watch.lead(topics)
        if joined.skip_assignment:
            return {}
        return self._assignors.assign(joined.protocol_name, metadata.image, joined.members)

    def _complete(self, assigned: tuple[TopicPartition, ...]) -> Steps:
        """Take what the rebalance has brought; a cooperative member that loses something has to join once more."""
        membership, context = self._membership, self._context
        handover, subscriptions = context.handover, context.subscriptions
        membership.assignment = None
        if not membership.is_leader:
            self._watch.follow()
        if not subscriptions.accepts(assigned):
            membership.needs_join = True
            return
        failures = []
        kept = set(assigned)
        revoked = [name for name in subscriptions.owned if name not in kept]
        self._obey_leader(assigned)
        if self._assignors.is_cooperative and revoked:
            failures.append((yield from handover.revoke(revoked, self.generation)))
            membership.needs_join = True
        self._assignors.assigned(assigned, self.generation)
        self.commits.restart_interval()
        failures.append((yield from handover.assign(assigned, self.generation)))
        _raise_first(failures)

    def _obey_leader(self, assigned: tuple[TopicPartition, ...]) -> None:
        """A leader with newer metadata may know more topics that match the pattern."""
        subscriptions, joined = self._context.subscriptions, self._joined_topics or ()
        if subscriptions.pattern is not None:
            added = {name.topic for name in assigned if name.topic not in joined}
            subscriptions.topics = tuple(sorted({*subscriptions.topics, *added}))
            self._joined_topics = tuple(sorted({*joined, *added}))

    def _prepare(self) -> Steps:
        """Before joining: eager members give up everything, cooperative ones what they do not want any more."""
        membership, context = self._membership, self._context
        owned, topics = context.subscriptions.owned, context.subscriptions.topics
        self._watch.begin_rebalance()
        failures = []
        if membership.generation < 0 or not membership.member_id:
            if owned:
                failures.append((yield from context.handover.lose(tuple(owned), self.generation)))
        elif self._assignors.is_cooperative:
            unwanted = [name for name in owned if name.topic not in topics]
            if unwanted:
                failures.append((yield from context.handover.revoke(unwanted, self.generation)))
        else:
            failures.append((yield from context.handover.revoke(tuple(owned), self.generation)))
        _raise_first(failures)

    def _has_committed(self) -> bool:
        """Before a rebalance positions are committed, if that is automatic; eager members read nothing meanwhile."""
        subscriptions = self._context.subscriptions
        positions = subscriptions.positions()
        if self._last_commit is None:
            if not self.commits.automatic or not positions or self._membership.state is not MemberState.STABLE:
                return True
            if not self._assignors.is_cooperative:
                subscriptions.hold(subscriptions.owned)
            self._last_commit = self._context.owner.spawn(self._commit_last(positions))
        if self._last_commit.is_alive:
            return False
        self._last_commit = None
        return True

    def _commit_last(self, positions: Mapping[TopicPartition, int]) -> Generator[Event, Any, None]:
        yield from self.commits.commit_within(positions, self._context.config.max_poll_interval_ms)
        self._context.owner.after(0, self._context.wake)


def _raise_first(failures: list[Exception | None]) -> None:
    """An error of the listener leaves through poll(), when everything else is done."""
    for failure in failures:
        if failure is not None:
            raise failure
