"""A broker's bounds on the replication of throttled replicas: as their leader, and as their follower.

Source: core/src/main/scala/kafka/server/ReplicaManager.scala shouldLeaderThrottle; RemoteLeaderEndPoint.scala
    shouldFollowerThrottle; KafkaApis.scala sizeOfThrottledPartitions; ReplicaFetcherThread.scala
Fidelity: approximate — the rates are those that the broker has started with
"""

from typing import TYPE_CHECKING

from sim.rules.config import BrokerConfig
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import FetchResponse
from sim.rules.replication.replication_quota import ReplicationQuota, is_throttled_replica

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker
    from sim.actors.broker.partition import Partition

__all__ = ["ReplicationThrottle", "ReplicationThrottles"]

UNBOUNDED = 2**63 - 1


class ReplicationThrottle:
    """One of the two bounds in one life of a broker; `side` is `leader` or `follower`."""

    def __init__(self, side: str, rate: int, broker_id: int, config: BrokerConfig) -> None:
        windows, window_ms = config.replication_quota_window_num, 1000 * config.replication_quota_window_size_seconds
        self.enabled = rate < UNBOUNDED
        self._key = f"{side}_replication_throttled_replicas"
        self._broker_id = broker_id
        self._quota = ReplicationQuota(rate, windows, window_ms)

    def covers(self, partition: "Partition") -> bool:
        """Whether this broker's replica is one of those that its topic names."""
        replicas = getattr(partition.config, self._key)
        return self.enabled and is_throttled_replica(replicas, partition.name.partition, self._broker_id)

    def holds_back(self, partition: "Partition", in_sync: bool, now_ms: int) -> bool:
        """Whether nothing more is replicated just now; never so of a replica that is in sync."""
        return self.enabled and not in_sync and self.covers(partition) and self._quota.is_exceeded(now_ms)

    def record(self, size_bytes: int, now_ms: int) -> None:
        """Count bytes of replicas that are covered."""
        self._quota.record(size_bytes, now_ms)


class ReplicationThrottles:
    """Both bounds of one life of a broker."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        config = broker.config
        self.leader = ReplicationThrottle("leader", config.leader_replication_throttled_rate, broker.node_id, config)
        self.follower = ReplicationThrottle(
            "follower", config.follower_replication_throttled_rate, broker.node_id, config
        )

    def may_hold_back(self, replica_id: int) -> bool:
        """Whether who fetches, -1 for a consumer, may have to wait with something to read."""
        return self.leader.enabled and replica_id >= 0

    def holds_back(self, partition: "Partition", replica_id: int) -> bool:
        """Whether a follower gets nothing of a partition that this broker leads, as too much was sent already."""
        if not self.may_hold_back(replica_id):
            return False
        return self.leader.holds_back(partition, replica_id in partition.isr, self._broker.now_ms)

    def sent(self, replica_id: int, response: FetchResponse) -> None:
        """Count what goes to a follower."""
        if self.may_hold_back(replica_id):
            known = self._broker.replicas.partitions
            covered = {
                name: data
                for name, data in response.partitions.items()
                if name in known and self.leader.covers(known[name])
            }
            self.leader.record(FetchResponse(ErrorCode.NONE, 0, covered).size_bytes(), self._broker.now_ms)
