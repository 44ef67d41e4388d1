"""A broker with one partition and a transaction coordinator, both of them rules, for recorded transactions."""

from typing import Any

from sim.conformance.producers import EVERYTHING
from sim.rules.errors import ErrorCode, KafkaError
from sim.rules.producer.producer_state_entry import AppendOrigin
from sim.rules.storage.batch import RecordBatch
from sim.rules.storage.log import Log
from sim.rules.topics import TopicPartition
from sim.rules.transactions.end_transaction import end_transaction, has_timed_out, prepare_markers
from sim.rules.transactions.transaction_coordinator import (
    ProducerIdAndEpoch,
    add_partitions,
    init_producer_id,
    produce_error,
)
from sim.rules.transactions.transaction_metadata import TransactionMetadata, TransactionState, TransitMetadata
from sim.rules.transactions.transactional_offsets import TransactionalOffsets
from sim.rules.transactions.transactions import EndTransactionMarker, end_transaction_batch, visible_batches

__all__ = ["GROUP_OFFSETS", "PARTITION", "Broker"]

PARTITION = TopicPartition("topic", 0)
GROUP_OFFSETS = TopicPartition("__consumer_offsets", 0)
VERSION = 2
SWEEP_MS = 10_000


class Broker:
    """One replica, so that everything is replicated at once, and the coordinator of all transactional ids."""

    def __init__(self, timeout_ms: int) -> None:
        self.log = Log()
        self.log.producers.verification_enabled = True
        self.offsets = TransactionalOffsets()
        self.timeout_ms = timeout_ms
        self.now_ms = 0
        self.transactions: dict[str, TransactionMetadata] = {}
        self.producer_ids = 0

    def new_producer_id(self) -> int:
        """The next unused producer id."""
        self.producer_ids += 1
        return self.producer_ids

    def append(self, batch: RecordBatch, origin: AppendOrigin, verification: Any = None) -> int:
        """The offset of a batch, written as its origin may. Raises KafkaError."""
        offset = self.log.append_as_leader(batch, 0, origin, VERSION, verification).batch.base_offset
        self.log.on_high_watermark_updated(self.log.log_end_offset)
        return offset

    def init(self, transactional_id: str) -> tuple[ErrorCode, ProducerIdAndEpoch]:
        """InitProducerId; an open transaction is fenced and aborted first, and the producer has to ask again."""
        if transactional_id not in self.transactions:
            made = TransactionMetadata(transactional_id, self.new_producer_id(), self.timeout_ms, self.now_ms)
            self.transactions[transactional_id] = made
        metadata = self.transactions[transactional_id]
        answer = init_producer_id(metadata, self.timeout_ms, self.now_ms, self.new_producer_id)
        if isinstance(answer, ErrorCode):
            return answer, ProducerIdAndEpoch(-1, -1)
        fenced = ProducerIdAndEpoch(answer.producer_id, answer.producer_epoch)
        if answer.state is TransactionState.PREPARE_EPOCH_FENCE:
            error, _ = self.end(transactional_id, fenced, commit=False, from_client=False)
            return ErrorCode.CONCURRENT_TRANSACTIONS if error is ErrorCode.NONE else error, fenced
        metadata.complete_transition(answer)
        return ErrorCode.NONE, fenced

    def end(
        self, transactional_id: str, producer: ProducerIdAndEpoch, commit: bool, from_client: bool = True
    ) -> tuple[ErrorCode, ProducerIdAndEpoch]:
        """EndTxn with all that follows: the markers, the offsets, the completion."""
        metadata, now_ms = self.transactions[transactional_id], self.now_ms
        decided = end_transaction(
            metadata, producer, commit, now_ms, VERSION, self.new_producer_id, from_client=from_client
        )
        if isinstance(decided, TransitMetadata):
            metadata.complete_transition(decided)
            completed = prepare_markers(metadata, producer, commit, now_ms, VERSION)
            if isinstance(completed, ErrorCode):
                return completed, producer
            self._write_marker(metadata, commit)
            metadata.complete_transition(completed)
        elif decided is not ErrorCode.NONE:
            return decided, producer
        return ErrorCode.NONE, ProducerIdAndEpoch(metadata.current.producer_id, metadata.current.producer_epoch)

    def _write_marker(self, metadata: TransactionMetadata, commit: bool) -> None:
        current = metadata.current
        for name in current.partitions:
            if name == PARTITION:
                marker = EndTransactionMarker(commit, 0)
                batch = end_transaction_batch(current.producer_id, current.producer_epoch, marker, self.now_ms)
                self.append(batch, AppendOrigin.COORDINATOR)
            else:
                self.offsets.end_transaction(current.producer_id, commit)
            metadata.remove_partition(name)

    def produce(self, transactional_id: str, batch: RecordBatch) -> int:
        """The offset of a transactional batch, whose partition is added on the way. Raises KafkaError."""
        producer = ProducerIdAndEpoch(batch.producer_id, batch.producer_epoch)
        states = self.log.producers
        guard = states.start_verification(*producer, batch.base_sequence, True, self.now_ms)
        if guard is not None:
            self.add(transactional_id, producer, PARTITION)
        return self.append(batch, AppendOrigin.CLIENT, guard)

    def add(self, transactional_id: str, producer: ProducerIdAndEpoch, name: TopicPartition) -> None:
        """A partition joins a transaction. Raises KafkaError with the code that a produce response would carry."""
        metadata = self.transactions[transactional_id]
        answer = add_partitions(metadata, producer, [name], self.now_ms, VERSION)
        if isinstance(answer, TransitMetadata):
            metadata.complete_transition(answer)
        elif answer is not ErrorCode.NONE:
            raise refused(produce_error(answer, VERSION))

    def sweep(self) -> None:
        """Time goes on until every open transaction has timed out and the coordinator has seen it."""
        self.now_ms += self.timeout_ms + SWEEP_MS
        for transactional_id, metadata in self.transactions.items():
            if has_timed_out(metadata, self.now_ms):
                fence = metadata.prepare_fence_producer_epoch()
                producer = ProducerIdAndEpoch(fence.producer_id, fence.producer_epoch)
                self.end(transactional_id, producer, commit=False, from_client=False)

    def view(self, committed: bool) -> dict[str, Any]:
        """What a fresh consumer reads from offset 0 on, where it stands in the end, and the end offset."""
        log, position, records = self.log, 0, []
        bound = log.last_stable_offset(log.log_end_offset) if committed else log.log_end_offset
        while position < bound:
            read = log.read(position, EVERYTHING, bound)
            aborted = log.aborted_transactions(position, read) if committed else None
            for batch in visible_batches(read.batches, aborted):
                records += [[record.offset, (record.value or b"").decode()] for record in batch.records(position)]
            position = read.batches[-1].next_offset
        return {
            "records_offset_value": records,
            "position": position,
            "endOffset": bound,
            "lag": bound - position,
        }


def refused(code: ErrorCode) -> KafkaError:
    """An error with a code."""
    error = KafkaError(code.name)
    error.code = code
    return error
