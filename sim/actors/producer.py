"""The producer as an application sees it.

Source: clients/src/main/java/org/apache/kafka/clients/producer/KafkaProducer.java
Fidelity: approximate — send() raises where Kafka's returns a future that has failed; close() waits without limit
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any

from simpy import Event

from sim.actors.accumulator import Accumulator
from sim.actors.client_errors import ClientClosedError, RecordTooLargeError, SendTimeoutError
from sim.actors.client_metadata import ClientMetadata
from sim.actors.network_client import Directory, NetworkClient
from sim.actors.producer_batch import Delivery, ProducerBatch
from sim.actors.sender import Sender
from sim.actors.sequences import Sequences
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.batching import batch_allocation_bytes
from sim.rules.config import ProducerConfig
from sim.rules.partitioner import StickyPartitioner, partition_for_key
from sim.rules.records import Header, estimate_batch_size_upper_bound
from sim.rules.topics import TopicPartition

__all__ = ["ClientClosedError", "Producer", "RecordTooLargeError", "SendTimeoutError"]

OnDelivery = Callable[[Delivery], None]
Fields = tuple[int, bytes | None, bytes | None, Sequence[Header], int]
"""What becomes of a record in a batch: timestamp, key, value, headers, and when it was sent."""


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
            config.max_in_flight_requests_per_connection,
        )
        self._metadata = ClientMetadata(
            owner,
            self._network,
            bootstrap,
            config.retry_backoff_ms,
            config.retry_backoff_max_ms,
            config.metadata_max_age_ms,
        )
        sequences = Sequences() if config.enable_idempotence else None
        self._accumulator = Accumulator(owner, origin or client_id, config, self._metadata, sequences)
        self._sender = Sender(
            owner, client_id, config, self._network, self._metadata, self._accumulator, sequences, self._done
        )
        self._largest_bytes = min(config.max_request_size, config.buffer_memory)
        self._sticky: dict[str, StickyPartitioner] = {}
        self._partitions: dict[str, list[TopicPartition]] = {}
        self._incomplete: dict[ProducerBatch, None] = {}
        self._max_block = config.max_block_ms * MILLISECOND
        self._blocks = Deadlines(owner, self._max_block)
        self._waiting: list[Event] = []
        self._metadata.listen(self._metadata_updated)
        self._metadata.request_update()

    @property
    def free_bytes(self) -> int:
        """Buffer memory that is left (Kafka's `buffer-available-bytes`)."""
        return self._accumulator.pool.free_bytes

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
        latency has no coordinated omission. Raises SendTimeoutError, RecordTooLargeError, ClientClosedError, and
        ValueError for a negative partition.
        """
        owner, accumulator = self._owner, self._accumulator
        if accumulator.closed:
            raise ClientClosedError(f"{self.client_id} is closed")
        called = owner.now
        known = self._partitions.get(topic)
        if not known or (partition is not None and not 0 <= partition < len(known)):
            known = yield from self._wait_for_topic(topic, partition)
        if timestamp_ms is None:
            timestamp_ms = owner.now // MILLISECOND
        fields = (timestamp_ms, key, value, headers, called if sent_at is None else sent_at)
        needed = 0 if self._largest_bytes >= self.config.batch_size else self._needed_bytes(_bound_bytes(fields))
        target, batch = self._place(known, partition, fields)
        is_new = batch is None
        if batch is None:
            needed = needed or self._needed_bytes(_bound_bytes(fields))
            if not accumulator.pool.take(needed):
                yield from self._wait_for_memory(needed, called)
                target, batch = self._place(known, partition, fields)
            if batch is None:
                batch = accumulator.begin_batch(target, needed)
                batch.try_append(*fields)
                self._incomplete[batch] = None
            else:
                is_new = False
                accumulator.pool.give(needed)
        if partition is None and (key is None or self.config.partitioner_ignore_keys):
            self._sticky[topic].update(batch.appended_bytes, accumulator.is_complete(target))
        delivery = Delivery(owner.clock, batch, batch.count - 1)
        if on_delivery is not None:
            batch.on_done.append(lambda: on_delivery(delivery))
        self._sender.appended(batch, is_new)
        return delivery

    def send_many(self, topic: str, value_size: int, sent_at: Sequence[int]) -> Generator[Event, Any, None]:
        """Put records without key or content into the buffer, one for each time of `sent_at`: for capacity runs.

        Costs a few steps per batch, not per record. Raises as `send` does.
        """
        accumulator = self._accumulator
        if accumulator.closed:
            raise ClientClosedError(f"{self.client_id} is closed")
        called = self._owner.now
        known = self._partitions.get(topic) or (yield from self._wait_for_topic(topic, None))
        timestamp_ms = self._owner.now // MILLISECOND
        needed = self._needed_bytes(estimate_batch_size_upper_bound(None, value_size))
        while sent_at:
            target = self._sticky_partition(known)
            filled = accumulator.fill(target, value_size, sent_at, timestamp_ms)
            if filled is not None:
                batch, taken = filled
            elif self._sticky_partition(known) != target:
                continue
            else:
                if not accumulator.pool.take(needed):
                    yield from self._wait_for_memory(needed, called)
                batch = accumulator.begin_batch(target, needed)
                taken = batch.fill(value_size, sent_at, timestamp_ms)
                self._incomplete[batch] = None
            sent_at = sent_at[taken:]
            self._sticky[topic].update(batch.appended_bytes, accumulator.is_complete(target))
            self._sender.appended(batch, filled is None)

    def flush(self) -> Generator[Event, Any, None]:
        """Send everything now and wait until all of it is acknowledged or given up."""
        self._accumulator.flushing += 1
        self._sender.wake()
        try:
            for batch in list(self._incomplete):
                if not batch.done:
                    finished = self._owner.clock.event()
                    batch.on_done.append(finished.succeed)
                    yield finished
        finally:
            self._accumulator.flushing -= 1

    def close(self) -> Generator[Event, Any, None]:
        """Flush, then hang up; who waits for memory in send() gets ClientClosedError."""
        self._accumulator.closed = True
        yield from self.flush()
        self._metadata.close()
        self._network.close()

    def _place(
        self, known: list[TopicPartition], partition: int | None, fields: Fields
    ) -> tuple[TopicPartition, ProducerBatch | None]:
        """Choose a partition and add the record to its newest batch, if there is room."""
        key = fields[1]
        if partition is not None:
            target = known[partition]
        elif key is not None and not self.config.partitioner_ignore_keys:
            target = known[partition_for_key(key, len(known))]
        else:
            return self._place_anywhere(known, fields)
        return target, self._accumulator.try_append(target, *fields)

    def _place_anywhere(
        self, known: list[TopicPartition], fields: Fields
    ) -> tuple[TopicPartition, ProducerBatch | None]:
        """The same for a record without a key: a batch that is full may be the moment to switch partitions."""
        target = self._sticky_partition(known)
        batch = self._accumulator.try_append(target, *fields)
        if batch is None:
            switched = self._sticky_partition(known)
            if switched != target:
                return switched, self._accumulator.try_append(switched, *fields)
        return target, batch

    def _sticky_partition(self, known: list[TopicPartition]) -> TopicPartition:
        topic = known[0].topic
        sticky = self._sticky.get(topic)
        if sticky is None:
            sticky = self._sticky[topic] = StickyPartitioner(self.config.batch_size)
        if sticky.current is not None and self._accumulator.is_complete(known[sticky.current]):
            sticky.update(0, True)
        if sticky.current is not None:
            return known[sticky.current]
        available = [number for number, name in enumerate(known) if self._metadata.leader(name) >= 0]
        usable = available or list(range(len(known)))
        sizes = None
        if self.config.partitioner_adaptive_partitioning_enable:
            sizes = self._accumulator.queue_sizes(known, usable)
        return known[sticky.partition(usable, sizes, self._owner.random.randrange, len(known))]

    def _needed_bytes(self, size_bytes: int) -> int:
        """The memory of a new batch for a record that makes it so large at most. Raises RecordTooLargeError."""
        needed = batch_allocation_bytes(self.config.batch_size, size_bytes)
        if size_bytes > self._largest_bytes or needed > self.config.buffer_memory:
            raise RecordTooLargeError(
                f"the record takes {size_bytes} bytes and its batch {needed}; max.request.size is "
                f"{self.config.max_request_size}, buffer.memory {self.config.buffer_memory}"
            )
        return needed

    def _wait_for_topic(self, topic: str, partition: int | None) -> Generator[Event, Any, list[TopicPartition]]:
        if partition is not None and partition < 0:
            raise ValueError(f"a partition is a number from 0, not {partition}")
        deadline = self._owner.now + self._max_block
        alarmed, at_once = False, topic not in self._partitions
        while True:
            known = self._partitions[topic] = self._metadata.image.topic_partitions(topic)
            if len(known) > (partition or 0):
                return known
            if self._owner.now >= deadline:
                what = f"topic {topic}" if partition is None else f"partition {partition} of topic {topic}"
                raise SendTimeoutError(f"{what} is not present in metadata after {self.config.max_block_ms} ms")
            self._metadata.request_update(at_once=at_once)
            if not alarmed:
                self._owner.at(deadline, self._metadata_updated)
            alarmed, at_once = True, False
            updated = self._owner.clock.event()
            self._waiting.append(updated)
            yield updated

    def _wait_for_memory(self, size_bytes: int, since: int) -> Generator[Event, Any, None]:
        pool = self._accumulator.pool
        granted = self._owner.clock.event()
        pool.wait(size_bytes, granted)
        self._sender.wake()
        if since == self._owner.now:
            alarm = self._blocks.book(pool.give_up, granted)
        else:
            alarm = None
            self._owner.at(since + self._max_block, pool.give_up, granted)
        success = yield granted
        if alarm is not None:
            alarm.cancel()
        if not success:
            raise SendTimeoutError(f"no buffer memory within the configured {self.config.max_block_ms} ms")
        if self._accumulator.closed:
            pool.give(size_bytes)
            raise ClientClosedError(f"{self.client_id} was closed while a record waited for memory")

    def _metadata_updated(self) -> None:
        for topic in self._partitions:
            self._partitions[topic] = self._metadata.image.topic_partitions(topic)
        waiting, self._waiting = self._waiting, []
        for updated in waiting:
            updated.succeed()

    def _done(self, batch: ProducerBatch) -> None:
        self._incomplete.pop(batch, None)


def _bound_bytes(fields: Fields) -> int:
    _, key, value, headers, _ = fields
    return estimate_batch_size_upper_bound(
        None if key is None else len(key), None if value is None else len(value), headers
    )
