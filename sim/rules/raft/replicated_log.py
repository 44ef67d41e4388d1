"""The metadata log as it lies on the disk of a voter."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

from sim.rules.controller.metadata import MetadataImage, MetadataRecord
from sim.rules.raft.election import LogEnd
from sim.rules.storage.leader_epochs import LeaderEpochCache
from sim.rules.storage.truncation import diverging_epoch, truncation_offset

__all__ = ["MetadataBatch", "ReplicatedLog"]

NO_IMAGE = MetadataImage()


@dataclass(frozen=True, slots=True)
class MetadataBatch:
    """Records written in an epoch that end before an offset, and the image that they lead to.

    The image is never changed, so all who have a batch share it.
    """

    epoch: int
    end_offset: int
    records: Sequence[MetadataRecord]
    image: MetadataImage


class ReplicatedLog:
    """Batches in order, with the epochs in which they were written.

    Source: core/src/main/scala/kafka/raft/KafkaMetadataLog.scala
    Fidelity: exact
    Left out: segments, snapshots, deletion of old records.
    """

    def __init__(self) -> None:
        self._batches: list[MetadataBatch] = []
        self._end_offsets: list[int] = []
        self.epochs = LeaderEpochCache()

    @property
    def end_offset(self) -> int:
        """The offset after the last record."""
        return self._end_offsets[-1] if self._end_offsets else 0

    @property
    def end(self) -> LogEnd:
        """Epoch and offset of the end; epoch 0 for an empty log."""
        return LogEnd(self._batches[-1].epoch if self._batches else 0, self.end_offset)

    @property
    def image(self) -> MetadataImage:
        """What all the records lead to."""
        return self._batches[-1].image if self._batches else NO_IMAGE

    def append(self, batch: MetadataBatch) -> None:
        """Add a batch at the end."""
        self.epochs.assign(batch.epoch, batch.end_offset - len(batch.records))
        self._batches.append(batch)
        self._end_offsets.append(batch.end_offset)

    def image_at(self, offset: int) -> MetadataImage:
        """What the records below an offset lead to, as far as their batches end there."""
        count = bisect_right(self._end_offsets, offset)
        return self._batches[count - 1].image if count else NO_IMAGE

    def batches_from(self, offset: int) -> Sequence[MetadataBatch]:
        """The batches that reach beyond an offset."""
        return self._batches[bisect_right(self._end_offsets, offset) :]

    def records_between(self, offset: int, end_offset: int) -> list[MetadataRecord]:
        """The records of the batches that end after one offset and not after another."""
        first, last = bisect_right(self._end_offsets, offset), bisect_right(self._end_offsets, end_offset)
        return [record for batch in self._batches[first:last] for record in batch.records]

    def divergence(self, last_fetched_epoch: int, fetch_offset: int) -> LogEnd | None:
        """Where a follower that ends like this must cut its log; None when its log is a prefix of this one."""
        found = diverging_epoch(self.epochs, self.end_offset, last_fetched_epoch, fetch_offset)
        return None if found is None else LogEnd(*found)

    def truncate_to(self, leader_end: LogEnd) -> int:
        """Cut off what the leader does not have, as far as its answer tells; the new end offset."""
        offset = truncation_offset(self.epochs, self.end_offset, leader_end.epoch, leader_end.offset).offset
        count = bisect_right(self._end_offsets, offset)
        del self._batches[count:], self._end_offsets[count:]
        self.epochs.truncate_from_end(self.end_offset)
        return self.end_offset
