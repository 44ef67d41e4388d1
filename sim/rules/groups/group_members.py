"""One member of a classic consumer group."""

from collections.abc import Collection, Mapping

from sim.rules.assignors import Subscription

__all__ = ["Member"]


class Member:
    """One member of a classic group, as the coordinator knows it.

    `protocols` are the assignors it supports, most wanted first, each with its subscription.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/classic/ClassicGroupMember.java
    Fidelity: exact
    """

    __slots__ = (
        "assignment",
        "awaiting_join",
        "awaiting_sync",
        "client_id",
        "group_instance_id",
        "is_new",
        "member_id",
        "protocol_type",
        "protocols",
        "rebalance_timeout_ms",
        "session_timeout_ms",
    )

    def __init__(
        self,
        member_id: str,
        protocols: Mapping[str, Subscription],
        *,
        rebalance_timeout_ms: int = 300_000,
        session_timeout_ms: int = 45_000,
        client_id: str = "",
        group_instance_id: str | None = None,
        protocol_type: str = "consumer",
    ) -> None:
        self.member_id = member_id
        self.protocols = dict(protocols)
        self.rebalance_timeout_ms = rebalance_timeout_ms
        self.session_timeout_ms = session_timeout_ms
        self.client_id = client_id
        self.group_instance_id = group_instance_id
        self.protocol_type = protocol_type
        self.assignment: object = None
        self.awaiting_join = False
        self.awaiting_sync = False
        self.is_new = False

    def vote(self, candidates: Collection[str]) -> str:
        """The member's most wanted protocol among the candidates; ValueError if it supports none."""
        for name in self.protocols:
            if name in candidates:
                return name
        raise ValueError(f"Member {self.member_id} does not support any of the candidate protocols")

    def has_satisfied_heartbeat(self) -> bool:
        """Whether the session lives on without a heartbeat, because the member waits for an answer."""
        return not self.is_new and (self.awaiting_join or self.awaiting_sync)

    def matches(self, protocols: Mapping[str, Subscription]) -> bool:
        """Whether a new join request says the same as the last one, in the same order."""
        return list(protocols.items()) == list(self.protocols.items())
