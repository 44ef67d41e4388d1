"""Which partition a producer's records without a key go to: one per topic, until enough was sent to it.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/RecordAccumulator.java partitionReady,
    updateNodeLatencyStats; BuiltInPartitioner.java; KIP-794; of Kafka 3.2 StickyPartitionCache.java; KIP-480
Fidelity: approximate — the sender looks at the queues when something changes, Kafka's at each turn of its loop
"""

from collections.abc import Callable, Sequence

from sim.actors.client.client_metadata import ClientMetadata
from sim.rules.config import ProducerConfig
from sim.rules.producer.partitioner import StickyPartitioner, is_slow, next_partition
from sim.rules.topics import TopicPartition

__all__ = ["PartitionChoice"]

NEVER_QUEUED = -1


class TopicLoad:
    """One topic: how many batches wait in each partition, now and when the sender looked last."""

    __slots__ = ("queued", "seen", "slow", "sticky")

    def __init__(self, batch_size: int) -> None:
        self.sticky = StickyPartitioner(batch_size)
        self.queued: list[int] = []
        self.seen: list[int] = []
        self.slow: tuple[int, ...] = ()

    def count(self, partition: int, change: int) -> None:
        """Batches have come into a partition's queue, or have left it."""
        queued = self.queued
        if partition >= len(queued):
            queued += [NEVER_QUEUED] * (partition + 1 - len(queued))
        queued[partition] = max(queued[partition], 0) + change


class PartitionChoice:
    """Sticky partitions by topic; each switch prefers short queues, as the sender saw them before it last sent.

    With `by_batch` each new batch is of another partition, whatever the queues, as from Kafka 2.4 to 3.2.
    """

    def __init__(self, config: ProducerConfig, metadata: ClientMetadata, draw: Callable[[int], int]) -> None:
        self._batch_size = config.batch_size
        self._adaptive = config.partitioner_adaptive_partitioning_enable
        self._timeout_ms = config.partitioner_availability_timeout_ms
        self._metadata = metadata
        self._draw = draw
        self._topics: dict[str, TopicLoad] = {}
        self._node_times_ms: dict[int, tuple[int, int]] = {}
        self._switched = self.by_batch = False

    def current(self, topic: Sequence[TopicPartition]) -> TopicPartition:
        """The partition for the next record of a topic, given all of its partitions."""
        load = self._load(topic[0].topic)
        return topic[load.sticky.partition(lambda: self._choose(load, topic))]

    def appended(self, topic: Sequence[TopicPartition], size_bytes: int, queue_complete: bool) -> None:
        """So many bytes went into the current partition, whose batches are all complete or not."""
        if self.by_batch:
            self._switched = self._switched and not size_bytes
            return
        load = self._load(topic[0].topic)
        load.sticky.update(size_bytes, queue_complete, lambda: self._choose(load, topic))

    def leaves_for_new_batch(self, topic: Sequence[TopicPartition]) -> bool:
        """The current partition needs a new batch: whether that is the moment to choose another one, at most once."""
        if not self.by_batch or self._switched or len(topic) < 2:
            return False
        sticky = self._load(topic[0].topic).sticky
        available = [number for number, name in enumerate(topic) if self._metadata.leader(name) >= 0]
        others = [number for number in available if number != sticky.current]
        self._switched = bool(others)
        if others:
            sticky.current = others[self._draw(len(others))]
        return self._switched

    def count(self, partition: TopicPartition, change: int) -> None:
        """Batches have come into a queue, or have left it."""
        self._load(partition.topic).count(partition.partition, change)

    def look(self) -> None:
        """The sender looks at all queues before it sends."""
        if self._adaptive:
            for topic, load in self._topics.items():
                load.seen = load.queued[:]
                if self._timeout_ms > 0:
                    load.slow = self._slow_partitions(topic, load.queued)

    def node_ready(self, node_id: int, now_ms: int, can_send: bool) -> None:
        """A node has batches ready, and may or may not be sent some now."""
        if self._timeout_ms > 0:
            _, drained_ms = self._node_times_ms.get(node_id, (now_ms, now_ms))
            self._node_times_ms[node_id] = (now_ms, now_ms if can_send else drained_ms)

    def _slow_partitions(self, topic: str, queued: Sequence[int]) -> tuple[int, ...]:
        slow = []
        for number, count in enumerate(queued):
            ready_ms, drained_ms = self._node_times_ms.get(self._metadata.leader(TopicPartition(topic, number)), (0, 0))
            if count > 0 and is_slow(ready_ms, drained_ms, self._timeout_ms):
                slow.append(number)
        return tuple(slow)

    def _choose(self, load: TopicLoad, topic: Sequence[TopicPartition]) -> int:
        """Draw a partition among those with a leader, by load if each of the topic has had a batch."""
        leader = self._metadata.leader
        available = [number for number, name in enumerate(topic) if leader(name) >= 0]
        if self._adaptive and len(load.seen) >= len(topic) and NEVER_QUEUED not in load.seen:
            quick = [number for number in available if number not in load.slow]
            if quick:
                return next_partition(quick, [load.seen[number] for number in quick], len(topic), self._draw)
        return next_partition(available or range(len(topic)), None, len(topic), self._draw)

    def _load(self, topic: str) -> TopicLoad:
        load = self._topics.get(topic)
        if load is None:
            load = self._topics[topic] = TopicLoad(self._batch_size)
        return load
