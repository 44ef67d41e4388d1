"""What a consumer needs of its membership in a group, whatever the group's protocol (group.protocol).

`classic_member` takes part in classic groups, `consumer_membership` in those of KIP-848. The consumer makes one of them
from a `MemberContext`, gives it `commits`, and calls the methods of `GroupMember`; it knows nothing else of it. In
both, partitions change hands through `context.handover`.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractCoordinator.java,
    ConsumerCoordinator.java, AbstractMembershipManager.java: what they have in common
Fidelity: exact
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from simpy import Event

from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.coordinator_client import CoordinatorClient
from sim.actors.consumer.handover import Handover
from sim.actors.consumer.subscriptions import Subscriptions
from sim.machine.actor import Actor
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode

if TYPE_CHECKING:
    from sim.actors.consumer.offset_commits import OffsetCommits

__all__ = ["NOBODY", "CommitIdentity", "ConsumerGroupMetadata", "GroupMember", "MemberContext", "Steps"]

Steps = Generator[Event, Any, None]


class CommitIdentity(NamedTuple):
    """Who commits: the generation or member epoch, the member, and its group.instance.id if it is static."""

    generation: int
    member_id: str
    group_instance_id: str | None = None


class ConsumerGroupMetadata(NamedTuple):
    """Who commits, and in which group: what a transaction that sends offsets says."""

    group_id: str
    generation: int = -1
    member_id: str = ""
    group_instance_id: str | None = None


NOBODY = CommitIdentity(-1, "")
"""Who commits for a group that does not manage the partitions: generation -1 and no member."""


@dataclass(frozen=True, slots=True)
class MemberContext:
    """The parts of a consumer that its membership works with.

    `wake` lets a waiting poll() look round again: it calls `GroupMember.take_part` at once.
    """

    owner: Actor
    client_id: str
    group_id: str
    config: ConsumerConfig
    metadata: ClientMetadata
    coordinator: CoordinatorClient
    subscriptions: Subscriptions
    handover: Handover
    wake: Callable[[], None]


class GroupMember(Protocol):
    """One consumer's place in its group; it lives, as its consumer, in the process `context.owner`.

    What goes on between polls (heartbeats, requests, a background thread) is the member's own, booked on the owner.
    """

    commits: "OffsetCommits"
    """Set once, before anything is called: `commit_within` for the last commit before partitions are given up, and
    `restart_interval` after an assignment."""

    @property
    def generation(self) -> int:
        """The generation or member epoch, for observers; -1 outside of a group."""

    @property
    def identity(self) -> CommitIdentity | ErrorCode:
        """What a commit, or a transaction that sends offsets, says of its sender.

        Or why there can be no commit at present: REBALANCE_IN_PROGRESS (poll() and try again), UNKNOWN_MEMBER_ID or
        ILLEGAL_GENERATION (the consumer has been thrown out, or has never joined), FENCED_INSTANCE_ID.
        """

    def subscription_changed(self) -> None:
        """`context.subscriptions` has other topics or another pattern; the first call is the wish to be a member.

        Partitions of topics that are not wanted any more are given up in a rebalance, not here.
        """

    def poll_begins(self) -> None:
        """The application calls poll(): max.poll.interval.ms counts anew."""

    def poll_ends(self) -> None:
        """poll() returns and the application goes to work."""

    def take_part(self) -> Steps:
        """Inside poll(), whenever something has happened: give up, take, lose partitions through the handover.

        It may wait for the listener, and only for that: what takes requests goes on in processes of its own that call
        `context.wake` when poll() has something to do. Raises what ends the membership for good (GroupJoinError).
        """

    def refused(self, error: ErrorCode, identity: CommitIdentity) -> ErrorCode:
        """A commit sent under this identity was answered with an error: draw the consequences.

        Returns what it comes to for who committed; NONE stays NONE.
        """

    def leave(self, timeout_ms: int, *, tell: bool | None = None) -> Steps:
        """unsubscribe() and close(): give up all partitions (revoked, or lost), then tell the group, and wait for that.

        `tell` None is the default of the member's kind: a static member of a classic group says nothing.
        """
