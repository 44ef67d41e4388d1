"""How producers should be set for a requirement, and what that makes of batches and requests."""

from dataclasses import dataclass
from math import ceil, log2

from sim.plan.requirement import Requirement

__all__ = ["Producing", "producing"]

LINGER_SHARE = 5
LEAST_BATCH, MOST_BATCH = 16_384, 1_048_576
ELECTION_S = 10
"""How long a producer goes on while a lost broker's partitions have no leader: its session of 9 s, and the election."""


@dataclass(frozen=True, slots=True)
class Producing:
    """Settings of a producer; all of them are idempotent, with acks=all."""

    producers: int
    linger_ms: int
    batch_size_bytes: int
    buffer_memory_bytes: int
    batches_per_s: float

    def config(self) -> dict[str, object]:
        """Kafka's keys."""
        return {
            "acks": "all",
            "linger.ms": self.linger_ms,
            "batch.size": self.batch_size_bytes,
            "buffer.memory": self.buffer_memory_bytes,
        }


def producing(requirement: Requirement) -> Producing:
    """Linger as is asked for, at most a fifth of the latency that is allowed; batches that are not full before that.

    The buffer holds what comes until a lost broker's partitions have a leader.
    """
    count = requirement.producer_count
    rate = requirement.planned_write / count
    linger_ms = int(1000 * min(requirement.linger, requirement.p99 / LINGER_SHARE))
    filled = max(rate * linger_ms / 1000 * 1.5, requirement.record * 2.0, 1.0)
    batch = min(MOST_BATCH, max(LEAST_BATCH, 1 << ceil(log2(filled))))
    buffer = max(32 << 20, 1 << ceil(log2(rate * ELECTION_S)))
    per_producer = max(rate / batch, min(1000 / max(linger_ms, 1), rate / requirement.record))
    return Producing(count, linger_ms, batch, buffer, count * per_producer)
