"""Where a leader sends a consumer that would rather read from a replica in its own rack (KIP-392).

Source: core/src/main/scala/kafka/server/ReplicaManager.scala findPreferredReadReplica
Fidelity: approximate — a follower's log is taken to begin where the leader's does
"""

from typing import TYPE_CHECKING

from sim.actors.broker.fetch_session import FetchSession
from sim.actors.broker.partition import Partition
from sim.rules.replication.replica_selector import RACK_AWARE_SELECTOR, ReplicaView, rack_aware_replica

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["preferred_replica"]


def preferred_replica(broker: "Broker", session: FetchSession, partition: Partition, fetch_offset: int) -> int | None:
    """The follower, in sync and with this offset, that a consumer should read from; None to go on with the leader."""
    if session.replica_id >= 0 or not partition.is_leader:
        return None
    if broker.config.replica_selector_class != RACK_AWARE_SELECTOR:
        return None
    views = [
        ReplicaView(
            follower,
            broker.image.brokers[follower].rack,
            state.log_end_offset,
            broker.now_ms - state.last_caught_up_ms,
        )
        for follower, state in partition.followers.items()
        if follower in partition.isr and state.log_end_offset >= fetch_offset and broker.image.alive(follower)
    ]
    leader = ReplicaView(broker.node_id, broker.host.rack, partition.log.log_end_offset, 0)
    selected = rack_aware_replica(session.rack, leader, views)
    return None if selected == leader else selected.broker_id
