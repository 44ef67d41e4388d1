"""Which partitions have moved between which members, so that a move back is preferred to a second move."""

from collections.abc import Iterable

from sim.rules.assignors.java_order import hash_order, table_capacity, topic_partition_hash
from sim.rules.topics import TopicPartition

__all__ = ["PartitionMovements"]

_Pair = tuple[str, str]


class PartitionMovements:
    """The moves of one rebalance, each from the first owner to the last one.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractStickyAssignor.java
    PartitionMovements
    Fidelity: exact
    """

    __slots__ = ("_by_topic", "_pairs", "_peaks")

    def __init__(self) -> None:
        self._pairs: dict[TopicPartition, _Pair] = {}
        self._by_topic: dict[str, dict[_Pair, dict[TopicPartition, None]]] = {}
        self._peaks: dict[tuple[str, _Pair], int] = {}

    def move(self, partition: TopicPartition, source: str, target: str) -> None:
        """A partition goes from one member to another; back where it came from, it has not moved."""
        before = self._pairs.pop(partition, None)
        if before is not None:
            self._forget(partition, before)
            source = before[0]
        if source != target:
            self._remember(partition, (source, target))

    def to_move(self, partition: TopicPartition, source: str, target: str) -> TopicPartition:
        """The partition that should go instead of this one: one of its topic that came the opposite way, if any."""
        if partition in self._pairs:
            source = self._pairs[partition][0]
        back = (target, source)
        candidates = self._by_topic.get(partition.topic, {}).get(back)
        return self._first(candidates, self._peaks[partition.topic, back]) if candidates else partition

    def _remember(self, partition: TopicPartition, pair: _Pair) -> None:
        self._pairs[partition] = pair
        moved = self._by_topic.setdefault(partition.topic, {}).setdefault(pair, {})
        moved[partition] = None
        self._peaks[partition.topic, pair] = max(len(moved), self._peaks.get((partition.topic, pair), 0))

    def _forget(self, partition: TopicPartition, pair: _Pair) -> None:
        moved = self._by_topic[partition.topic]
        del moved[pair][partition]
        if not moved[pair]:
            del moved[pair], self._peaks[partition.topic, pair]

    @staticmethod
    def _first(partitions: Iterable[TopicPartition], peak: int) -> TopicPartition:
        """The first in the order of a Java hash set that once held `peak` elements."""
        return hash_order(partitions, topic_partition_hash, table_capacity(peak))[0]
