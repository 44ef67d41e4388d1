# ruff: noqa: RUF009
"""Configuration of a producer."""

from dataclasses import dataclass
from typing import ClassVar

from sim.rules.config.base import Config
from sim.rules.config.keys import Int, IntBytes, IntMs, LongBytes, LongMs, setting

__all__ = ["ProducerConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProducerConfig(Config):
    """What a producer is told.

    As in Kafka, acks is written `all` also for -1, delivery.timeout.ms is raised when only its parts were set, and
    idempotence goes off silently when it was not asked for and acks or retries rule it out.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/ProducerConfig.java, KafkaProducer.java
    Fidelity: exact
    """

    KIND: ClassVar[str] = "producer"
    MODELLED: ClassVar[frozenset[str]] = frozenset(
        {
            "acks",
            "batch_size",
            "buffer_memory",
            "compression_type",
            "delivery_timeout_ms",
            "enable_idempotence",
            "linger_ms",
            "max_block_ms",
            "max_in_flight_requests_per_connection",
            "max_request_size",
            "metadata_max_age_ms",
            "partitioner_adaptive_partitioning_enable",
            "partitioner_availability_timeout_ms",
            "partitioner_ignore_keys",
            "reconnect_backoff_max_ms",
            "reconnect_backoff_ms",
            "request_timeout_ms",
            "retries",
            "retry_backoff_max_ms",
            "retry_backoff_ms",
            "transaction_timeout_ms",
            "transactional_id",
        }
    )

    # delivery
    acks: str = setting("all", "[all, -1, 0, 1]")

    # batching and memory
    batch_size: IntBytes = setting(16_384, "[0,...]")
    linger_ms: LongMs = setting(5, "[0,...]")
    buffer_memory: LongBytes = setting(33_554_432, "[0,...]")
    max_block_ms: LongMs = setting(60_000, "[0,...]")
    max_request_size: IntBytes = setting(1_048_576, "[0,...]")
    max_in_flight_requests_per_connection: Int = setting(5, "[1,...]")

    # retries and time limits
    retries: Int = setting(2_147_483_647, "[0,...,2147483647]")
    retry_backoff_ms: LongMs = setting(100, "[0,...]")
    retry_backoff_max_ms: LongMs = setting(1000, "[0,...]")
    delivery_timeout_ms: IntMs = setting(120_000, "[0,...]")
    request_timeout_ms: IntMs = setting(30_000, "[0,...]")

    # idempotence and transactions
    enable_idempotence: bool = setting(True)
    transaction_timeout_ms: IntMs = setting(60_000)
    transactional_id: str | None = setting(None, "non-empty string")

    # compression
    compression_type: str = setting("none", "[none, gzip, snappy, lz4, zstd]")
    compression_lz4_level: Int = setting(9, "[1,...,17]")

    # partitions
    partitioner_class: str | None = setting(None)
    partitioner_ignore_keys: bool = setting(False)
    partitioner_adaptive_partitioning_enable: bool = setting(True)
    partitioner_availability_timeout_ms: LongMs = setting(0, "[0,...]")

    # metadata and connections
    metadata_max_age_ms: LongMs = setting(300_000, "[0,...]")
    metadata_max_idle_ms: LongMs = setting(300_000, "[5000,...]")
    connections_max_idle_ms: LongMs = setting(540_000)
    reconnect_backoff_ms: LongMs = setting(50, "[0,...]")
    reconnect_backoff_max_ms: LongMs = setting(1000, "[0,...]")
    socket_connection_setup_timeout_ms: LongMs = setting(10_000)
    socket_connection_setup_timeout_max_ms: LongMs = setting(30_000)
    send_buffer_bytes: IntBytes = setting(131_072, "[-1,...]")
    receive_buffer_bytes: IntBytes = setting(32_768, "[-1,...]")
    metadata_recovery_strategy: str = setting("rebootstrap", "(case insensitive) [REBOOTSTRAP, NONE]")
    metadata_recovery_rebootstrap_trigger_ms: LongMs = setting(300_000, "[0,...]")

    def settle(self) -> None:
        """Kafka's rules across keys, in Kafka's words."""
        if self.acks == "-1":
            self._put("acks", "all")
        self._settle_reconnect_backoff()
        if self.enable_idempotence:
            self._settle_idempotence()
        self._require(
            self.enable_idempotence or "transactional_id" not in self.set_fields,
            "Cannot set a transactional.id without also enabling idempotence.",
        )
        self._settle_delivery_timeout()

    def _settle_reconnect_backoff(self) -> None:
        if "reconnect_backoff_ms" in self.set_fields and "reconnect_backoff_max_ms" not in self.set_fields:
            self._put("reconnect_backoff_max_ms", self.reconnect_backoff_ms)

    def _settle_idempotence(self) -> None:
        asked_for = "enable_idempotence" in self.set_fields
        self._require(
            self.retries > 0 or not asked_for, "Must set retries to non-zero when using the idempotent producer."
        )
        self._require(
            self.acks == "all" or not asked_for,
            "Must set acks to all in order to use the idempotent producer. Otherwise we cannot guarantee idempotence.",
        )
        in_flight = self.max_in_flight_requests_per_connection
        self._require(
            in_flight <= 5,
            "To use the idempotent producer, max.in.flight.requests.per.connection must be set to at most 5. "
            f"Current value is {in_flight}.",
        )
        if self.retries == 0 or self.acks != "all":
            self._put("enable_idempotence", False)

    def _settle_delivery_timeout(self) -> None:
        least = min(self.linger_ms + self.request_timeout_ms, 2**31 - 1)
        if self.delivery_timeout_ms < least:
            self._require(
                "delivery_timeout_ms" not in self.set_fields,
                "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms",
            )
            self._put("delivery_timeout_ms", least)
