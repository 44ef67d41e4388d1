"""How far a partition's records count as committed.

Left out: replicas on a second log directory of the same broker.
"""

from collections.abc import Iterable

from sim.rules.errors import ErrorCode

__all__ = [
    "acks_all_outcome",
    "acks_all_refusal",
    "bounds_high_watermark",
    "effective_min_insync_replicas",
    "follower_high_watermark",
    "next_high_watermark",
]


def effective_min_insync_replicas(min_insync_replicas: int, replication_factor: int) -> int:
    """The in-sync replicas that a partition really asks for: never more than it has replicas.

    Source: core/src/main/scala/kafka/cluster/Partition.scala effectiveMinIsr
    Fidelity: exact
    """
    return min(min_insync_replicas, replication_factor)


def bounds_high_watermark(in_maximal_isr: bool, caught_up: bool, isr_eligible: bool) -> bool:
    """Whether a follower holds the high watermark back.

    A follower does so as a member of the maximal ISR (the ISR and any member about to be added), or when it is
    caught up within the allowed lag and may join, so that it is not outrun while joining.

    Source: core/src/main/scala/kafka/cluster/Partition.scala maybeIncrementLeaderHW
    Fidelity: exact
    """
    return in_maximal_isr or (caught_up and isr_eligible)


def next_high_watermark(
    high_watermark: int,
    leader_end_offset: int,
    follower_end_offsets: Iterable[int],
    isr_size: int,
    min_insync_replicas: int,
    replication_factor: int,
) -> int:
    """The leader's high watermark after an append, a fetch or an ISR change; it never falls.

    `follower_end_offsets` are those of the followers for which `bounds_high_watermark` holds; `isr_size` counts the
    committed ISR with the leader. Below the minimum the watermark stands still.

    Source: core/src/main/scala/kafka/cluster/Partition.scala maybeIncrementLeaderHW; KIP-966
    Fidelity: exact
    """
    if isr_size < min_insync_replicas and isr_size < replication_factor:
        return high_watermark
    lowest = leader_end_offset
    for end_offset in follower_end_offsets:
        if end_offset < lowest:
            lowest = end_offset
    return lowest if lowest > high_watermark else high_watermark


def follower_high_watermark(leader_high_watermark: int, log_start_offset: int, log_end_offset: int) -> int:
    """A follower's high watermark after a fetch: what the leader said, within its own log; it may fall.

    Source: core/src/main/scala/kafka/server/ReplicaFetcherThread.scala processPartitionData;
        storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java maybeUpdateHighWatermark
    Fidelity: exact
    """
    return max(log_start_offset, min(leader_high_watermark, log_end_offset))


def acks_all_refusal(isr_size: int, min_insync_replicas: int, replication_factor: int) -> ErrorCode | None:
    """The error that refuses an acks=all append before anything is written, or None.

    Source: core/src/main/scala/kafka/cluster/Partition.scala appendRecordsToLeader
    Fidelity: exact
    """
    enough = isr_size >= effective_min_insync_replicas(min_insync_replicas, replication_factor)
    return None if enough else ErrorCode.NOT_ENOUGH_REPLICAS


def acks_all_outcome(
    high_watermark: int,
    required_offset: int,
    maximal_isr_size: int,
    min_insync_replicas: int,
    replication_factor: int,
) -> ErrorCode | None:
    """The answer to a parked acks=all append, or None while it must wait.

    Source: core/src/main/scala/kafka/cluster/Partition.scala checkEnoughReplicasReachOffset
    Fidelity: exact
    """
    if high_watermark < required_offset:
        return None
    if maximal_isr_size >= effective_min_insync_replicas(min_insync_replicas, replication_factor):
        return ErrorCode.NONE
    return ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND
