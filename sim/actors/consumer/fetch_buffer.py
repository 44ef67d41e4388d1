"""What a consumer has fetched and poll() has not handed out yet.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/FetchBuffer.java, CompletedFetch.java,
    FetchCollector.java
Fidelity: exact
"""

from collections import deque
from typing import NamedTuple

from sim.actors.consumer.subscriptions import Ownership, Subscriptions
from sim.rules.protocol.messages import FetchData
from sim.rules.storage.batch import RecordBatch
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transactions import visible_batches

__all__ = ["CompletedFetch", "FetchBuffer", "Slice"]


class Slice(NamedTuple):
    """Part of one batch: the records from `first_offset` up to, without, `next_offset`."""

    partition: TopicPartition
    batch: RecordBatch
    first_offset: int
    next_offset: int


class CompletedFetch:
    """One partition's batches in the buffer; void when the partition was sought or given up since.

    Markers, and for read_committed the batches of aborted transactions, are left out; positions move past them.
    """

    __slots__ = ("batches", "last", "next_offset", "ownership", "partition")

    def __init__(self, partition: TopicPartition, ownership: Ownership, next_offset: int, data: FetchData) -> None:
        self.partition = partition
        self.ownership = ownership
        self.next_offset = next_offset
        self.last = data.batches[-1]
        hides = bool(data.aborted) or any(batch.is_control for batch in data.batches)
        self.batches = deque(visible_batches(data.batches, data.aborted) if hides else data.batches)

    @property
    def is_used_up(self) -> bool:
        """Whether nothing is left to hand out, or to pass by."""
        return not self.batches and self.next_offset >= self.last.next_offset

    def take(self, limit: int, slices: list[Slice]) -> int:
        """Move up to so many records into `slices`, and the position past them; returns how many."""
        taken = 0
        batches, ownership = self.batches, self.ownership
        while batches and taken < limit:
            batch = batches[0]
            first = max(batch.base_offset, self.next_offset)
            count, end = batch.part(first, limit - taken)
            if count:
                slices.append(Slice(self.partition, batch, first, end))
                taken += count
            if first < end:
                self.next_offset = end
                ownership.position_epoch = batch.leader_epoch
            if end == batch.next_offset:
                batches.popleft()
        if taken < limit and self.next_offset < self.last.next_offset:
            self.next_offset, ownership.position_epoch = self.last.next_offset, self.last.leader_epoch
        ownership.position = self.next_offset
        return taken


class FetchBuffer:
    """Completed fetches in the order in which they came; `advanced` tells whether `collect` has moved a position."""

    def __init__(self, subscriptions: Subscriptions) -> None:
        self._subscriptions = subscriptions
        self._fetches: deque[CompletedFetch] = deque()
        self.advanced = False

    def add(self, partition: TopicPartition, ownership: Ownership, fetch_offset: int, data: FetchData) -> None:
        """Keep batches until poll() takes them; meanwhile the partition is not fetched."""
        ownership.buffered = True
        self._fetches.append(CompletedFetch(partition, ownership, fetch_offset, data))

    def collect(self, max_records: int) -> list[Slice]:
        """Take up to so many records from the buffer; positions move past them, paused partitions keep theirs."""
        slices: list[Slice] = []
        self.advanced = False
        left = max_records
        buffer, owned = self._fetches, self._subscriptions.owned
        paused: list[CompletedFetch] = []
        while left > 0 and buffer:
            fetch = buffer[0]
            ownership = fetch.ownership
            valid = owned.get(fetch.partition) is ownership and ownership.position == fetch.next_offset
            valid = valid and not ownership.on_hold
            if valid and ownership.paused:
                paused.append(buffer.popleft())
                continue
            if valid:
                left -= fetch.take(left, slices)
                self.advanced = True
            if not valid or fetch.is_used_up:
                ownership.buffered = False
                buffer.popleft()
        buffer.extend(paused)
        return slices
