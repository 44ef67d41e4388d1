"""Configuration of a share consumer."""

from dataclasses import dataclass
from typing import ClassVar

from sim.rules.config.consumer import ConsumerConfig

__all__ = ["ShareConsumerConfig"]

_UNSUPPORTED = (
    "auto_offset_reset",
    "enable_auto_commit",
    "group_instance_id",
    "isolation_level",
    "partition_assignment_strategy",
    "session_timeout_ms",
    "heartbeat_interval_ms",
    "group_protocol",
    "group_remote_assignor",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShareConsumerConfig(ConsumerConfig):
    """What a share consumer is told; where it begins to read and what it may see is the group's configuration.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/ShareConsumerConfig.java
    Fidelity: exact
    """

    KIND: ClassVar[str] = "share consumer"
    MODELLED: ClassVar[frozenset[str]] = frozenset(
        {
            "client_rack",
            "default_api_timeout_ms",
            "fetch_max_bytes",
            "fetch_max_wait_ms",
            "fetch_min_bytes",
            "max_poll_interval_ms",
            "max_poll_records",
            "metadata_max_age_ms",
            "reconnect_backoff_max_ms",
            "reconnect_backoff_ms",
            "request_timeout_ms",
            "retry_backoff_max_ms",
            "retry_backoff_ms",
            "share_acknowledgement_mode",
        }
    )

    def check_protocol(self) -> None:
        """Refuse what has no meaning in a share group."""
        unsupported = [name.replace("_", ".") for name in _UNSUPPORTED if name in self.set_fields]
        self._require(not unsupported, f"{', '.join(unsupported)} cannot be set when using a share group.")
