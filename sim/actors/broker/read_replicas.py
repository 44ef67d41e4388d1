"""Who may fetch from which replica, and where a leader sends a consumer that prefers its own rack (KIP-392).

Source: core/src/main/scala/kafka/server/ReplicaManager.scala findPreferredReadReplica
Fidelity: approximate — a follower's log is taken to begin where the leader's does
"""

from typing import TYPE_CHECKING

from sim.actors.broker.fetch_session import FetchSession
from sim.actors.broker.partition import Partition
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import FetchData, FetchPartition
from sim.rules.replication.replica_selector import RACK_AWARE_SELECTOR, ReplicaView, rack_aware_replica

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["fetch_error", "preferred_replica", "refusal"]


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


def fetch_error(partition: Partition, wanted: FetchPartition, from_consumer: bool) -> ErrorCode | None:
    """Why a fetch of this partition is refused here; None when it is not. Consumers may read from followers, too."""
    if wanted.current_leader_epoch >= 0:
        if wanted.current_leader_epoch < partition.registration.leader_epoch:
            return ErrorCode.FENCED_LEADER_EPOCH
        if wanted.current_leader_epoch > partition.registration.leader_epoch:
            return ErrorCode.UNKNOWN_LEADER_EPOCH
    return None if from_consumer or partition.is_leader else ErrorCode.NOT_LEADER_OR_FOLLOWER


def refusal(partition: Partition, error: ErrorCode) -> FetchData:
    """The answer that is an error; who leads now is told with those that a new leader causes (KIP-951)."""
    if error not in (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH):
        return FetchData(error)
    known = partition.registration
    return FetchData(error, leader_id=known.leader, leader_epoch=known.leader_epoch)
