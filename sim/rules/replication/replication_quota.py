"""How many bytes a broker may replicate of throttled replicas, as their leader or as their follower.

Left out: the bound on moves between log directories.
"""

from collections.abc import Sequence

from sim.rules.quotas import SampledRate

__all__ = ["ReplicationQuota", "SimpleRate", "is_throttled_replica"]


class SimpleRate(SampledRate):
    """A rate per second over the time since the oldest window that counts, of one window at least.

    Source: clients/src/main/java/org/apache/kafka/common/metrics/stats/SimpleRate.java
    Fidelity: exact
    """

    __slots__ = ()

    def window_size_ms(self, now_ms: int) -> int:
        """The time that the rate is taken over."""
        self._purge(now_ms)
        elapsed_ms = now_ms - min((sample.start_ms for sample in self._samples), default=now_ms)
        return max(elapsed_ms, self._window_ms)


class ReplicationQuota:
    """One broker's bound, in bytes per second, on throttled replicas that it leads, or on those that it follows.

    What was replicated is counted, in sync or not; only replicas that are not in sync wait while the bound is exceeded.

    Source: core/src/main/scala/kafka/server/ReplicationQuotaManager.scala
    Fidelity: exact
    """

    __slots__ = ("_bound", "_rate")

    def __init__(self, bound: float, sample_count: int = 11, window_ms: int = 1000) -> None:
        self._bound = bound
        self._rate = SimpleRate(sample_count, window_ms)

    def record(self, size_bytes: int, now_ms: int) -> None:
        """Count bytes of throttled replicas, though they exceed the bound."""
        self._rate.record(size_bytes, now_ms)

    def is_exceeded(self, now_ms: int) -> bool:
        """Whether more is replicated just now than allowed."""
        return self._rate.measure(now_ms) > self._bound


def is_throttled_replica(replicas: Sequence[str], partition: int, broker_id: int) -> bool:
    """Whether a list such as `0:1`, `3:2` of partitions and brokers, or `*`, names this partition on this broker.

    Source: core/src/main/scala/kafka/server/ConfigHandler.scala parseThrottledPartitions
    Fidelity: exact
    """
    return f"{partition}:{broker_id}" in replicas or "*" in replicas
