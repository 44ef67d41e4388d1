"""What becomes of one record that was sent.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/FutureRecordMetadata.java
Fidelity: exact
"""

from collections.abc import Generator
from typing import Any, NamedTuple

from simpy import Event

from sim.actors.client.client_errors import ClientError
from sim.actors.producer.producer_batch import ProducerBatch
from sim.machine.clock import Clock
from sim.rules.errors import ErrorCode
from sim.rules.topics import TopicPartition

__all__ = ["Delivery", "DeliveryError", "RecordMetadata"]


class DeliveryError(ClientError):
    """A record was not acknowledged; `code` is Kafka's name of the reason."""

    def __init__(self, code: ErrorCode, partition: TopicPartition) -> None:
        super().__init__(code, partition)
        self.code = code
        self.partition = partition

    def __str__(self) -> str:
        return f"{self.code.name} for {self.partition}"


class RecordMetadata(NamedTuple):
    """Where a record was written; the offset is -1 with acks=0."""

    topic: str
    partition: int
    offset: int
    timestamp_ms: int


class Delivery:
    """The future of one record that was sent; it follows the record when its batch is split."""

    __slots__ = ("_batch", "_clock", "_index")

    def __init__(self, clock: Clock, batch: ProducerBatch, index: int) -> None:
        self._clock = clock
        self._batch = batch
        self._index = index

    @property
    def batch(self) -> ProducerBatch:
        """The batch that the record is in."""
        self._follow()
        return self._batch

    @property
    def index(self) -> int:
        """The record's place in `batch`, from 0."""
        self._follow()
        return self._index

    @property
    def done(self) -> bool:
        """Whether the record's fate is known to the producer."""
        return self.batch.done

    def get(self) -> Generator[Event, Any, RecordMetadata]:
        """Wait for the acknowledgement (`yield from`). Raises DeliveryError when the record was given up."""
        if not self.batch.done:
            acknowledged = self._clock.event()
            self.batch.when_done(acknowledged.succeed, self.index)
            yield acknowledged
        return self.metadata()

    def metadata(self) -> RecordMetadata:
        """The result of a delivery that is done. Raises DeliveryError when the record was given up."""
        batch = self.batch
        if batch.error is not None:
            raise DeliveryError(batch.error, batch.partition)
        offset = batch.base_offset + self._index if batch.base_offset >= 0 else -1
        columns = batch.columns
        timestamp_ms = columns.timestamps_ms[self._index] if columns is not None else -1
        return RecordMetadata(*batch.partition, offset, timestamp_ms)

    def _follow(self) -> None:
        while self._batch.parts:
            self._batch, self._index = self._batch.part_of(self._index)
