# ruff: noqa: RUF009
"""Configuration of a consumer."""

from dataclasses import dataclass
from typing import ClassVar

from sim.rules.config.base import Config
from sim.rules.config.keys import Int, IntBytes, IntMs, LongMs, Words, setting
from sim.rules.storage.offset_lookup import reset_timestamp_ms

__all__ = ["ConsumerConfig"]

_PACKAGE = "org.apache.kafka.clients.consumer"
_ASSIGNORS = {
    "range": "RangeAssignor",
    "roundrobin": "RoundRobinAssignor",
    "sticky": "StickyAssignor",
    "cooperative-sticky": "CooperativeStickyAssignor",
}
_UNSUPPORTED = {
    "classic": ("group_remote_assignor", "share_acknowledgement_mode"),
    "consumer": (
        "partition_assignment_strategy",
        "heartbeat_interval_ms",
        "session_timeout_ms",
        "share_acknowledgement_mode",
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsumerConfig(Config):
    """What a consumer is told. Assignors may be named by class or by their short names, such as `range`.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/ConsumerConfig.java
    Fidelity: exact
    """

    KIND: ClassVar[str] = "consumer"
    MODELLED: ClassVar[frozenset[str]] = frozenset(
        {
            "auto_commit_interval_ms",
            "auto_offset_reset",
            "client_rack",
            "default_api_timeout_ms",
            "enable_auto_commit",
            "exclude_internal_topics",
            "fetch_max_bytes",
            "fetch_max_wait_ms",
            "fetch_min_bytes",
            "group_instance_id",
            "group_protocol",
            "group_remote_assignor",
            "heartbeat_interval_ms",
            "isolation_level",
            "max_partition_fetch_bytes",
            "max_poll_interval_ms",
            "max_poll_records",
            "metadata_max_age_ms",
            "partition_assignment_strategy",
            "reconnect_backoff_max_ms",
            "reconnect_backoff_ms",
            "request_timeout_ms",
            "retry_backoff_max_ms",
            "retry_backoff_ms",
            "session_timeout_ms",
        }
    )

    # group membership
    group_protocol: str = setting("classic", "(case insensitive) [CONSUMER, CLASSIC]")
    partition_assignment_strategy: Words = setting(
        (
            "org.apache.kafka.clients.consumer.RangeAssignor",
            "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        )
    )
    session_timeout_ms: IntMs = setting(45_000)
    heartbeat_interval_ms: IntMs = setting(3000)

    # polling
    max_poll_interval_ms: IntMs = setting(300_000, "[1,...]")
    max_poll_records: Int = setting(500, "[1,...]")

    # fetching
    fetch_min_bytes: IntBytes = setting(1, "[0,...]")
    fetch_max_wait_ms: IntMs = setting(500, "[0,...]")
    fetch_max_bytes: IntBytes = setting(52_428_800, "[0,...]")
    max_partition_fetch_bytes: IntBytes = setting(1_048_576, "[0,...]")

    # offsets
    auto_offset_reset: str = setting("latest", "[latest, earliest, none, by_duration:PnDTnHnMn.nS]")
    enable_auto_commit: bool = setting(True)
    auto_commit_interval_ms: IntMs = setting(5000, "[0,...]")
    isolation_level: str = setting("read_uncommitted", "[read_committed, read_uncommitted]")

    # time limits and retries
    request_timeout_ms: IntMs = setting(30_000, "[0,...]")
    default_api_timeout_ms: IntMs = setting(60_000, "[0,...]")
    retry_backoff_ms: LongMs = setting(100, "[0,...]")
    retry_backoff_max_ms: LongMs = setting(1000, "[0,...]")

    # metadata and connections
    metadata_max_age_ms: LongMs = setting(300_000, "[0,...]")
    connections_max_idle_ms: LongMs = setting(540_000)
    reconnect_backoff_ms: LongMs = setting(50, "[0,...]")
    reconnect_backoff_max_ms: LongMs = setting(1000, "[0,...]")

    # identity
    client_rack: str = setting("")
    group_instance_id: str | None = setting(None, "non-empty string")
    group_remote_assignor: str | None = setting(None)

    # other
    check_crcs: bool = setting(True)
    exclude_internal_topics: bool = setting(True)
    allow_auto_create_topics: bool = setting(True)
    share_acknowledgement_mode: str = setting("implicit", "[implicit, explicit]")
    receive_buffer_bytes: IntBytes = setting(65_536, "[-1,...]")
    send_buffer_bytes: IntBytes = setting(131_072, "[-1,...]")

    @property
    def assignors(self) -> Words:
        """The assignors by the names under which a group votes for them, most wanted first."""
        names = {f"{_PACKAGE}.{simple}": name for name, simple in _ASSIGNORS.items()}
        return tuple(names.get(strategy, strategy) for strategy in self.partition_assignment_strategy)

    def settle(self) -> None:
        """Kafka's rules across keys, in Kafka's words."""
        strategies = tuple(_class_name(strategy) for strategy in self.partition_assignment_strategy)
        self._put("partition_assignment_strategy", strategies)
        self._check_assignors()
        self._check_reset()
        if "reconnect_backoff_ms" in self.set_fields and "reconnect_backoff_max_ms" not in self.set_fields:
            self._put("reconnect_backoff_max_ms", self.reconnect_backoff_ms)
        self.check_protocol()
        self._require(
            self.heartbeat_interval_ms < self.session_timeout_ms,
            "Heartbeat must be set lower than the session timeout: "
            f"heartbeat.interval.ms is {self.heartbeat_interval_ms}, session.timeout.ms {self.session_timeout_ms}",
        )

    def check_protocol(self) -> None:
        """Refuse what has no meaning in a group of this protocol."""
        unsupported = [name for name in _UNSUPPORTED[self.group_protocol] if name in self.set_fields]
        keys = ", ".join(name.replace("_", ".") for name in unsupported)
        self._require(not unsupported, f"{keys} cannot be set when group.protocol={self.group_protocol.upper()}")

    def _check_reset(self) -> None:
        if self.auto_offset_reset.startswith("by_duration"):
            try:
                reset_timestamp_ms(self.auto_offset_reset, 0)
            except ValueError:
                self._require(False, f"auto.offset.reset: cannot read the duration in {self.auto_offset_reset!r}")

    def _check_assignors(self) -> None:
        """Every assignor is one that the simulator has; at least one is named."""
        known = ", ".join(_ASSIGNORS)
        self._require(bool(self.assignors), f"partition.assignment.strategy names no assignor; there are {known}")
        for name in self.assignors:
            self._require(name in _ASSIGNORS, f"partition.assignment.strategy: {name!r} is none of {known}")


def _class_name(strategy: str) -> str:
    strategy = strategy.removeprefix("class ")
    simple = _ASSIGNORS.get(strategy, strategy)
    return f"{_PACKAGE}.{simple}" if simple in _ASSIGNORS.values() else simple
