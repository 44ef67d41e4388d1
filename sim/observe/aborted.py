"""Which records belong to transactions that were aborted, from the markers in the true logs."""

from collections.abc import Iterable

from sim.machine.facts import Facts
from sim.rules.facts.storage import SegmentsDeleted
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transactions import end_transaction_marker

__all__ = ["AbortedRecords", "aborted_columns"]


class AbortedRecords:
    """Remembers what retention takes away of transactions, so that a record and its marker are seen together."""

    def __init__(self, facts: Facts) -> None:
        self._removed: dict[TopicPartition, dict[int, RecordBatch]] = {}
        facts.listen(SegmentsDeleted, self._on_deleted)

    def _on_deleted(self, _: int, fact: SegmentsDeleted) -> None:
        for batch in fact.removed:
            if batch.is_transactional:
                self._removed.setdefault(fact.partition, {})[batch.base_offset] = batch

    def find(self, name: TopicPartition, batches: Iterable[RecordBatch]) -> dict[RecordColumns, None]:
        """What was aborted in a partition whose log holds these batches now."""
        known = {
            **self._removed.get(name, {}),
            **{batch.base_offset: batch for batch in batches if batch.is_transactional},
        }
        return aborted_columns(known[offset] for offset in sorted(known))


def aborted_columns(batches: Iterable[RecordBatch]) -> dict[RecordColumns, None]:
    """The columns, as they were written, of transactions that an abort marker ends; batches in order of offsets.

    A marker has the epoch after that of its transaction (KIP-890) or the same. Commit markers may have been cleaned
    away, so that what an epoch has written must not be taken for that of another.
    """
    undecided: dict[int, list[RecordBatch]] = {}
    aborted: dict[RecordColumns, None] = {}
    for batch in batches:
        if not batch.is_control:
            undecided.setdefault(batch.producer_id, []).append(batch)
            continue
        marker, written = end_transaction_marker(batch), undecided.pop(batch.producer_id, [])
        if marker is not None and not marker.committed:
            epochs = (batch.producer_epoch - 1, batch.producer_epoch)
            aborted.update((data.columns.written, None) for data in written if data.producer_epoch in epochs)
    return aborted
