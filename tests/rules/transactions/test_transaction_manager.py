"""How a transactional producer takes errors."""

import pytest

from sim.rules.errors import ErrorCode, IllegalStateError
from sim.rules.transactions.transaction_coordinator import ProducerIdAndEpoch
from sim.rules.transactions.transaction_manager import ProducerTransactionState, TransactionManager

WHO = ProducerIdAndEpoch(1, 0)
NEXT = ProducerIdAndEpoch(1, 1)
FATAL, ABORTABLE = ProducerTransactionState.FATAL_ERROR, ProducerTransactionState.ABORTABLE_ERROR


def initialised() -> TransactionManager:
    manager = TransactionManager()
    assert manager.init_transactions() is None
    assert manager.initialised(ErrorCode.CONCURRENT_TRANSACTIONS, WHO) is ErrorCode.CONCURRENT_TRANSACTIONS
    assert manager.initialised(ErrorCode.NONE, WHO) is None
    return manager


def sending() -> TransactionManager:
    manager = initialised()
    assert (manager.begin_transaction(), manager.add_partition()) == (None, None)
    return manager


def test_a_commit_brings_the_next_epoch() -> None:
    manager = sending()
    assert manager.begin_commit() is None
    assert manager.ended(ErrorCode.NOT_COORDINATOR, NEXT) is ErrorCode.NOT_COORDINATOR
    assert manager.ended(ErrorCode.NONE, NEXT) is None
    assert (manager.state, manager.producer, manager.started) == (ProducerTransactionState.READY, NEXT, False)


def test_a_transaction_without_records_ends_without_a_request() -> None:
    manager = initialised()
    manager.begin_transaction()
    manager.begin_commit()
    assert not manager.started
    manager.finish()
    assert (manager.state, manager.producer) == (ProducerTransactionState.READY, WHO)


@pytest.mark.parametrize(
    ("error", "kept"),
    [
        (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.INVALID_PRODUCER_EPOCH),
        (ErrorCode.INVALID_TXN_STATE, ErrorCode.TRANSACTION_ABORTABLE),
        (ErrorCode.REQUEST_TIMED_OUT, ErrorCode.TRANSACTION_ABORTABLE),
    ],
)
def test_a_failed_batch_leaves_only_the_abort(error: ErrorCode, kept: ErrorCode) -> None:
    manager = sending()
    manager.batch_failed(error)
    assert [manager.add_partition(), manager.begin_commit(), manager.begin_transaction()] == [kept] * 3
    assert manager.init_transactions() is kept
    assert manager.begin_abort() is None
    manager.batch_failed(error)
    assert manager.state is ProducerTransactionState.ABORTING_TRANSACTION
    assert manager.ended(ErrorCode.NONE, NEXT) is None
    assert manager.begin_transaction() is None


@pytest.mark.parametrize("error", [ErrorCode.PRODUCER_FENCED, ErrorCode.INVALID_PRODUCER_ID_MAPPING])
def test_a_fenced_producer_is_at_its_end(error: ErrorCode) -> None:
    manager = sending()
    manager.batch_failed(error)
    assert [manager.begin_abort(), manager.begin_commit(), manager.begin_transaction()] == [error] * 3


@pytest.mark.parametrize(
    ("commit", "error", "kept", "state"),
    [
        (True, ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.PRODUCER_FENCED, FATAL),
        (True, ErrorCode.INVALID_TXN_STATE, ErrorCode.INVALID_TXN_STATE, FATAL),
        (True, ErrorCode.TRANSACTION_ABORTABLE, ErrorCode.TRANSACTION_ABORTABLE, ABORTABLE),
        (False, ErrorCode.TRANSACTION_ABORTABLE, ErrorCode.TRANSACTION_ABORTABLE, FATAL),
    ],
)
def test_refused_ends(commit: bool, error: ErrorCode, kept: ErrorCode, state: ProducerTransactionState) -> None:
    manager = sending()
    assert (manager.begin_commit() if commit else manager.begin_abort()) is None
    assert manager.ended(error, NEXT) is kept
    assert manager.state is state


def test_a_refused_initialisation() -> None:
    manager = TransactionManager()
    manager.init_transactions()
    assert manager.initialised(ErrorCode.INVALID_PRODUCER_EPOCH, WHO) is ErrorCode.PRODUCER_FENCED
    assert manager.state is ProducerTransactionState.FATAL_ERROR


def test_calls_out_of_turn_are_errors_of_the_application() -> None:
    with pytest.raises(IllegalStateError, match=r"cannot send before init_transactions\(\)"):
        TransactionManager().add_partition()
    manager = initialised()
    with pytest.raises(IllegalStateError, match="from READY to COMMITTING_TRANSACTION"):
        manager.begin_commit()
    with pytest.raises(IllegalStateError, match="send in READY"):
        manager.add_partition()


@pytest.mark.parametrize(
    ("error", "told", "state"),
    [
        (ErrorCode.NONE, None, ProducerTransactionState.IN_TRANSACTION),
        (ErrorCode.COORDINATOR_NOT_AVAILABLE, None, ProducerTransactionState.IN_TRANSACTION),
        (ErrorCode.ILLEGAL_GENERATION, ErrorCode.ILLEGAL_GENERATION, ABORTABLE),
        (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.PRODUCER_FENCED, FATAL),
        (ErrorCode.INVALID_TXN_STATE, ErrorCode.INVALID_TXN_STATE, FATAL),
    ],
)
def test_what_an_answer_to_offsets_means(
    error: ErrorCode, told: ErrorCode | None, state: ProducerTransactionState
) -> None:
    manager = sending()
    assert manager.offsets_sent(error) is (error if error.retriable else told)
    assert (manager.state, manager.last_error) == (state, told)
