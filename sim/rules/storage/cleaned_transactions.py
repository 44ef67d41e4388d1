"""Which transactional batches compaction may drop, and which markers are still needed."""

from collections.abc import Iterable

from sim.rules.storage.batch import RecordBatch
from sim.rules.transactions.transactions import AbortedTransaction, end_transaction_marker

__all__ = ["CleanedTransactions"]


class CleanedTransactions:
    """Follows the transactions while compaction reads a log from its start; `retained` are the aborted ones that stay.

    Source: storage/src/main/java/org/apache/kafka/storage/internals/log/CleanedTransactionMetadata.java
    Fidelity: exact
    """

    __slots__ = ("_aborted", "_committed", "_ongoing", "_seen", "retained")

    def __init__(self, aborted: Iterable[AbortedTransaction]) -> None:
        self._aborted = sorted(aborted, key=lambda transaction: transaction.first_offset, reverse=True)
        self._ongoing: dict[int, AbortedTransaction] = {}
        self._seen: dict[int, None] = {}
        self._committed: dict[int, None] = {}
        self.retained: list[AbortedTransaction] = []

    def can_discard(self, batch: RecordBatch) -> bool:
        """Note a batch; whether its records can go: data of an aborted transaction, or the marker of an empty one."""
        while self._aborted and self._aborted[-1].first_offset <= batch.last_offset:
            transaction = self._aborted.pop()
            self._ongoing.setdefault(transaction.producer_id, transaction)
        if batch.is_control:
            return self._can_discard_marker(batch)
        if not batch.is_transactional:
            return False
        aborted = batch.producer_id in self._ongoing
        (self._seen if aborted else self._committed)[batch.producer_id] = None
        return aborted

    def _can_discard_marker(self, batch: RecordBatch) -> bool:
        """A marker must stay until no batch of its transaction is left; one without its record has been cleaned."""
        marker, producer_id = end_transaction_marker(batch), batch.producer_id
        if marker is None:
            return True
        seen = self._committed if marker.committed else self._seen
        has_batches = producer_id in seen
        seen.pop(producer_id, None)
        if not marker.committed:
            transaction = self._ongoing.pop(producer_id, None)
            if transaction is not None and has_batches:
                self.retained.append(transaction)
        return not has_batches
