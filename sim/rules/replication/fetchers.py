"""Which of a broker's fetcher threads follows a partition."""

from sim.rules.groups.coordinator import java_string_hash
from sim.rules.topics import TopicPartition

__all__ = ["fetcher_id"]


def fetcher_id(partition: TopicPartition, num_replica_fetchers: int) -> int:
    """The number of the thread, among the num.replica.fetchers for one leader.

    Source: core/src/main/scala/kafka/server/AbstractFetcherManager.scala getFetcherId
    Fidelity: exact
    """
    hashed = (31 * java_string_hash(partition.topic) + partition.partition) & 0xFFFFFFFF
    signed = hashed - 0x100000000 if hashed & 0x80000000 else hashed
    return (0 if signed == -(1 << 31) else abs(signed)) % num_replica_fetchers
