"""A producer of recorded transactions: the client's rules on top of the broker's, errors by the names of exceptions."""

from sim.conformance.producers import batch_of
from sim.conformance.transaction_stage import GROUP_OFFSETS, PARTITION, Broker
from sim.rules.errors import ErrorCode, KafkaError
from sim.rules.producer.producer_state_entry import AppendOrigin
from sim.rules.transactions.transaction_coordinator import ProducerIdAndEpoch
from sim.rules.transactions.transaction_manager import ProducerTransactionState, TransactionManager

__all__ = ["Outcome", "PlainProducer", "TransactionalProducer"]

Outcome = int | list[str]
"""The offset of what was sent, or the exception and its causes, none when all went well."""

NAMES = {
    ErrorCode.INVALID_PRODUCER_EPOCH: "InvalidProducerEpochException",
    ErrorCode.PRODUCER_FENCED: "ProducerFencedException",
    ErrorCode.INVALID_TXN_STATE: "InvalidTxnStateException",
    ErrorCode.INVALID_PRODUCER_ID_MAPPING: "InvalidPidMappingException",
    ErrorCode.CONCURRENT_TRANSACTIONS: "ConcurrentTransactionsException",
    ErrorCode.TRANSACTION_ABORTABLE: "TransactionAbortableException",
    ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER: "OutOfOrderSequenceException",
    ErrorCode.NOT_ENOUGH_REPLICAS: "NotEnoughReplicasException",
}
RAISED_AS_THEY_ARE = (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.PRODUCER_FENCED)


def raised(error: ErrorCode) -> list[str]:
    """What a transactional call raises when an earlier error keeps it from going on."""
    return [NAMES[error]] if error in RAISED_AS_THEY_ARE else ["KafkaException", NAMES[error]]


def failed_send(error: ErrorCode) -> list[str]:
    """What the future of a record raises."""
    return ["ExecutionException", NAMES[error]]


class PlainProducer:
    """An idempotent producer without transactions."""

    def __init__(self, broker: Broker) -> None:
        self.broker = broker
        self.producer_id = broker.new_producer_id()
        self.sequence = 0

    def send(self, value: str) -> Outcome:
        """Send one record."""
        batch = batch_of(1, self.producer_id, 0, self.sequence, value)
        self.sequence += 1
        return self.broker.append(batch, AppendOrigin.CLIENT)


class TransactionalProducer:
    """A producer with a transactional id; it initialises when it is made."""

    def __init__(self, broker: Broker, transactional_id: str) -> None:
        self.broker = broker
        self.transactional_id = transactional_id
        self.manager = TransactionManager()
        self.sequence = 0
        self.has_offsets = False
        self.was_told_to_init = self.is_closed = False

    @property
    def is_open(self) -> bool:
        """Whether a transaction is open, as far as the producer knows."""
        return self.manager.state is ProducerTransactionState.IN_TRANSACTION

    @property
    def is_ready(self) -> bool:
        """Whether a transaction may begin."""
        return self.manager.state is ProducerTransactionState.READY

    def init_again(self) -> Outcome:
        """`initTransactions()`; the first one has been done when the producer was made."""
        if self.was_told_to_init or not self.is_ready:
            return self.init()
        self.was_told_to_init = True
        return []

    def close(self, abort: bool) -> Outcome:
        """`close()`, which aborts an open transaction unless it is not given the time."""
        if abort and self.is_open and not self.is_closed:
            self.end(commit=False)
        self.is_closed = True
        return []

    def _demand_open(self) -> None:
        """Raises ValueError for any call after `close()`."""
        if self.is_closed:
            raise ValueError("the producer has been closed")

    def init(self) -> Outcome:
        """`initTransactions()`, until it is through."""
        self._demand_open()
        error = self.manager.init_transactions()
        if error is not None:
            return raised(error)
        while error is None or error.retriable:
            error = self.manager.initialised(*self.broker.init(self.transactional_id))
            if error is None:
                return []
        return [NAMES[error]]

    def begin(self) -> Outcome:
        """`beginTransaction()`."""
        self._demand_open()
        error = self.manager.begin_transaction()
        return [] if error is None else raised(error)

    def send(self, value: str) -> Outcome:
        """`send(…).get()`."""
        self._demand_open()
        error = self.manager.add_partition()
        if error is not None:
            return failed_send(error) if error in RAISED_AS_THEY_ARE else raised(error)
        producer = self.manager.producer
        batch = batch_of(1, *producer, self.sequence, value)
        batch.is_transactional = True
        try:
            offset = self.broker.produce(self.transactional_id, batch)
        except KafkaError as refusal:
            self.manager.batch_failed(refusal.code)
            return failed_send(refusal.code)
        self.sequence += 1
        return offset

    def send_offsets(self, offset: int) -> Outcome:
        """`sendOffsetsToTransaction(…)`."""
        self._demand_open()
        error = self.manager.add_partition()
        if error is not None:
            return raised(error)
        producer = self.manager.producer
        try:
            self.broker.add(self.transactional_id, producer, GROUP_OFFSETS)
        except KafkaError as refusal:
            self.manager.batch_failed(refusal.code)
            return [NAMES[refusal.code]]
        self.broker.offsets.add(producer.producer_id, {PARTITION: offset})
        self.has_offsets = True
        return []

    def end(self, commit: bool) -> Outcome:
        """`commitTransaction()` or `abortTransaction()`."""
        self._demand_open()
        error = self.manager.begin_commit() if commit else self.manager.begin_abort()
        if error is not None:
            return raised(error)
        self.has_offsets = False
        if not self.manager.started:
            self.manager.finish()
            return []
        error = self.manager.ended(*self._end(commit))
        if error is None:
            self.sequence = 0
        return [] if error is None else [NAMES[error]]

    def _end(self, commit: bool) -> tuple[ErrorCode, ProducerIdAndEpoch]:
        return self.broker.end(self.transactional_id, self.manager.producer, commit)
