"""Transactions in one partition's log: markers, what is still undecided, what was aborted, and what a reader may see.

Left out: the metric of late transactions.
"""

import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from sim.rules.storage.batch import RecordBatch, RecordColumns

__all__ = [
    "AbortedTransaction",
    "AbortedTransactionIndex",
    "CompletedTransaction",
    "EndTransactionMarker",
    "OpenTransactions",
    "end_transaction_batch",
    "end_transaction_marker",
    "visible_batches",
]

_KEY = struct.Struct(">hh")  # version, type
_VALUE = struct.Struct(">hi")  # version, coordinator epoch
_ABORT, _COMMIT = 0, 1


class EndTransactionMarker(NamedTuple):
    """What the control record at the end of a transaction says."""

    committed: bool
    coordinator_epoch: int


class CompletedTransaction(NamedTuple):
    """A transaction whose marker is in the log; `last_offset` is the marker's."""

    producer_id: int
    first_offset: int
    last_offset: int
    is_aborted: bool


class AbortedTransaction(NamedTuple):
    """An entry of the transaction index; the last stable offset is that of the moment, replication left aside."""

    producer_id: int
    first_offset: int
    last_offset: int
    last_stable_offset: int


def end_transaction_batch(
    producer_id: int, producer_epoch: int, marker: EndTransactionMarker, timestamp_ms: int
) -> RecordBatch:
    """The control batch that ends a producer's transaction in a partition: one record, 78 bytes.

    Source: clients/src/main/java/org/apache/kafka/common/record/MemoryRecords.java withEndTransactionMarker,
        EndTransactionMarker.java, ControlRecordType.java
    Fidelity: exact
    """
    key = _KEY.pack(0, _COMMIT if marker.committed else _ABORT)
    value = _VALUE.pack(0, marker.coordinator_epoch)
    columns = RecordColumns.of([timestamp_ms], [key], [value])
    return RecordBatch(
        columns, producer_id=producer_id, producer_epoch=producer_epoch, is_transactional=True, is_control=True
    )


def end_transaction_marker(batch: RecordBatch) -> EndTransactionMarker | None:
    """The marker in a control batch; None when compaction has emptied it.

    Source: clients/src/main/java/org/apache/kafka/common/record/EndTransactionMarker.java deserialize
    Fidelity: exact
    """
    keys, values = batch.columns.keys, batch.columns.values
    if not keys or not values or keys[0] is None or values[0] is None:
        return None
    _, kind = _KEY.unpack_from(keys[0])
    _, coordinator_epoch = _VALUE.unpack_from(values[0])
    return EndTransactionMarker(kind == _COMMIT, coordinator_epoch)


class OpenTransactions:
    """Undecided transactions, and decided ones whose marker is not below the high watermark yet.

    `ongoing` holds producer ids by first offset, ascending; `unreplicated` holds the markers' offsets by first offset.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java ongoingTxns,
        unreplicatedTxns
    Fidelity: exact
    """

    __slots__ = ("ongoing", "unreplicated")

    def __init__(self) -> None:
        self.ongoing: dict[int, int] = {}
        self.unreplicated: dict[int, int] = {}

    def first_unstable_offset(self) -> int | None:
        """The first offset of the oldest transaction of both kinds, None when there is none.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java
            firstUnstableOffset
        Fidelity: exact
        """
        first = next(iter(self.ongoing), None)
        if not self.unreplicated:
            return first
        unreplicated = min(self.unreplicated)
        return unreplicated if first is None or unreplicated < first else first

    def last_stable_offset(self, completed: CompletedTransaction) -> int:
        """The last stable offset once this transaction is decided, as if everything were replicated.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java lastStableOffset
        Fidelity: exact
        """
        for first_offset, producer_id in self.ongoing.items():
            if producer_id != completed.producer_id:
                return first_offset
        return completed.last_offset + 1

    def complete(self, completed: CompletedTransaction) -> None:
        """A marker has decided a transaction; it stays unstable until the high watermark has passed the marker.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java completeTxn
        Fidelity: exact
        """
        del self.ongoing[completed.first_offset]
        self.unreplicated[completed.first_offset] = completed.last_offset

    def on_high_watermark_updated(self, high_watermark: int) -> None:
        """Forget the decided transactions whose marker lies below the high watermark (or the log start).

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/ProducerStateManager.java
            removeUnreplicatedTransactions
        Fidelity: exact
        """
        if self.unreplicated:
            self.unreplicated = {first: last for first, last in self.unreplicated.items() if not last < high_watermark}

    def clear(self) -> None:
        """Forget everything."""
        self.ongoing.clear()
        self.unreplicated.clear()


class AbortedTransactionIndex:
    """The aborted transactions of a log in order of their markers.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/TransactionIndex.java
    Fidelity: exact
    """

    __slots__ = ("entries",)

    def __init__(self) -> None:
        self.entries: list[AbortedTransaction] = []

    def append(self, aborted: AbortedTransaction) -> None:
        """Add the transaction whose marker is the newest."""
        self.entries.append(aborted)

    def collect(self, start_offset: int, upper_bound_offset: int) -> list[AbortedTransaction]:
        """The aborted transactions that overlap the offsets from `start_offset` up to, not with, the upper bound.

        The search ends at the first that says that everything below the upper bound was decided.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/TransactionIndex.java collectAbortedTxns
        Fidelity: exact
        """
        found = []
        for aborted in self.entries[self._first_ending_at(start_offset) :]:
            if aborted.first_offset < upper_bound_offset:
                found.append(aborted)
            if aborted.last_stable_offset >= upper_bound_offset:
                break
        return found

    def truncate_to(self, offset: int) -> None:
        """Forget the transactions whose marker lies at or after an offset."""
        del self.entries[self._first_ending_at(offset) :]

    def delete_below(self, offset: int) -> None:
        """Forget the transactions whose marker lies below an offset, the first that is still on disk."""
        del self.entries[: self._first_ending_at(offset)]

    def _first_ending_at(self, offset: int) -> int:
        return bisect_left(self.entries, offset, key=lambda aborted: aborted.last_offset)


def visible_batches(
    batches: Iterable[RecordBatch], aborted: Sequence[AbortedTransaction] | None = None
) -> list[RecordBatch]:
    """The batches of one fetch that an application gets to see.

    Control batches never are; with `aborted`, which a read_committed fetch brings along, neither are the batches of
    those transactions, each from its first offset to its marker.

    Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/CompletedFetch.java nextFetchedRecord
    Fidelity: exact
    """
    if not aborted:
        return [batch for batch in batches if not batch.is_control]
    waiting = sorted(aborted, key=lambda transaction: transaction.first_offset, reverse=True)
    aborted_producer_ids: set[int] = set()
    visible = []
    for batch in batches:
        while waiting and batch.last_offset >= waiting[-1].first_offset:
            aborted_producer_ids.add(waiting.pop().producer_id)
        if batch.is_control:
            marker = end_transaction_marker(batch)
            if marker is not None and not marker.committed:
                aborted_producer_ids.discard(batch.producer_id)
        elif not (batch.is_transactional and batch.producer_id in aborted_producer_ids):
            visible.append(batch)
    return visible
