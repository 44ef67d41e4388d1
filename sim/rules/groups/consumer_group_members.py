"""One member of a consumer group (KIP-848), as the coordinator knows it."""

from dataclasses import dataclass, replace
from enum import Enum

from sim.rules.protocol.consumer_group import ConsumerGroupHeartbeatRequest, Partitions

__all__ = ["NO_PARTITIONS", "ConsumerGroupMember", "MemberState"]

NO_PARTITIONS: Partitions = frozenset()


class MemberState(Enum):
    """How far a member is with its assignment; values are those of the records.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/MemberState.java
    Fidelity: exact
    """

    STABLE = 0
    UNREVOKED_PARTITIONS = 1
    UNRELEASED_PARTITIONS = 2


@dataclass(frozen=True, slots=True)
class ConsumerGroupMember:
    """A member: what it said of itself, and how far its assignment has come.

    `assigned` is what it may own, `pending_revocation` what it has been told to give up and has not yet.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/consumer/ConsumerGroupMember.java
    Fidelity: exact
    """

    member_id: str
    member_epoch: int = 0
    previous_member_epoch: int = -1
    state: MemberState = MemberState.STABLE
    instance_id: str | None = None
    rack_id: str | None = None
    rebalance_timeout_ms: int = -1
    client_id: str = ""
    subscribed_topic_names: frozenset[str] = frozenset()
    subscribed_topic_regex: str = ""
    server_assignor: str | None = None
    assigned: Partitions = NO_PARTITIONS
    pending_revocation: Partitions = NO_PARTITIONS

    def is_reconciled_to(self, target_epoch: int) -> bool:
        """Whether the member has all that the target assignment of this epoch gives it, and nothing else."""
        return self.state is MemberState.STABLE and self.member_epoch == target_epoch

    def heard(self, request: ConsumerGroupHeartbeatRequest) -> "ConsumerGroupMember":
        """The member with what a heartbeat says of it; what is not said stays."""
        if request.is_full or request.subscribed_topic_names is not None or request.subscribed_topic_regex is not None:
            return self._updated(request)
        same = (
            request.instance_id in (None, self.instance_id)
            and request.rack_id in (None, self.rack_id)
            and request.rebalance_timeout_ms in (-1, self.rebalance_timeout_ms)
            and request.server_assignor in (None, self.server_assignor)
            and request.client_id == self.client_id
        )
        return self if same else self._updated(request)

    def _updated(self, request: ConsumerGroupHeartbeatRequest) -> "ConsumerGroupMember":
        names, regex, timeout_ms = (
            request.subscribed_topic_names,
            request.subscribed_topic_regex,
            request.rebalance_timeout_ms,
        )
        return replace(
            self,
            instance_id=self.instance_id if request.instance_id is None else request.instance_id,
            rack_id=self.rack_id if request.rack_id is None else request.rack_id,
            rebalance_timeout_ms=self.rebalance_timeout_ms if timeout_ms == -1 else timeout_ms,
            client_id=request.client_id,
            subscribed_topic_names=self.subscribed_topic_names if names is None else frozenset(names),
            subscribed_topic_regex=self.subscribed_topic_regex if regex is None else regex,
            server_assignor=self.server_assignor if request.server_assignor is None else request.server_assignor,
        )
