"""From which replica a consumer reads (KIP-392).

Left out: a follower's own log start offset; selectors of the user's own.
"""

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["RACK_AWARE_SELECTOR", "ReplicaView", "rack_aware_replica"]

RACK_AWARE_SELECTOR = "org.apache.kafka.common.replica.RackAwareReplicaSelector"
"""The value of replica.selector.class; without one everybody reads from the leader."""


class ReplicaView(NamedTuple):
    """A replica as the leader sees it: how far it has come and how long ago it was caught up."""

    broker_id: int
    rack: str
    log_end_offset: int
    time_since_last_caught_up_ms: int


def rack_aware_replica(client_rack: str, leader: ReplicaView, followers: Iterable[ReplicaView]) -> ReplicaView:
    """The leader if it is in the client's rack, or if no replica is; otherwise the best caught-up one of that rack.

    `followers` are those in sync that have the offset asked for.

    Source: clients/src/main/java/org/apache/kafka/common/replica/RackAwareReplicaSelector.java, ReplicaView.java
    Fidelity: exact
    """
    if not client_rack or leader.rack == client_rack:
        return leader
    near = [replica for replica in followers if replica.rack == client_rack]

    def progress(replica: ReplicaView) -> tuple[int, int, int]:
        return replica.log_end_offset, -replica.time_since_last_caught_up_ms, replica.broker_id

    return max(near, key=progress, default=leader)
