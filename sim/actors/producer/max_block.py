"""What send() waits for, together at most max.block.ms: metadata of the topic, and memory.

Source: clients/src/main/java/org/apache/kafka/clients/producer/KafkaProducer.java waitOnMetadata;
    internals/BufferPool.java allocate
Fidelity: exact
"""

from collections.abc import Callable, Generator
from typing import Any

from simpy import Event

from sim.actors.client.client_errors import ClientClosedError, SendTimeoutError
from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.producer.buffer_pool import BufferPool
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.facts.client import BufferExhausted
from sim.rules.topics import TopicPartition

__all__ = ["MaxBlock"]

Topic = list[TopicPartition]


class MaxBlock:
    """The waits of one producer's send(); `topics` are those used so far, with their partitions."""

    def __init__(
        self, owner: Actor, max_block_ms: int, metadata: ClientMetadata, pool: BufferPool, wake: Callable[[], None]
    ) -> None:
        self._owner = owner
        self._max_block_ms = max_block_ms
        self._metadata = metadata
        self._pool = pool
        self._wake_sender = wake
        self._deadlines = Deadlines(owner, max_block_ms * MILLISECOND)
        self._waiting: list[Event] = []
        self.topics: dict[str, Topic] = {}
        metadata.listen(self._updated)

    def known(self, topic: str, partition: int | None = None) -> Topic | None:
        """The partitions of a topic if they are known, the one that is asked for among them."""
        known = self.topics.get(topic)
        return known if known and (partition is None or 0 <= partition < len(known)) else None

    def topic(self, topic: str, partition: int | None = None) -> Generator[Event, Any, Topic]:
        """Wait until the topic, and a partition of it, is known.

        Raises SendTimeoutError, ClientClosedError, and ValueError for a negative partition.
        """
        if partition is not None and partition < 0:
            raise ValueError(f"a partition is a number from 0, not {partition}")
        deadline = self._owner.now + self._max_block_ms * MILLISECOND
        alarmed, at_once = False, topic not in self.topics
        while True:
            known = self.topics[topic] = self._metadata.image.topic_partitions(topic)
            if len(known) > (partition or 0):
                return known
            if self._metadata.closed:
                raise ClientClosedError("the producer was closed while a record waited for metadata")
            if self._owner.now >= deadline:
                what = f"topic {topic}" if partition is None else f"partition {partition} of topic {topic}"
                raise SendTimeoutError(f"{what} is not present in metadata after {self._max_block_ms} ms")
            self._metadata.request_update(at_once=at_once)
            if not alarmed:
                self._owner.at(deadline, self._updated)
            alarmed, at_once = True, False
            updated = self._owner.clock.event()
            self._waiting.append(updated)
            yield updated

    def memory(self, size_bytes: int, since: int) -> Generator[Event, Any, None]:
        """Wait in line for memory, counting from the call of send(). Raises SendTimeoutError, ClientClosedError."""
        granted = self._owner.clock.event()
        self._pool.wait(size_bytes, granted)
        self._wake_sender()
        if since == self._owner.now:
            alarm = self._deadlines.book(self._pool.give_up, granted)
        else:
            alarm = None
            self._owner.at(since + self._max_block_ms * MILLISECOND, self._pool.give_up, granted)
        success = yield granted
        if alarm is not None:
            alarm.cancel()
        if self._pool.closed:
            if success:
                self._pool.give(size_bytes)
            raise ClientClosedError("the producer was closed while a record waited for memory")
        if not success:
            self._owner.announce(BufferExhausted(self._owner.name))
            raise SendTimeoutError(f"no buffer memory within the configured {self._max_block_ms} ms")

    def close(self) -> None:
        """Who waits for metadata is told that none will come."""
        self._metadata.close()
        self._updated()

    def _updated(self) -> None:
        for topic in self.topics:
            self.topics[topic] = self._metadata.image.topic_partitions(topic)
        waiting, self._waiting = self._waiting, []
        for updated in waiting:
            updated.succeed()
