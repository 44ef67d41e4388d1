# ruff: noqa: RUF009
"""Configuration of a broker or controller."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sim.rules.config.base import Config
from sim.rules.config.broker_modelled import MODELLED_BROKER_KEYS
from sim.rules.config.keys import Int, IntBytes, IntMs, Long, LongBytes, LongMs, Short, Words, setting

__all__ = ["BrokerConfig"]

_ASSIGNORS = ("uniform", "range")
FLYABLE: Mapping[str, tuple[int, int]] = {
    "broker_heartbeat_interval_ms": (1, 2**31),
    "broker_session_timeout_ms": (1, 2**31),
    "log_cleaner_backoff_ms": (1, 2**63),
    "log_cleaner_threads": (0, 1000),
    "num_io_threads": (1, 10_000),
    "num_network_threads": (1, 10_000),
    "offsets_topic_num_partitions": (1, 1000),
    "replica_high_watermark_checkpoint_interval_ms": (1, 2**63),
    "transaction_state_log_num_partitions": (1, 1000),
}
"""The least and the most of values that Kafka takes, but that would leave no time, or no memory, to fly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokerConfig(Config):
    """What a broker or a controller is told. node.id and process.roles, which Kafka demands, may be unset here.

    The rates of replication throttles, which Kafka takes from running brokers only, hold from the start here.

    Source: core/src/main/scala/kafka/server/KafkaConfig.scala
    Fidelity: approximate — intervals of nothing, and more threads or partitions than can be flown, are refused
    """

    KIND: ClassVar[str] = "broker"
    MODELLED: ClassVar[frozenset[str]] = MODELLED_BROKER_KEYS

    # KRaft
    node_id: Int | None = setting(None, "[0,...]")
    process_roles: Words = setting((), "[broker, controller]")
    broker_heartbeat_interval_ms: IntMs = setting(2000)
    broker_session_timeout_ms: IntMs = setting(9000)
    initial_broker_registration_timeout_ms: IntMs = setting(60_000)

    # the controller quorum and its log
    controller_quorum_election_timeout_ms: IntMs = setting(1000, "[0,...]")
    controller_quorum_fetch_timeout_ms: IntMs = setting(2000, "[0,...]")
    controller_quorum_election_backoff_max_ms: IntMs = setting(1000, "[0,...]")
    controller_quorum_append_linger_ms: IntMs = setting(25, "[0,...]")
    controller_quorum_request_timeout_ms: IntMs = setting(2000, "[0,...]")
    controller_quorum_retry_backoff_ms: IntMs = setting(20, "[0,...]")
    metadata_log_max_record_bytes_between_snapshots: LongBytes = setting(20_971_520, "[1,...]")
    metadata_log_max_snapshot_interval_ms: LongMs = setting(3_600_000, "[0,...]")
    metadata_log_segment_bytes: IntBytes = setting(1_073_741_824, "[8388608,...]")
    metadata_log_segment_ms: LongMs = setting(604_800_000)
    metadata_max_retention_bytes: LongBytes = setting(104_857_600)
    metadata_max_retention_ms: LongMs = setting(604_800_000)
    metadata_max_idle_interval_ms: IntMs = setting(500, "[0,...]")

    # requests and sockets
    num_network_threads: Int = setting(3, "[1,...]")
    num_io_threads: Int = setting(8, "[1,...]")
    queued_max_requests: Int = setting(500, "[1,...]")
    queued_max_request_bytes: LongBytes = setting(-1)
    socket_request_max_bytes: IntBytes = setting(104_857_600, "[1,...]")
    socket_send_buffer_bytes: IntBytes = setting(102_400)
    socket_receive_buffer_bytes: IntBytes = setting(102_400)
    connections_max_idle_ms: LongMs = setting(600_000)
    max_connections_per_ip: Int = setting(2_147_483_647, "[0,...]")
    background_threads: Int = setting(10, "[1,...]")
    request_timeout_ms: IntMs = setting(30_000)

    # topics and leaders
    message_max_bytes: IntBytes = setting(1_048_588, "[0,...]")
    num_partitions: Int = setting(1, "[1,...]")
    default_replication_factor: Int = setting(1)
    auto_create_topics_enable: bool = setting(True)
    delete_topic_enable: bool = setting(True)
    min_insync_replicas: Int = setting(1, "[1,...]")
    unclean_leader_election_enable: bool = setting(False)
    unclean_leader_election_interval_ms: LongMs = setting(300_000, "[1,...]")
    auto_leader_rebalance_enable: bool = setting(True)
    leader_imbalance_check_interval_seconds: Long = setting(300, "[1,...]")
    controlled_shutdown_enable: bool = setting(True)

    # replication
    replica_lag_time_max_ms: LongMs = setting(30_000)
    replica_fetch_max_bytes: IntBytes = setting(1_048_576, "[0,...]")
    replica_fetch_response_max_bytes: IntBytes = setting(10_485_760, "[0,...]")
    replica_fetch_wait_max_ms: IntMs = setting(500)
    replica_fetch_min_bytes: IntBytes = setting(1)
    replica_fetch_backoff_ms: IntMs = setting(1000, "[0,...]")
    replica_socket_timeout_ms: IntMs = setting(30_000)
    num_replica_fetchers: Int = setting(1, "[1,...]")
    num_replica_alter_log_dirs_threads: Int | None = setting(None)
    replica_high_watermark_checkpoint_interval_ms: LongMs = setting(5000)
    replica_selector_class: str | None = setting(None)

    # fetches and purgatories
    fetch_max_bytes: IntBytes = setting(57_671_680, "[1024,...]")
    max_incremental_fetch_session_cache_slots: Int = setting(1000, "[0,...]")
    fetch_purgatory_purge_interval_requests: Int = setting(1000)
    producer_purgatory_purge_interval_requests: Int = setting(1000)

    # log
    log_segment_bytes: IntBytes = setting(1_073_741_824, "[1048576,...]")
    log_roll_hours: Int = setting(168, "[1,...]")
    log_roll_ms: LongMs | None = setting(None)
    log_roll_jitter_hours: Int = setting(0, "[0,...]")
    log_retention_hours: Int = setting(168)
    log_retention_ms: LongMs | None = setting(None)
    log_retention_bytes: LongBytes = setting(-1)
    log_retention_check_interval_ms: LongMs = setting(300_000, "[1,...]")
    log_cleanup_policy: Words = setting(("delete",), "[compact, delete]")
    log_index_interval_bytes: IntBytes = setting(4096, "[0,...]")
    log_index_size_max_bytes: IntBytes = setting(10_485_760, "[4,...]")
    log_flush_interval_messages: Long = setting(9_223_372_036_854_775_807, "[1,...]")
    log_flush_interval_ms: LongMs | None = setting(None)
    log_flush_scheduler_interval_ms: LongMs = setting(9_223_372_036_854_775_807)
    log_flush_offset_checkpoint_interval_ms: IntMs = setting(60_000, "[0,...]")
    log_segment_delete_delay_ms: LongMs = setting(60_000, "[0,...]")
    log_message_timestamp_type: str = setting("CreateTime", "[CreateTime, LogAppendTime]")
    log_message_timestamp_before_max_ms: LongMs = setting(9_223_372_036_854_775_807, "[0,...]")
    log_message_timestamp_after_max_ms: LongMs = setting(3_600_000, "[0,...]")
    log_preallocate: bool = setting(False)

    # log directories
    num_recovery_threads_per_data_dir: Int = setting(2, "[1,...]")
    log_dir_failure_timeout_ms: LongMs = setting(30_000, "[1,...]")
    log_initial_task_delay_ms: LongMs = setting(30_000, "[0,...]")
    compression_type: str = setting("producer", "[uncompressed, zstd, lz4, snappy, gzip, producer]")

    # log cleaner
    log_cleaner_enable: bool = setting(True)
    log_cleaner_threads: Int = setting(1, "[0,...]")
    log_cleaner_dedupe_buffer_size: LongBytes = setting(134_217_728)
    log_cleaner_io_buffer_load_factor: float = setting(0.9)
    log_cleaner_backoff_ms: LongMs = setting(15_000, "[0,...]")
    log_cleaner_min_cleanable_ratio: float = setting(0.5, "[0,...,1]")
    log_cleaner_delete_retention_ms: LongMs = setting(86_400_000, "[0,...]")
    log_cleaner_min_compaction_lag_ms: LongMs = setting(0, "[0,...]")
    log_cleaner_max_compaction_lag_ms: LongMs = setting(9_223_372_036_854_775_807, "[1,...]")

    # groups, classic
    group_initial_rebalance_delay_ms: IntMs = setting(3000)
    group_min_session_timeout_ms: IntMs = setting(6000)
    group_max_session_timeout_ms: IntMs = setting(1_800_000)
    group_max_size: Int = setting(2_147_483_647, "[1,...]")

    # group coordinator
    group_coordinator_rebalance_protocols: Words = setting(
        ("classic", "consumer", "streams"), "[consumer, classic, share, streams]"
    )
    group_coordinator_append_linger_ms: IntMs = setting(-1, "[-1,...]")
    group_coordinator_threads: Int = setting(4, "[1,...]")

    # consumer groups (KIP-848)
    group_consumer_session_timeout_ms: IntMs = setting(45_000, "[1,...]")
    group_consumer_heartbeat_interval_ms: IntMs = setting(5000, "[1,...]")
    group_consumer_max_size: Int = setting(2_147_483_647, "[1,...]")
    group_consumer_assignors: Words = setting(("uniform", "range"))
    group_consumer_migration_policy: str = setting(
        "bidirectional", "(case insensitive) [DISABLED, DOWNGRADE, UPGRADE, BIDIRECTIONAL]"
    )
    group_consumer_regex_refresh_interval_ms: IntMs = setting(600_000, "[10000,...]")

    # share groups (KIP-932)
    group_share_session_timeout_ms: IntMs = setting(45_000, "[1,...]")
    group_share_heartbeat_interval_ms: IntMs = setting(5000, "[1,...]")
    group_share_record_lock_duration_ms: IntMs = setting(30_000, "[1000,...,3600000]")
    group_share_delivery_count_limit: Int = setting(5, "[2,...,10]")
    group_share_partition_max_record_locks: Int = setting(2000, "[100,...,10000]")
    group_share_max_size: Int = setting(200, "[1,...,1000]")

    # committed offsets
    offsets_topic_num_partitions: Int = setting(50, "[1,...]")
    offsets_topic_replication_factor: Short = setting(3, "[1,...]")
    offsets_retention_minutes: Int = setting(10_080, "[1,...]")
    offsets_retention_check_interval_ms: LongMs = setting(600_000, "[1,...]")
    offsets_commit_timeout_ms: IntMs = setting(5000, "[1,...]")
    offset_metadata_max_bytes: IntBytes = setting(4096)
    offsets_topic_segment_bytes: IntBytes = setting(104_857_600, "[1,...]")

    # transactions
    transaction_max_timeout_ms: IntMs = setting(900_000, "[1,...]")
    transactional_id_expiration_ms: IntMs = setting(604_800_000, "[1,...]")
    transaction_state_log_num_partitions: Int = setting(50, "[1,...]")
    transaction_state_log_replication_factor: Short = setting(3, "[1,...]")
    transaction_state_log_min_isr: Int = setting(2, "[1,...]")
    transaction_abort_timed_out_transaction_cleanup_interval_ms: IntMs = setting(10_000, "[1,...]")
    transaction_remove_expired_transaction_cleanup_interval_ms: IntMs = setting(3_600_000, "[1,...]")
    producer_id_expiration_ms: IntMs = setting(86_400_000, "[1,...]")
    producer_id_expiration_check_interval_ms: IntMs = setting(600_000, "[1,...]")
    transaction_partition_verification_enable: bool = setting(True)
    transaction_two_phase_commit_enable: bool = setting(False)

    # quotas
    quota_window_num: Int = setting(11, "[1,...]")
    quota_window_size_seconds: Int = setting(1, "[1,...]")
    leader_replication_throttled_rate: LongBytes = setting(9_223_372_036_854_775_807, "[0,...]")
    follower_replication_throttled_rate: LongBytes = setting(9_223_372_036_854_775_807, "[0,...]")
    replication_quota_window_num: Int = setting(11, "[1,...]")
    replication_quota_window_size_seconds: Int = setting(1, "[1,...]")
    controller_quota_window_num: Int = setting(11, "[1,...]")

    # tiered storage
    remote_log_storage_system_enable: bool = setting(False)
    log_local_retention_ms: LongMs = setting(-2, "[-2,...]")
    log_local_retention_bytes: LongBytes = setting(-2, "[-2,...]")
    remote_log_manager_task_interval_ms: LongMs = setting(30_000, "[1,...]")
    remote_log_manager_copier_thread_pool_size: Int = setting(10, "[1,...]")
    remote_log_manager_expiration_thread_pool_size: Int = setting(10, "[1,...]")
    remote_log_reader_threads: Int = setting(10, "[1,...]")
    remote_fetch_max_wait_ms: IntMs = setting(500, "[1,...]")
    remote_log_index_file_cache_total_size_bytes: LongBytes = setting(1_073_741_824, "[1,...]")

    def settle(self) -> None:
        """Kafka's rules across keys, in Kafka's words."""
        self._require(
            self.replica_fetch_wait_max_ms <= self.replica_socket_timeout_ms,
            "replica.socket.timeout.ms should always be at least replica.fetch.wait.max.ms"
            " to prevent unnecessary socket timeouts",
        )
        self._require(
            self.replica_fetch_wait_max_ms <= self.replica_lag_time_max_ms,
            "replica.fetch.wait.max.ms should always be less than or equal to replica.lag.time.max.ms"
            " to prevent frequent changes in ISR",
        )
        for kind in ("consumer", "share"):
            self._require(
                getattr(self, f"group_{kind}_heartbeat_interval_ms")
                < getattr(self, f"group_{kind}_session_timeout_ms"),
                f"group.{kind}.heartbeat.interval.ms must be less than group.{kind}.session.timeout.ms",
            )
        self._require(
            self.log_retention_ms is None or self.log_retention_ms == -1 or self.log_retention_ms >= 1,
            "log.retention.ms must be unlimited (-1) or, greater than or equal to 1",
        )
        for name, (least, most) in FLYABLE.items():
            value = getattr(self, name)
            self._require(
                least <= value <= most,
                f"{name.replace('_', '.')}={value} cannot be flown: write {least:,} at least, and {most:,} at most",
            )
        self._require(bool(self.group_consumer_assignors), "group.consumer.assignors names no assignor")
        for name in self.group_consumer_assignors:
            self._require(name in _ASSIGNORS, f"group.consumer.assignors: {name!r} is none of {', '.join(_ASSIGNORS)}")
