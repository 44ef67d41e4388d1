"""The producer as an application sees it.

Source: clients/src/main/java/org/apache/kafka/clients/producer/KafkaProducer.java
Fidelity: approximate — send() raises where Kafka's returns a future that has failed
Left out: interceptors, a partitioner of one's own.
"""

from collections.abc import Callable, Generator, Sequence
from typing import Any

from simpy import Event

from sim.actors.client.calls import Calls, bytes_needed, waits
from sim.actors.client.client_errors import ClientClosedError, RecordTooLargeError, SendTimeoutError
from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.network_client import Directory, NetworkClient
from sim.actors.producer.accumulator import Accumulator
from sim.actors.producer.batch_compression import compressor_for
from sim.actors.producer.delivery import Delivery
from sim.actors.producer.max_block import MaxBlock
from sim.actors.producer.producer_batch import ProducerBatch
from sim.actors.producer.sender import Sender
from sim.actors.producer.sequences import Sequences
from sim.actors.producer.transactions import TransactionCalls, Transactions
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.machine.devices import ClientHardware
from sim.rules.config import ProducerConfig
from sim.rules.producer.batching import batch_allocation_bytes
from sim.rules.producer.partitioner import partition_for_key
from sim.rules.storage.records import Header, estimate_batch_size_upper_bound
from sim.rules.topics import TopicPartition

__all__ = ["ClientClosedError", "Producer", "RecordTooLargeError", "SendTimeoutError"]

OnDelivery = Callable[[Delivery], None]
OPTIONAL_BYTES = (bytes, type(None))
Fields = tuple[int, bytes | None, bytes | None, Sequence[Header], int]
"""What becomes of a record in a batch: timestamp, key, value, headers, and when it was sent."""


