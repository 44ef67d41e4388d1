"""The producer as an application sees it.

Source: clients/src/main/java/org/apache/kafka/clients/producer/KafkaProducer.java
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any

from simpy import Event

from sim.actors.accumulator import Accumulator
from sim.actors.client_metadata import ClientMetadata
from sim.actors.network_client import Directory, NetworkClient
from sim.actors.producer_batch import Delivery, ProducerBatch
from sim.actors.sender import Sender
from sim.actors.sequences import Sequences
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.config import ProducerConfig
from sim.rules.partitioner import StickyPartitioner, partition_for_key
from sim.rules.records import Header
from sim.rules.topics import TopicPartition

__all__ = ["Producer", "SendTimeoutError"]

OnDelivery = Callable[[Delivery], None]


class SendTimeoutError(Exception):
    """send() has waited for metadata or buffer memory for max.block.ms (Kafka's TimeoutException)."""


class Producer:
    """Sends records; `yield from producer.send(...)` returns once the record is in the buffer.

    It lives in the process `owner` and dies with it; `origin` marks what it sent in this life.
    """

    def __init__(
        self,
        owner: Actor,
        client_id: str,
        config: ProducerConfig,
        directory: Directory,
        bootstrap: Sequence[int],
        origin: str = "",
    ) -> None:
        self.client_id = client_id
        self.config = config
        self._owner = owner
        self._network = NetworkClient(
            owner,
            directory,
            config.request_timeout_ms,
            config.reconnect_backoff_ms,
            config.reconnect_backoff_max_ms,
        )
        self._metadata = ClientMetadata(
            owner, self._network, bootstrap, config.retry_backoff_ms, config.metadata_max_age_ms
        )
        sequences = Sequences() if config.enable_idempotence else None
        self._accumulator = Accumulator(owner, origin or client_id, config, self._metadata, sequences)
        self._sender = Sender(
            owner, client_id, config, self._network, self._metadata, self._accumulator, sequences, self._done
        )
        self._sticky: dict[str, StickyPartitioner] = {}
        self._partitions: dict[str, list[TopicPartition]] = {}
        self._incomplete: dict[ProducerBatch, None] = {}
        self._blocked: list[Event] = []
        self._metadata.listen(self._metadata_updated)
        self._metadata.request_update()

    @property
    def free_bytes(self) -> int:
        """Buffer memory that is left (Kafka's `buffer-available-bytes`)."""
        return self._accumulator.free_bytes

    @property
    def incomplete(self) -> bool:
        """Whether some record sent is neither acknowledged nor given up."""
        return bool(self._incomplete)

    def send(
        self,
        topic: str,
        value: bytes | None = None,
        key: bytes | None = None,
        partition: int | None = None,
        timestamp_ms: int | None = None,
        headers: Sequence[Header] = (),
        on_delivery: OnDelivery | None = None,
        sent_at: int | None = None,
    ) -> Generator[Event, Any, Delivery]:
        """Put a record into the buffer; waits up to max.block.ms for metadata and memory.

        `sent_at` (simulated nanoseconds) counts as the time of the call when the application was late, so that
        latency has no coordinated omission. Raises SendTimeoutError.
        """
        owner = self._owner
        now = owner.now
        if topic not in self._partitions:
            yield from self._wait_for_topic(topic)
        while True:
            target = self._choose(topic, key, partition)
            placed = self._accumulator.append(
                target,
                now // MILLISECOND if timestamp_ms is None else timestamp_ms,
                key,
                value,
                headers,
                now if sent_at is None else sent_at,
            )
            if placed is not None:
                break
            yield from self._wait_for_memory(now)
        batch, is_new = placed
        if is_new:
            self._incomplete[batch] = None
        if key is None and partition is None:
            self._sticky[topic].update(batch.size_bytes // batch.count, self._accumulator.is_full(batch))
        delivery = Delivery(owner.clock, batch, batch.count - 1)
        if on_delivery is not None:
            batch.on_done.append(lambda: on_delivery(delivery))
        self._sender.appended(batch, is_new)
        return delivery

    def send_many(self, topic: str, value_size: int, sent_at: Sequence[int]) -> Generator[Event, Any, None]:
        """Put records without key or content into the buffer, one for each time of `sent_at`: for capacity runs.

        Costs a few steps per batch, not per record. Raises SendTimeoutError.
        """
        now = self._owner.now
        if topic not in self._partitions:
            yield from self._wait_for_topic(topic)
        while sent_at:
            placed = self._accumulator.append_many(
                self._choose(topic, None, None), value_size, sent_at, now // MILLISECOND
            )
            if placed is None:
                yield from self._wait_for_memory(now)
                continue
            batch, is_new, taken = placed
            if is_new:
                self._incomplete[batch] = None
            sent_at = sent_at[taken:]
            added_bytes = batch.size_bytes * taken // batch.count
            self._sticky[topic].update(added_bytes, bool(sent_at) or self._accumulator.is_full(batch))
            self._sender.appended(batch, is_new)

    def flush(self) -> Generator[Event, Any, None]:
        """Send everything now and wait until all of it is acknowledged or given up."""
        self._accumulator.flushing += 1
        self._sender.wake()
        for batch in list(self._incomplete):
            if not batch.done:
                finished = self._owner.clock.event()
                batch.on_done.append(finished.succeed)
                yield finished
        self._accumulator.flushing -= 1

    def close(self) -> Generator[Event, Any, None]:
        """Flush, then hang up."""
        self._accumulator.closed = True
        yield from self.flush()
        self._network.close()

    def _choose(self, topic: str, key: bytes | None, partition: int | None) -> TopicPartition:
        partitions = self._partitions[topic]
        if partition is not None:
            return TopicPartition(topic, partition)
        if key is not None and not self.config.partitioner_ignore_keys:
            return partitions[partition_for_key(key, len(partitions))]
        sticky = self._sticky.get(topic)
        if sticky is None:
            sticky = self._sticky[topic] = StickyPartitioner(self.config.batch_size)
        if sticky.current is not None:
            return partitions[sticky.current]
        available = [number for number, name in enumerate(partitions) if self._metadata.leader(name) >= 0]
        usable = available or list(range(len(partitions)))
        sizes = None
        if self.config.partitioner_adaptive_partitioning_enable:
            sizes = self._accumulator.queue_sizes([partitions[number] for number in usable])
        return partitions[sticky.partition(usable, sizes, self._owner.random.randrange, len(partitions))]

    def _wait_for_topic(self, topic: str) -> Generator[Event, Any, None]:
        deadline = self._owner.now + self.config.max_block_ms * MILLISECOND
        while True:
            found = self._metadata.image.topic_partitions(topic)
            if found:
                self._partitions[topic] = found
                return
            self._metadata.request_update()
            yield from self._block(deadline, f"topic {topic} not present in metadata")

    def _wait_for_memory(self, since: int) -> Generator[Event, Any, None]:
        self._accumulator.waiting_for_memory += 1
        self._sender.wake()
        try:
            deadline = since + self.config.max_block_ms * MILLISECOND
            yield from self._block(deadline, "failed to allocate memory within the configured max blocking time")
        finally:
            self._accumulator.waiting_for_memory -= 1

    def _block(self, deadline: int, otherwise: str) -> Generator[Event, Any, None]:
        """Wait until something changes. Raises SendTimeoutError after max.block.ms."""
        changed = self._owner.clock.event()
        self._blocked.append(changed)
        if self._owner.now >= deadline:
            raise SendTimeoutError(f"{otherwise} {self.config.max_block_ms} ms.")
        yield changed | self._owner.sleep(deadline - self._owner.now)

    def _unblock(self) -> None:
        blocked, self._blocked = self._blocked, []
        for event in blocked:
            event.succeed()

    def _metadata_updated(self) -> None:
        for topic in self._partitions:
            self._partitions[topic] = self._metadata.image.topic_partitions(topic)
        self._unblock()

    def _done(self, batch: ProducerBatch) -> None:
        self._incomplete.pop(batch, None)
        if self._blocked:
            self._unblock()
