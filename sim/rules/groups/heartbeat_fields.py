"""What a member says in its next heartbeat (KIP-848): only what has changed since the last one."""

from dataclasses import dataclass

from sim.rules.groups.consumer_membership import LocalAssignment, LocalMembership, MembershipState
from sim.rules.protocol.consumer_group import ConsumerGroupHeartbeatRequest

__all__ = ["HeartbeatFields", "MemberWishes"]


@dataclass(frozen=True, slots=True)
class MemberWishes:
    """What a member wants of its group; `subscribed_topic_regex` None stands for no regular expression."""

    group_id: str
    client_id: str
    instance_id: str | None
    rack_id: str | None
    rebalance_timeout_ms: int
    server_assignor: str | None
    subscribed_topic_names: tuple[str, ...] = ()
    subscribed_topic_regex: str | None = None


class HeartbeatFields:
    """What was said last; after an error everything is said again.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ConsumerHeartbeatRequestManager.java
        HeartbeatState
    Fidelity: exact
    """

    __slots__ = ("_assignment", "_assignor", "_names", "_rebalance_timeout_ms", "_regex")

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget what was said."""
        self._names: tuple[str, ...] | None = None
        self._regex: str | None = None
        self._rebalance_timeout_ms = -1
        self._assignor: str | None = None
        self._assignment: LocalAssignment | None = None

    def request(self, member: LocalMembership, wishes: MemberWishes) -> ConsumerGroupHeartbeatRequest:
        """The next heartbeat; everything while joining."""
        everything = member.state is MembershipState.JOINING
        request = ConsumerGroupHeartbeatRequest(
            wishes.group_id, member.member_id, member.member_epoch, wishes.client_id, wishes.instance_id
        )
        if everything or self._rebalance_timeout_ms != wishes.rebalance_timeout_ms:
            request.rebalance_timeout_ms = self._rebalance_timeout_ms = wishes.rebalance_timeout_ms
        if everything or self._names != wishes.subscribed_topic_names:
            request.subscribed_topic_names = self._names = wishes.subscribed_topic_names
        regex = wishes.subscribed_topic_regex
        if regex != self._regex or (everything and regex is not None):
            request.subscribed_topic_regex = regex or ""
            self._regex = regex
        if wishes.server_assignor is not None and (everything or wishes.server_assignor != self._assignor):
            request.server_assignor = self._assignor = wishes.server_assignor
        if everything or member.current != self._assignment:
            request.topic_partitions = member.current.partitions
            self._assignment = member.current
        if everything:
            request.rack_id = wishes.rack_id
        return request
