# ruff: noqa: RUF009
"""Configuration of a group, kept by the brokers."""

from dataclasses import dataclass
from typing import ClassVar

from sim.rules.config.base import Config
from sim.rules.config.keys import Int, IntMs, setting

__all__ = ["GroupConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupConfig(Config):
    """What the brokers are told of one group of the consumer, share or streams protocol.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupConfig.java
    Fidelity: exact
    """

    KIND: ClassVar[str] = "group"
    MODELLED: ClassVar[frozenset[str]] = frozenset(
        {
            "share_auto_offset_reset",
            "share_heartbeat_interval_ms",
            "share_isolation_level",
            "share_record_lock_duration_ms",
            "share_session_timeout_ms",
        }
    )

    # consumer groups (KIP-848)
    consumer_heartbeat_interval_ms: IntMs = setting(5000, "[1,...]")
    consumer_session_timeout_ms: IntMs = setting(45_000, "[1,...]")

    # share groups (KIP-932)
    share_auto_offset_reset: str = setting("latest", "[latest, earliest, by_duration:PnDTnHnMn.nS]")
    share_heartbeat_interval_ms: IntMs = setting(5000, "[1,...]")
    share_isolation_level: str = setting("read_uncommitted", "[read_committed, read_uncommitted]")
    share_record_lock_duration_ms: IntMs = setting(30_000, "[1000,...]")
    share_session_timeout_ms: IntMs = setting(45_000, "[1,...]")

    # streams groups (KIP-1071)
    streams_heartbeat_interval_ms: IntMs = setting(5000, "[1,...]")
    streams_initial_rebalance_delay_ms: IntMs = setting(3000, "[0,...]")
    streams_num_standby_replicas: Int = setting(0, "[0,...]")
    streams_session_timeout_ms: IntMs = setting(45_000, "[1,...]")

    def settle(self) -> None:
        """Kafka's rules across keys, in Kafka's words."""
        for kind in ("consumer", "share", "streams"):
            session_ms = getattr(self, f"{kind}_session_timeout_ms")
            heartbeat_ms = getattr(self, f"{kind}_heartbeat_interval_ms")
            self._require(
                session_ms > heartbeat_ms,
                f"{kind}.session.timeout.ms must be greater than {kind}.heartbeat.interval.ms",
            )
