"""A recording that nobody has recorded: other brokers, topics, durations and actions than any real one."""

from collections.abc import Mapping
from typing import Any

__all__ = ["made", "values"]


def values(*found: float) -> dict[str, Any]:
    """A figure as a summary has it."""
    return {"n": len(found), "values": list(found)}


def made(
    actions: list[dict[str, Any]],
    server: Mapping[str, Any] | None = None,
    seen: Mapping[str, Any] | None = None,
    **changed: Any,
) -> dict[str, Any]:
    """A recording with one run of these actions on brokers 4, 5 and 6; `seen` are the figures of its only topic."""
    recording: dict[str, Any] = {
        "family": "fault_made_up",
        "cluster": {
            "brokers": [4, 5, 6],
            "controllers": [9],
            "broker_config": {"broker.session.timeout.ms": 3000, "broker.heartbeat.interval.ms": 500},
            "consumer": {"isolation.level": "read_committed", "poll_ms": 100},
        },
        "topics": {
            "T": {
                "replicas": [6, 4, 5],
                "pace_ms": 10,
                "topic_config": {"min.insync.replicas": 2},
                "producer_config": {"acks": "all"},
            }
        },
        "runs": [{"run": "one", "state_at_start": {"T": {"leader": 5, "isr": [4, 5, 6]}}, "actions": actions}],
        "summary": {"server": server or {}, "topics": {"T": seen or {}}},
    }
    return {**recording, **changed}