class Producer(TransactionCalls):
    """Sends records; `yield from producer.send(...)` returns once the record is in the buffer.

    It lives in the process `owner` and dies with it; `origin` marks what it sent in this life. `compression_ratio` is
    what compression.type makes of its records, as compressed over uncompressed size; None for a typical ratio.
    """

    def __init__(
        self,
        owner: Actor,
        client_id: str,
        config: ProducerConfig,
        directory: Directory,
        bootstrap: Sequence[int],
        origin: str = "",
        compression_ratio: float | None = None,
        hardware: ClientHardware | None = None,
    ) -> None:
        self.client_id = client_id
        self.config = config
        self.calls = Calls(owner, "producer")
        self._owner = owner
        self._hardware = hardware or ClientHardware()
        self._network = NetworkClient(
            owner,
            directory,
            config.request_timeout_ms,
            config.reconnect_backoff_ms,
            config.reconnect_backoff_max_ms,
            config.max_in_flight_requests_per_connection,
            client_id,
        )
        self._metadata = ClientMetadata(owner, self._network, bootstrap, config)
        sequences = Sequences(config.transactional_id is not None) if config.enable_idempotence else None
        compressor = compressor_for(config.compression_type, compression_ratio)
        self._accumulator = Accumulator(owner, origin or client_id, config, self._metadata, sequences, compressor)
        tools = (self._network, self._metadata, self._accumulator, sequences, self._hardware)
        self._sender = Sender(owner, client_id, config, *tools)
        self._largest_bytes = min(config.max_request_size, config.buffer_memory)
        self._block = MaxBlock(owner, config.max_block_ms, self._metadata, self._accumulator.pool, self._sender.wake)
        if sequences is not None and sequences.transactional:
            parts = self._network, self._metadata, sequences, self._sender, self.flush
            self._transactions = Transactions(owner, client_id, origin or client_id, config, directory, *parts)
        self._metadata.request_update()

    @property
    def free_bytes(self) -> int:
        """Buffer memory that is left (Kafka's `buffer-available-bytes`)."""
        return self._accumulator.pool.free_bytes

    @property
    def incomplete(self) -> bool:
        """Whether some record sent is neither acknowledged nor given up."""
        return bool(self._accumulator.incomplete)

    @waits
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
        latency has no coordinated omission. Raises SendTimeoutError, RecordTooLargeError, ClientClosedError,
        TransactionError, TypeError for a key or value that is not bytes, ValueError for a negative partition, and
        IllegalStateError outside of a transaction when there is a transactional.id.
        """
        owner, accumulator, called = self._owner, self._accumulator, self._owner.now
        if accumulator.closed:
            raise ClientClosedError(f"{self.client_id} is closed")
        known = self._block.known(topic, partition) or (yield from self._block.topic(topic, partition))
        self._join_transaction()
        if timestamp_ms is None:
            timestamp_ms = owner.wall_clock_ms
        fields = (timestamp_ms, key, value, headers, called if sent_at is None else sent_at)
        needed = 0 if self._largest_bytes >= self.config.batch_size else self._needed_bytes(_bound_bytes(fields))
        target, batch = self._place(known, partition, fields)
        if is_new := batch is None:
            needed = needed or self._needed_bytes(_bound_bytes(fields))
            if not accumulator.pool.take(needed):
                yield from self._block.memory(needed, called)
                target, batch = self._place(known, partition, fields)
            if batch is None:
                batch = accumulator.begin_batch(target, needed)
                batch.try_append(*fields)
            else:
                is_new = False
                accumulator.pool.give(needed)
        if partition is None and (key is None or self.config.partitioner_ignore_keys):
            accumulator.choice.appended(known, batch.appended_bytes, accumulator.is_complete(target))
        delivery = Delivery(owner.clock, batch, batch.count - 1)
        if on_delivery is not None:
            batch.when_done(lambda: on_delivery(delivery), delivery.index)
        self._sender.appended(batch, is_new)
        if is_new and accumulator.compressor is not None:
            yield owner.sleep(accumulator.compressor.take_work())
        if self._hardware.record_cost or owner.heap is not None:
            yield owner.work(self._work(1, batch.appended_bytes))
        return delivery

    @waits
    def send_many(
        self, topic: str, value_size: int, sent_at: Sequence[int], partition: int | None = None
    ) -> Generator[Event, Any, None]:
        """Put records without key or content into the buffer, one for each time of `sent_at`: for capacity runs.

        Costs a few steps per batch, not per record. Raises as `send` does.
        """
        accumulator = self._accumulator
        if accumulator.closed:
            raise ClientClosedError(f"{self.client_id} is closed")
        called = self._owner.now
        known = self._block.known(topic) or (yield from self._block.topic(topic))
        self._join_transaction()
        timestamp_ms = self._owner.wall_clock_ms
        needed = self._needed_bytes(estimate_batch_size_upper_bound(None, value_size))
        work = self._work(len(sent_at), len(sent_at) * value_size)
        while sent_at:
            target = self._sticky_partition(known) if partition is None else known[partition]
            filled = accumulator.fill(target, value_size, sent_at, timestamp_ms)
            if filled is not None:
                batch, taken = filled
            elif partition is None and self._switches(known, target):
                continue
            else:
                if not accumulator.pool.take(needed):
                    yield from self._block.memory(needed, called)
                batch = accumulator.begin_batch(target, needed)
                taken = batch.fill(value_size, sent_at, timestamp_ms)
            sent_at = sent_at[taken:]
            if partition is None:
                accumulator.choice.appended(known, batch.appended_bytes, accumulator.is_complete(target))
            self._sender.appended(batch, filled is None)
            if filled is None and accumulator.compressor is not None:
                yield self._owner.sleep(accumulator.compressor.take_work())
        if work:
            yield self._owner.work(work)

    def stick_to_batches(self) -> None:
        """Choose partitions as from Kafka 2.4 to 3.2: another one for each new batch (KIP-480)."""
        self._accumulator.choice.by_batch = True

    def partitions_for(self, topic: str) -> Generator[Event, Any, list[int]]:
        """The partitions of a topic; waits for metadata up to max.block.ms. Raises SendTimeoutError."""
        known = self._block.known(topic) or (yield from self._block.topic(topic))
        return [name.partition for name in known]

    @waits
    def flush(self) -> Generator[Event, Any, None]:
        """Send everything now and wait until all of it is acknowledged or given up."""
        self._accumulator.flushing += 1
        self._sender.wake()
        try:
            waiting = list(self._accumulator.incomplete)
            while waiting:
                batch = waiting.pop()
                if not batch.done:
                    finished = self._owner.clock.event()
                    batch.when_done(finished.succeed)
                    yield finished
                waiting += batch.parts
        finally:
            self._accumulator.flushing -= 1

    @waits
    def close(self, timeout_ms: int | None = None) -> Generator[Event, Any, None]:
        """Send what was taken and hang up; after `timeout_ms` what is left is given up. Raises ValueError below 0.

        A transaction that is still open is aborted. Who waits in send() gets ClientClosedError: for memory at once,
        for metadata at the end.
        """
        if timeout_ms is not None and timeout_ms < 0:
            raise ValueError("The timeout cannot be negative.")
        self._accumulator.close()
        if timeout_ms == 0:
            self._sender.abort()
        elif timeout_ms is not None:
            self._owner.after(timeout_ms * MILLISECOND, self._sender.abort)
        yield from self.flush()
        if self._transactions is not None:
            yield from self._transactions.close(abort=timeout_ms != 0)
        self._block.close()
        self._network.close()

    def _work(self, record_count: int, size_bytes: int) -> int:
        """What records cost the application's thread, and the process's memory."""
        if self._owner.heap is not None:
            self._owner.allocate(self._hardware.garbage_bytes(record_count, size_bytes))
        return self._hardware.send_cost(record_count, size_bytes)

    def _place(
        self, known: list[TopicPartition], partition: int | None, fields: Fields
    ) -> tuple[TopicPartition, ProducerBatch | None]:
        """Choose a partition and add the record to its newest batch, if there is room."""
        _, key, value, _, _ = fields
        if not (isinstance(key, OPTIONAL_BYTES) and isinstance(value, OPTIONAL_BYTES)):
            raise bytes_needed(key, value)
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
        if batch is None and self._switches(known, target):
            target = self._sticky_partition(known)
            batch = self._accumulator.try_append(target, *fields)
        return target, batch

    def _switches(self, known: list[TopicPartition], target: TopicPartition) -> bool:
        """Whether the next record goes to another partition than one whose newest batch takes no more."""
        choice = self._accumulator.choice
        switches = self._sticky_partition(known) != target or choice.leaves_for_new_batch(known)
        if switches:
            self._sender.filled(target)
        return switches

    def _sticky_partition(self, known: list[TopicPartition]) -> TopicPartition:
        """The partition in turn; a switch that waited for the end of a batch is made up for."""
        choice = self._accumulator.choice
        current = choice.current(known)
        if not self._accumulator.is_complete(current):
            return current
        choice.appended(known, 0, True)
        return choice.current(known)

    def _needed_bytes(self, size_bytes: int) -> int:
        """The memory of a new batch for a record that makes it so large at most. Raises RecordTooLargeError."""
        needed = batch_allocation_bytes(self.config.batch_size, size_bytes)
        if size_bytes > self._largest_bytes or needed > self.config.buffer_memory:
            raise RecordTooLargeError(
                f"the record takes {size_bytes} bytes and its batch {needed}; max.request.size is "
                f"{self.config.max_request_size}, buffer.memory {self.config.buffer_memory}"
            )
        return needed


def _bound_bytes(fields: Fields) -> int:
    _, key, value, headers, _ = fields
    return estimate_batch_size_upper_bound(
        None if key is None else len(key), None if value is None else len(value), headers
    )
