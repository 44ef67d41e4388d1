# ruff: noqa: RUF009
"""Configuration of a topic, and how it falls back to that of the broker."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

from sim.rules.config.base import Config
from sim.rules.config.broker import BrokerConfig
from sim.rules.config.keys import Int, IntBytes, Long, LongBytes, LongMs, Words, setting

__all__ = ["TopicConfig", "topic_config_from"]

_SYNONYMS = {
    "cleanup_policy": "log_cleanup_policy",
    "compression_type": "compression_type",
    "delete_retention_ms": "log_cleaner_delete_retention_ms",
    "file_delete_delay_ms": "log_segment_delete_delay_ms",
    "flush_messages": "log_flush_interval_messages",
    "index_interval_bytes": "log_index_interval_bytes",
    "local_retention_bytes": "log_local_retention_bytes",
    "local_retention_ms": "log_local_retention_ms",
    "max_compaction_lag_ms": "log_cleaner_max_compaction_lag_ms",
    "max_message_bytes": "message_max_bytes",
    "message_timestamp_after_max_ms": "log_message_timestamp_after_max_ms",
    "message_timestamp_before_max_ms": "log_message_timestamp_before_max_ms",
    "message_timestamp_type": "log_message_timestamp_type",
    "min_cleanable_dirty_ratio": "log_cleaner_min_cleanable_ratio",
    "min_compaction_lag_ms": "log_cleaner_min_compaction_lag_ms",
    "min_insync_replicas": "min_insync_replicas",
    "preallocate": "log_preallocate",
    "retention_bytes": "log_retention_bytes",
    "segment_bytes": "log_segment_bytes",
    "segment_index_bytes": "log_index_size_max_bytes",
    "unclean_leader_election_enable": "unclean_leader_election_enable",
}
_HOUR_MS = 3_600_000
_CHOICES: dict[str, Callable[[BrokerConfig], int]] = {
    "flush_ms": lambda broker: _first(broker.log_flush_interval_ms, broker.log_flush_scheduler_interval_ms),
    "retention_ms": lambda broker: max(_first(broker.log_retention_ms, broker.log_retention_hours * _HOUR_MS), -1),
    "segment_jitter_ms": lambda broker: broker.log_roll_jitter_hours * _HOUR_MS,
    "segment_ms": lambda broker: _first(broker.log_roll_ms, broker.log_roll_hours * _HOUR_MS),
}


def _first(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value


@dataclass(frozen=True, slots=True, kw_only=True)
class TopicConfig(Config):
    """What the brokers are told of one topic.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogConfig.java
    Fidelity: exact
    """

    KIND: ClassVar[str] = "topic"
    MODELLED: ClassVar[frozenset[str]] = frozenset(
        {
            "cleanup_policy",
            "delete_retention_ms",
            "file_delete_delay_ms",
            "flush_messages",
            "flush_ms",
            "follower_replication_throttled_replicas",
            "index_interval_bytes",
            "leader_replication_throttled_replicas",
            "max_compaction_lag_ms",
            "max_message_bytes",
            "min_cleanable_dirty_ratio",
            "min_compaction_lag_ms",
            "min_insync_replicas",
            "retention_bytes",
            "retention_ms",
            "segment_bytes",
            "segment_index_bytes",
            "segment_jitter_ms",
            "segment_ms",
            "unclean_leader_election_enable",
        }
    )

    cleanup_policy: Words = setting(("delete",), "[compact, delete]")
    compression_gzip_level: Int = setting(-1, "[1,...,9] or -1")
    compression_lz4_level: Int = setting(9, "[1,...,17]")
    compression_type: str = setting("producer", "[uncompressed, zstd, lz4, snappy, gzip, producer]")
    compression_zstd_level: Int = setting(3, "[-131072,...,22]")
    delete_retention_ms: LongMs = setting(86_400_000, "[0,...]")
    file_delete_delay_ms: LongMs = setting(60_000, "[0,...]")
    flush_messages: Long = setting(9_223_372_036_854_775_807, "[1,...]")
    flush_ms: LongMs = setting(9_223_372_036_854_775_807, "[0,...]")
    follower_replication_throttled_replicas: Words = setting(
        (), "[partitionId]:[brokerId],[partitionId]:[brokerId],..."
    )
    index_interval_bytes: IntBytes = setting(4096, "[0,...]")
    leader_replication_throttled_replicas: Words = setting((), "[partitionId]:[brokerId],[partitionId]:[brokerId],...")
    local_retention_bytes: LongBytes = setting(-2, "[-2,...]")
    local_retention_ms: LongMs = setting(-2, "[-2,...]")
    max_compaction_lag_ms: LongMs = setting(9_223_372_036_854_775_807, "[1,...]")
    max_message_bytes: IntBytes = setting(1_048_588, "[0,...]")
    message_timestamp_after_max_ms: LongMs = setting(3_600_000, "[0,...]")
    message_timestamp_before_max_ms: LongMs = setting(9_223_372_036_854_775_807, "[0,...]")
    message_timestamp_type: str = setting("CreateTime", "[CreateTime, LogAppendTime]")
    min_cleanable_dirty_ratio: float = setting(0.5, "[0,...,1]")
    min_compaction_lag_ms: LongMs = setting(0, "[0,...]")
    min_insync_replicas: Int = setting(1, "[1,...]")
    preallocate: bool = setting(False)
    remote_log_copy_disable: bool = setting(False)
    remote_log_delete_on_disable: bool = setting(False)
    remote_storage_enable: bool = setting(False)
    retention_bytes: LongBytes = setting(-1)
    retention_ms: LongMs = setting(604_800_000, "[-1,...]")
    segment_bytes: IntBytes = setting(1_073_741_824, "[1048576,...]")
    segment_index_bytes: IntBytes = setting(10_485_760, "[4,...]")
    segment_jitter_ms: LongMs = setting(0, "[0,...]")
    segment_ms: LongMs = setting(604_800_000, "[1,...]")
    unclean_leader_election_enable: bool = setting(False)

    def settle(self) -> None:
        """Kafka's rules across keys, in Kafka's words."""
        low, high = self.min_compaction_lag_ms, self.max_compaction_lag_ms
        self._require(
            low <= high, f"conflict topic config setting min.compaction.lag.ms ({low}) > max.compaction.lag.ms ({high})"
        )


def topic_config_from(broker: BrokerConfig, overrides: Mapping[str, object] | None = None) -> TopicConfig:
    """A topic's configuration: its own `overrides`, then the broker's keys of the same meaning, then the defaults.

    Source: server-common/src/main/java/org/apache/kafka/server/config/ServerTopicConfigSynonyms.java
    Fidelity: exact
    """
    inherited = {name: getattr(broker, synonym) for name, synonym in _SYNONYMS.items()}
    inherited |= {name: choose(broker) for name, choose in _CHOICES.items()}
    return TopicConfig(**inherited).replace(**(overrides or {}))
