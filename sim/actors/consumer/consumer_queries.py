"""What an application may ask the cluster through its consumer.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/KafkaConsumer.java
Fidelity: exact
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any, Literal, TypeVar, overload

from simpy import Event

from sim.actors.consumer.consumer_parts import ConsumerParts
from sim.actors.consumer.partition_control import PartitionControl
from sim.machine.actor import Actor
from sim.rules.errors import IllegalStateError
from sim.rules.protocol.group import OffsetAndMetadata
from sim.rules.storage.offset_lookup import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, FoundOffset
from sim.rules.topics import TopicPartition

__all__ = ["ConsumerQueries"]

T = TypeVar("T")
Asking = Generator[Event, Any, T]


class ConsumerQueries(PartitionControl):
    """The part of a consumer's methods that ask brokers, and raise ClientTimeoutError without an answer."""

    def __init__(self, owner: Actor, client_id: str, group_id: str, parts: ConsumerParts) -> None:
        super().__init__(owner, client_id, parts.subscriptions)
        self.group_id = group_id
        self._parts = parts

    @overload
    def committed(
        self, partitions: Sequence[TopicPartition], metadata: Literal[False] = False
    ) -> Asking[dict[TopicPartition, int]]:
        """The offsets alone."""

    @overload
    def committed(
        self, partitions: Sequence[TopicPartition], metadata: Literal[True]
    ) -> Asking[dict[TopicPartition, OffsetAndMetadata]]:
        """The offsets with their notes."""

    def committed(self, partitions: Sequence[TopicPartition], metadata: bool = False) -> Asking[dict[Any, Any]]:
        """The group's committed offsets, on demand with their notes; partitions without one are left out."""
        self._need_group()
        found = yield from self._parts.positions.committed(partitions)
        return found if metadata else {name: offset for name, (offset, _) in found.items()}

    def offsets_for_times(
        self, timestamps_ms: Mapping[TopicPartition, int]
    ) -> Asking[dict[TopicPartition, FoundOffset | None]]:
        """The first offset whose record has this timestamp or a later one; None where there is no such record."""
        negative = next((name for name, time_ms in timestamps_ms.items() if time_ms < 0), None)
        if negative is not None:
            raise ValueError(f"the time for {negative} cannot be negative")
        found = yield from self._parts.queries.look_up(timestamps_ms)
        return {name: item if item.offset >= 0 else None for name, item in found.items()}

    def beginning_offsets(self, partitions: Iterable[TopicPartition]) -> Asking[dict[TopicPartition, int]]:
        """The first offset of each partition."""
        found = yield from self._parts.queries.look_up(dict.fromkeys(partitions, EARLIEST_TIMESTAMP))
        return {name: item.offset for name, item in found.items()}

    def end_offsets(self, partitions: Iterable[TopicPartition]) -> Asking[dict[TopicPartition, int]]:
        """The offset behind the last record that this consumer may see: high watermark, or last stable offset."""
        found = yield from self._parts.queries.look_up(dict.fromkeys(partitions, LATEST_TIMESTAMP))
        return {name: item.offset for name, item in found.items()}

    def get_watermark_offsets(self, partition: TopicPartition) -> Asking[tuple[int, int]]:
        """First offset and end of a partition, both asked for."""
        first = yield from self.beginning_offsets([partition])
        end = yield from self.end_offsets([partition])
        return first[partition], end[partition]

    def partitions_for_topic(self, topic: str) -> Asking[list[TopicPartition]]:
        """The partitions of a topic, from metadata that know it if there are any."""
        metadata = self._parts.metadata
        if topic not in metadata.image.partition_counts:
            yield metadata.next_update()
        return metadata.image.topic_partitions(topic)

    def topics(self) -> Asking[list[str]]:
        """All topics of the cluster but the internal ones, from fresh metadata."""
        metadata = self._parts.metadata
        yield metadata.next_update()
        return sorted(name for name in metadata.image.partition_counts if not name.startswith("__"))

    def _need_group(self) -> None:
        if not self.group_id:
            raise IllegalStateError(f"{self.client_id} has no group.id")
