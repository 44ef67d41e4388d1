"""Facts about quotas."""

from dataclasses import dataclass

__all__ = ["ProduceThrottled"]


@dataclass(slots=True)
class ProduceThrottled:
    """A produce request has used up a quota: its connection is not read for so many milliseconds."""

    broker_id: int
    client_id: str
    throttle_time_ms: int
