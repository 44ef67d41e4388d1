"""A share consumer's part in its group (KIP-932): what it is assigned it may read at once, others may read it, too.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ShareMembershipManager.java,
    ShareHeartbeatRequestManager.java
Fidelity: exact
"""

from typing import TYPE_CHECKING, cast

from sim.actors.consumer.consumer_heartbeats import ConsumerHeartbeats
from sim.actors.consumer.consumer_membership import RELEASES, ConsumerMembership
from sim.actors.consumer.group_member import MemberContext, Steps
from sim.rules.protocol.messages import Message
from sim.rules.protocol.share_group import ShareGroupHeartbeatRequest

if TYPE_CHECKING:
    from sim.actors.consumer.offset_commits import OffsetCommits

__all__ = ["ShareMembership"]


class ShareHeartbeats(ConsumerHeartbeats):
    """Heartbeats that say nothing of partitions, assignors and static members."""

    def _body(self) -> Message:
        said = self._fields.request(self._member, self._wishes())
        names = said.subscribed_topic_names
        return ShareGroupHeartbeatRequest(
            said.group_id, said.member_id, said.member_epoch, said.client_id, said.rack_id, names
        )


class NoCommits:
    """Share consumers commit no offsets."""

    automatic = False

    def restart_interval(self) -> None:
        """Nothing is committed from time to time."""


class ShareMembership(ConsumerMembership):
    """Membership in a share group; nobody has to be asked before partitions are given up."""

    heartbeats_type = ShareHeartbeats

    def __init__(self, context: MemberContext) -> None:
        super().__init__(context)
        self.commits = cast("OffsetCommits", NoCommits())

    @property
    def member_id(self) -> str:
        """Under which brokers know the member; empty before it is one."""
        return self._member.member_id if self._member.member_epoch > 0 else ""

    def _go_on_alone(self) -> Steps:
        yield from super()._go_on_alone()
        self._context.wake()

    def _can_go_on_alone(self) -> bool:
        return self._member.state in RELEASES or self._member.has_to_reconcile
