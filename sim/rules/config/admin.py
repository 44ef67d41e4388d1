# ruff: noqa: RUF009
"""Configuration of an admin client."""

from dataclasses import dataclass
from typing import ClassVar

from sim.rules.config.base import Config
from sim.rules.config.keys import IntMs, LongMs, setting

__all__ = ["AdminConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminConfig(Config):
    """How long an administrator waits, and how it tries again.

    Source: clients/src/main/java/org/apache/kafka/clients/admin/AdminClientConfig.java
    Fidelity: exact
    """

    KIND: ClassVar[str] = "admin"
    MODELLED: ClassVar[frozenset[str]] = frozenset(
        {
            "default_api_timeout_ms",
            "metadata_max_age_ms",
            "reconnect_backoff_max_ms",
            "reconnect_backoff_ms",
            "request_timeout_ms",
            "retry_backoff_max_ms",
            "retry_backoff_ms",
        }
    )

    default_api_timeout_ms: IntMs = setting(60_000, "[0,...]")
    metadata_max_age_ms: LongMs = setting(300_000, "[0,...]")
    reconnect_backoff_max_ms: LongMs = setting(1000, "[0,...]")
    reconnect_backoff_ms: LongMs = setting(50, "[0,...]")
    request_timeout_ms: IntMs = setting(30_000, "[0,...]")
    retry_backoff_max_ms: LongMs = setting(1000, "[0,...]")
    retry_backoff_ms: LongMs = setting(100, "[0,...]")
