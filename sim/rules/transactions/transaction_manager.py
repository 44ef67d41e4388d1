"""How a transactional producer takes errors: which end its transaction, which end the producer.

Left out: finding coordinators, resolving sequence numbers of expired batches, two-phase commit, the client side of
transaction versions 0 and 1.
"""

from enum import Enum

from sim.rules.errors import ErrorCode, IllegalStateError
from sim.rules.transactions.transaction_coordinator import ProducerIdAndEpoch

__all__ = ["ProducerTransactionState", "TransactionManager"]


class ProducerTransactionState(Enum):
    """States of a transactional producer.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/TransactionManager.java State
    Fidelity: exact
    """

    UNINITIALIZED = "UNINITIALIZED"
    INITIALIZING = "INITIALIZING"
    READY = "READY"
    IN_TRANSACTION = "IN_TRANSACTION"
    COMMITTING_TRANSACTION = "COMMITTING_TRANSACTION"
    ABORTING_TRANSACTION = "ABORTING_TRANSACTION"
    ABORTABLE_ERROR = "ABORTABLE_ERROR"
    FATAL_ERROR = "FATAL_ERROR"


_State = ProducerTransactionState
_COMPLETING = (_State.COMMITTING_TRANSACTION, _State.ABORTING_TRANSACTION)
_SOURCES = {
    _State.UNINITIALIZED: (_State.READY, _State.ABORTABLE_ERROR),
    _State.INITIALIZING: (_State.UNINITIALIZED, *_COMPLETING),
    _State.READY: (_State.INITIALIZING, *_COMPLETING),
    _State.IN_TRANSACTION: (_State.READY,),
    _State.COMMITTING_TRANSACTION: (_State.IN_TRANSACTION,),
    _State.ABORTING_TRANSACTION: (_State.IN_TRANSACTION, _State.ABORTABLE_ERROR),
    _State.ABORTABLE_ERROR: (
        _State.IN_TRANSACTION,
        _State.COMMITTING_TRANSACTION,
        _State.ABORTABLE_ERROR,
        _State.INITIALIZING,
    ),
    _State.FATAL_ERROR: tuple(_State),
}
_FENCED = (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.PRODUCER_FENCED)
_ABORTABLE_OFFSETS = (
    ErrorCode.FENCED_INSTANCE_ID,
    ErrorCode.TRANSACTION_ABORTABLE,
    ErrorCode.UNKNOWN_MEMBER_ID,
    ErrorCode.ILLEGAL_GENERATION,
)


class TransactionManager:
    """A transactional producer's state, the error that keeps it from going on, its id and epoch.

    Calls of the application return an error that they must raise, None when they may go on.

    Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/TransactionManager.java
    Fidelity: approximate — transaction version 2 only; errors by their codes
    """

    __slots__ = ("last_error", "producer", "started", "state")

    def __init__(self) -> None:
        self.state = _State.UNINITIALIZED
        self.last_error: ErrorCode | None = None
        self.producer = ProducerIdAndEpoch(-1, -1)
        self.started = False

    def _move(self, target: ProducerTransactionState, error: ErrorCode | None = None) -> None:
        """Raises IllegalStateError for a move that an application has no right to."""
        if self.state not in _SOURCES[target]:
            raise IllegalStateError(f"a producer cannot go from {self.state.value} to {target.value}")
        self.state, self.last_error = target, error

    def init_transactions(self) -> ErrorCode | None:
        """`initTransactions()`: ask for an id and an epoch."""
        if self.last_error is None:
            self._move(_State.INITIALIZING)
        return self.last_error

    def begin_transaction(self) -> ErrorCode | None:
        """`beginTransaction()`."""
        if self.last_error is None:
            self._move(_State.IN_TRANSACTION)
        return self.last_error

    def add_partition(self) -> ErrorCode | None:
        """`send()`: the leader adds the partition to the transaction when the batch arrives.

        Raises IllegalStateError outside of a transaction.
        """
        if self.last_error is None:
            if self.producer.producer_id < 0:
                raise IllegalStateError("a producer with a transactional.id cannot send before init_transactions()")
            if self.state is not _State.IN_TRANSACTION:
                raise IllegalStateError(f"a producer cannot send in {self.state.value}")
            self.started = True
        return self.last_error

    def offsets_sent(self, error: ErrorCode) -> ErrorCode | None:
        """The answer to TxnOffsetCommit: None when it was taken, a retriable error says to ask again.

        Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/TransactionManager.java
            TxnOffsetCommitHandler
        Fidelity: approximate — errors by their codes
        """
        if error.retriable:
            return self.last_error or error
        if error is not ErrorCode.NONE:
            fenced = error in _FENCED
            self._fail(ErrorCode.PRODUCER_FENCED if fenced else error, error in _ABORTABLE_OFFSETS)
        return self.last_error

    def begin_commit(self) -> ErrorCode | None:
        """`commitTransaction()`: an error of the transaction is raised here."""
        if self.last_error is None:
            self._move(_State.COMMITTING_TRANSACTION)
        return self.last_error

    def begin_abort(self) -> ErrorCode | None:
        """`abortTransaction()`: the way out of an abortable error, not of a fatal one."""
        if self.last_error is None or self.state is _State.ABORTABLE_ERROR:
            self._move(_State.ABORTING_TRANSACTION)
        return self.last_error

    def initialised(self, error: ErrorCode, producer: ProducerIdAndEpoch) -> ErrorCode | None:
        """The answer to InitProducerId: None when it was taken, a retriable error says to ask again."""
        if error is ErrorCode.NONE:
            self.producer = producer
            self._move(_State.READY)
        elif not error.retriable:
            self._fail(
                ErrorCode.PRODUCER_FENCED if error in _FENCED else error, error is ErrorCode.TRANSACTION_ABORTABLE
            )
        return self.last_error or (error if error.retriable else None)

    def ended(self, error: ErrorCode, producer: ProducerIdAndEpoch) -> ErrorCode | None:
        """The answer to EndTxn, with the id and epoch of the next transaction.

        None when it was taken, a retriable error says to ask again.

        Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/TransactionManager.java EndTxnHandler
        Fidelity: approximate — errors by their codes
        """
        if error is ErrorCode.NONE:
            self.producer = producer
            self.finish()
        elif not error.retriable:
            aborting = self.state is _State.ABORTING_TRANSACTION
            abortable = error is ErrorCode.UNKNOWN_PRODUCER_ID or (
                error is ErrorCode.TRANSACTION_ABORTABLE and not aborting
            )
            self._fail(ErrorCode.PRODUCER_FENCED if error in _FENCED else error, abortable)
        return self.last_error or (error if error.retriable else None)

    def finish(self) -> None:
        """The transaction is over; one in which nothing was sent ends without a request."""
        self._move(_State.READY)
        self.started = False

    def batch_failed(self, error: ErrorCode) -> None:
        """A batch has failed for good: the transaction cannot be committed, or the producer cannot go on.

        Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/TransactionManager.java
            maybeTransitionToErrorState
        Fidelity: exact
        """
        fatal = error in (ErrorCode.PRODUCER_FENCED, ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        if not fatal and (error.retriable or error is ErrorCode.INVALID_TXN_STATE):
            error = ErrorCode.TRANSACTION_ABORTABLE
        self._fail(error, not fatal)

    def _fail(self, error: ErrorCode, abortable: bool) -> None:
        """An abortable error during an abort changes nothing."""
        if not abortable:
            self._move(_State.FATAL_ERROR, error)
        elif self.state is not _State.ABORTING_TRANSACTION:
            self._move(_State.ABORTABLE_ERROR, error)
