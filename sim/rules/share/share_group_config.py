"""What holds for one share group: its own configuration where it has one, the brokers' where it has none."""

from dataclasses import dataclass

from sim.rules.config import BrokerConfig, GroupConfig
from sim.rules.share.share_acquisition import ShareLimits

__all__ = ["ShareGroupSettings", "share_group_settings"]


@dataclass(frozen=True, slots=True)
class ShareGroupSettings:
    """Limits of each partition, time-outs of members, where a group begins to read, and what it may see.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupConfig.java,
        modern/share/ShareGroupConfig.java
    Fidelity: exact
    """

    limits: ShareLimits
    session_timeout_ms: int
    heartbeat_interval_ms: int
    auto_offset_reset: str
    read_committed: bool


def share_group_settings(broker: BrokerConfig, group: GroupConfig) -> ShareGroupSettings:
    """The settings of a share group on the brokers of a cluster.

    Source: core/src/main/java/kafka/server/share/ShareFetchUtils.java recordLockDurationMsOrDefault,
        group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
        shareGroupSessionTimeoutMs, shareGroupHeartbeatIntervalMs
    Fidelity: exact
    """

    def value(of_group: str, of_broker: str) -> int:
        found: int = getattr(*((group, of_group) if of_group in group.set_fields else (broker, of_broker)))
        return found

    return ShareGroupSettings(
        ShareLimits(
            broker.group_share_delivery_count_limit,
            broker.group_share_partition_max_record_locks,
            value("share_record_lock_duration_ms", "group_share_record_lock_duration_ms"),
        ),
        value("share_session_timeout_ms", "group_share_session_timeout_ms"),
        value("share_heartbeat_interval_ms", "group_share_heartbeat_interval_ms"),
        group.share_auto_offset_reset,
        group.share_isolation_level == "read_committed",
    )
