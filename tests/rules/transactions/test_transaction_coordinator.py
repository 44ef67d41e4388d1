"""What a transaction coordinator decides about one transactional id."""

from collections.abc import Callable
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.rules.errors import ErrorCode
from sim.rules.topics import TopicPartition
from sim.rules.transactions.end_transaction import end_transaction, has_expired, has_timed_out, prepare_markers
from sim.rules.transactions.transaction_coordinator import (
    ProducerIdAndEpoch,
    add_partitions,
    init_producer_id,
    is_valid_timeout,
    partition_for_transactional_id,
    produce_error,
    verify_partitions,
)
from sim.rules.transactions.transaction_metadata import (
    LARGEST_PRODUCER_EPOCH,
    TransactionMetadata,
    TransactionState,
    TransitMetadata,
)

NAMES = [TopicPartition("payments", number) for number in range(2)]
Answer = TransitMetadata | ErrorCode


class Coordinator:
    """One transactional id whose moves are logged at once; times are those of the test."""

    def __init__(self) -> None:
        self.metadata = TransactionMetadata("loader", 100, 60_000, 0)
        self.new_id: Callable[[], int] = count(101).__next__

    @property
    def producer(self) -> ProducerIdAndEpoch:
        return ProducerIdAndEpoch(self.metadata.current.producer_id, self.metadata.current.producer_epoch)

    def log(self, answer: Answer) -> Answer:
        if isinstance(answer, TransitMetadata) and answer.state is not TransactionState.PREPARE_EPOCH_FENCE:
            self.metadata.complete_transition(answer)
        return answer

    def init(self, expected: ProducerIdAndEpoch | None = None) -> Answer:
        return self.log(init_producer_id(self.metadata, 60_000, 0, self.new_id, expected))

    def add(self, producer: ProducerIdAndEpoch | None = None, version: int = 2) -> Answer:
        return self.log(add_partitions(self.metadata, producer or self.producer, NAMES[:1], 10, version))

    def end(
        self, commit: bool, producer: ProducerIdAndEpoch | None = None, version: int = 2, from_client: bool = True
    ) -> Answer:
        return self.log(
            end_transaction(
                self.metadata, producer or self.producer, commit, 20, version, self.new_id, from_client=from_client
            )
        )

    def complete(self, producer: ProducerIdAndEpoch, commit: bool, version: int = 2) -> Answer:
        return self.log(prepare_markers(self.metadata, producer, commit, 30, version))

    def at_epoch(self, epoch: int) -> None:
        self.metadata.current = replace(self.metadata.current, producer_epoch=epoch)


def state(answer: Answer) -> TransactionState:
    assert isinstance(answer, TransitMetadata)
    return answer.state


def test_a_transaction_from_its_first_partition_to_its_completion() -> None:
    coordinator = Coordinator()
    coordinator.init()
    assert coordinator.producer == (100, 0)
    began = coordinator.add()
    assert isinstance(began, TransitMetadata)
    assert (began.state, began.start_ms, began.partitions) == (TransactionState.ONGOING, 10, (NAMES[0],))
    assert coordinator.add() is ErrorCode.NONE
    coordinator.log(add_partitions(coordinator.metadata, coordinator.producer, NAMES[1:], 15, 2))
    assert coordinator.metadata.current.partitions == tuple(NAMES)
    assert (coordinator.metadata.current.start_ms, coordinator.metadata.current.last_update_ms) == (10, 15)
    producer = coordinator.producer
    assert state(coordinator.end(commit=True)) is TransactionState.PREPARE_COMMIT
    assert coordinator.producer == (100, 1)
    for name in NAMES:
        coordinator.metadata.remove_partition(name)
    assert state(coordinator.complete(producer, commit=True)) is TransactionState.COMPLETE_COMMIT
    assert (coordinator.producer, coordinator.metadata.current.start_ms) == ((100, 1), 10)


def test_without_the_epoch_bump_a_commit_keeps_the_epoch() -> None:
    coordinator = Coordinator()
    coordinator.init()
    assert coordinator.end(commit=False, version=0) is ErrorCode.INVALID_TXN_STATE
    coordinator.add(version=0)
    producer = coordinator.producer
    assert state(coordinator.end(commit=True, version=0)) is TransactionState.PREPARE_COMMIT
    assert coordinator.end(commit=True, version=0) is ErrorCode.CONCURRENT_TRANSACTIONS
    assert coordinator.end(commit=False, version=0) is ErrorCode.INVALID_TXN_STATE
    coordinator.complete(producer, commit=True, version=0)
    assert coordinator.producer == (100, 0)
    assert coordinator.end(commit=True, version=0) is ErrorCode.NONE
    assert coordinator.end(commit=False, version=0) is ErrorCode.INVALID_TXN_STATE
    assert coordinator.end(True, ProducerIdAndEpoch(100, 1), version=0) is ErrorCode.PRODUCER_FENCED
    assert coordinator.end(True, ProducerIdAndEpoch(99, 0), version=0) is ErrorCode.INVALID_PRODUCER_ID_MAPPING


# Rows of the table in Kafka's coordinator: state, then abort and commit with the epoch before and the current one.
FENCED, INVALID, NONE = ErrorCode.PRODUCER_FENCED, ErrorCode.INVALID_TXN_STATE, ErrorCode.NONE
TABLE = {
    TransactionState.EMPTY: (FENCED, None, FENCED, INVALID),
    TransactionState.COMPLETE_ABORT: (NONE, None, INVALID, INVALID),
    TransactionState.COMPLETE_COMMIT: (INVALID, None, NONE, INVALID),
}


@pytest.mark.parametrize("at", TABLE, ids=lambda at: at.value)
@pytest.mark.parametrize("column", range(4))
def test_ends_without_a_transaction(at: TransactionState, column: int) -> None:
    coordinator = Coordinator()
    coordinator.init()
    if at is not TransactionState.EMPTY:
        coordinator.add()
        producer, commit = coordinator.producer, at is TransactionState.COMPLETE_COMMIT
        coordinator.end(commit)
        coordinator.complete(producer, commit)
    else:
        coordinator.init()
    assert coordinator.metadata.state is at
    epoch = coordinator.producer.producer_epoch - (column % 2 == 0)
    answer = coordinator.end(column >= 2, ProducerIdAndEpoch(100, epoch))
    expected = TABLE[at][column]
    if expected is not None:
        assert answer is expected
    else:
        assert state(answer) is TransactionState.PREPARE_ABORT
        assert (coordinator.metadata.current.start_ms, coordinator.producer.producer_epoch) == (20, epoch + 1)


def test_a_new_producer_fences_and_aborts_the_open_transaction_and_comes_back() -> None:
    coordinator = Coordinator()
    coordinator.init()
    coordinator.add()
    zombie = coordinator.producer
    fence = coordinator.init()
    assert isinstance(fence, TransitMetadata)
    assert (fence.state, fence.producer_epoch) == (TransactionState.PREPARE_EPOCH_FENCE, 1)
    assert coordinator.init() is ErrorCode.CONCURRENT_TRANSACTIONS
    assert coordinator.add(zombie) is ErrorCode.CONCURRENT_TRANSACTIONS
    fenced = ProducerIdAndEpoch(fence.producer_id, fence.producer_epoch)
    assert state(coordinator.end(False, fenced, from_client=False)) is TransactionState.PREPARE_ABORT
    assert coordinator.init() is ErrorCode.CONCURRENT_TRANSACTIONS
    assert coordinator.end(False, ProducerIdAndEpoch(100, 0)) is ErrorCode.CONCURRENT_TRANSACTIONS
    assert state(coordinator.complete(fenced, commit=False)) is TransactionState.COMPLETE_ABORT
    assert coordinator.producer == (100, 1)
    coordinator.init()
    assert coordinator.producer == (100, 2)
    assert coordinator.end(False, zombie) is ErrorCode.PRODUCER_FENCED
    assert coordinator.add(zombie) is ErrorCode.PRODUCER_FENCED


def test_in_the_old_protocol_the_fence_sets_the_epoch_of_the_markers() -> None:
    coordinator = Coordinator()
    coordinator.init()
    coordinator.add(version=0)
    coordinator.init()
    assert state(coordinator.end(False, ProducerIdAndEpoch(100, 1), 0, from_client=False)) is (
        TransactionState.PREPARE_ABORT
    )
    assert (coordinator.producer, coordinator.metadata.current.last_producer_epoch) == ((100, 1), -1)


def test_a_producer_that_recovers_says_who_it_is() -> None:
    coordinator = Coordinator()
    coordinator.init()
    before = coordinator.producer
    coordinator.init(before)
    assert coordinator.producer == (100, 1)
    coordinator.init(before)
    assert coordinator.producer == (100, 1)
    coordinator.init()
    assert coordinator.init(before) is ErrorCode.PRODUCER_FENCED
    assert coordinator.init(ProducerIdAndEpoch(55, 2)) is ErrorCode.PRODUCER_FENCED


def test_a_producer_id_whose_epochs_are_exhausted_gives_way_at_initialisation() -> None:
    coordinator = Coordinator()
    coordinator.init()
    coordinator.at_epoch(LARGEST_PRODUCER_EPOCH - 1)
    assert coordinator.init(ProducerIdAndEpoch(55, 0)) is ErrorCode.PRODUCER_FENCED
    before = coordinator.producer
    coordinator.init(before)
    assert (coordinator.producer, coordinator.metadata.current.last_producer_epoch) == ((101, 0), 32_766)
    assert coordinator.metadata.current.previous_producer_id == 100
    coordinator.init(before)
    assert coordinator.producer == (101, 0)


def test_a_producer_id_whose_epochs_are_exhausted_gives_way_at_the_end_of_a_transaction() -> None:
    coordinator = Coordinator()
    coordinator.init()
    coordinator.at_epoch(LARGEST_PRODUCER_EPOCH - 1)
    coordinator.add()
    producer = coordinator.producer
    coordinator.end(commit=True)
    assert coordinator.producer == (100, LARGEST_PRODUCER_EPOCH)
    coordinator.complete(producer, commit=True)
    assert coordinator.producer == (101, 0)
    assert coordinator.end(True, producer) is ErrorCode.NONE
    assert coordinator.end(True, ProducerIdAndEpoch(100, 0)) is ErrorCode.INVALID_PRODUCER_ID_MAPPING


def test_the_largest_epoch_cannot_be_fenced_and_a_failed_fence_raises_it_once() -> None:
    coordinator = Coordinator()
    coordinator.init()
    coordinator.add()
    coordinator.metadata.has_failed_epoch_fence = True
    fence = coordinator.init()
    assert isinstance(fence, TransitMetadata)
    assert fence.producer_epoch == 0
    coordinator.metadata.pending_state = None
    coordinator.at_epoch(LARGEST_PRODUCER_EPOCH)
    with pytest.raises(ValueError, match="largest epoch"):
        coordinator.init()


def test_unknown_ids_and_other_producers() -> None:
    coordinator = Coordinator()
    coordinator.init()
    stranger, stale = ProducerIdAndEpoch(9, 0), ProducerIdAndEpoch(100, 4)
    assert add_partitions(None, stranger, NAMES, 0, 2) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert end_transaction(None, stranger, True, 0, 2, count().__next__) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert coordinator.add(stranger) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert coordinator.add(stale) is ErrorCode.PRODUCER_FENCED
    assert coordinator.end(True, stranger) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    coordinator.add()
    verified = verify_partitions(coordinator.metadata, coordinator.producer, NAMES)
    assert list(verified.values()) == [ErrorCode.NONE, ErrorCode.TRANSACTION_ABORTABLE]
    for metadata, producer, error in (
        (None, stranger, ErrorCode.INVALID_PRODUCER_ID_MAPPING),
        (coordinator.metadata, stranger, ErrorCode.INVALID_PRODUCER_ID_MAPPING),
        (coordinator.metadata, stale, ErrorCode.PRODUCER_FENCED),
    ):
        assert set(verify_partitions(metadata, producer, NAMES).values()) == {error}
    before = coordinator.producer
    coordinator.end(commit=True)
    assert coordinator.add(before) is ErrorCode.PRODUCER_FENCED
    assert coordinator.add() is ErrorCode.CONCURRENT_TRANSACTIONS
    assert coordinator.complete(stale, commit=True) is ErrorCode.PRODUCER_FENCED
    assert coordinator.complete(stranger, commit=True) is ErrorCode.INVALID_PRODUCER_ID_MAPPING
    assert coordinator.complete(before, commit=False) is ErrorCode.INVALID_TXN_STATE
    prepare_markers(coordinator.metadata, before, True, 0, 2)
    assert coordinator.complete(before, commit=True) is ErrorCode.CONCURRENT_TRANSACTIONS


def test_time_outs_and_expiry() -> None:
    coordinator = Coordinator()
    coordinator.init()
    assert (has_expired(coordinator.metadata, 99, 100), has_expired(coordinator.metadata, 100, 100)) == (False, True)
    assert not has_timed_out(coordinator.metadata, 1_000_000)
    coordinator.add()
    assert (has_timed_out(coordinator.metadata, 60_010), has_timed_out(coordinator.metadata, 60_011)) == (False, True)
    assert not has_expired(coordinator.metadata, 1_000_000, 100)
    coordinator.metadata.prepare_fence_producer_epoch()
    assert not has_timed_out(coordinator.metadata, 60_011)
    assert [is_valid_timeout(asked, 900_000) for asked in (0, 1, 900_000, 900_001)] == [False, True, True, False]


def test_errors_that_a_producer_is_told() -> None:
    assert produce_error(ErrorCode.PRODUCER_FENCED, 2) is ErrorCode.INVALID_PRODUCER_EPOCH
    assert produce_error(ErrorCode.NOT_COORDINATOR, 2) is ErrorCode.NOT_ENOUGH_REPLICAS
    assert produce_error(ErrorCode.CONCURRENT_TRANSACTIONS, 2) is ErrorCode.CONCURRENT_TRANSACTIONS
    assert produce_error(ErrorCode.CONCURRENT_TRANSACTIONS, 1) is ErrorCode.NOT_ENOUGH_REPLICAS
    assert produce_error(ErrorCode.TRANSACTION_ABORTABLE, 2) is ErrorCode.TRANSACTION_ABORTABLE


def test_illegal_moves_are_errors_of_the_caller() -> None:
    coordinator = Coordinator()
    with pytest.raises(ValueError, match="from Empty to CompleteAbort"):
        coordinator.metadata.prepare_complete(0)
    dead = coordinator.metadata.prepare_dead()
    with pytest.raises(ValueError, match="while Dead is pending"):
        coordinator.metadata.prepare_dead()
    with pytest.raises(ValueError, match="no pending move"):
        coordinator.metadata.complete_transition(dead)
    with pytest.raises(ValueError, match="no marker is expected"):
        coordinator.metadata.remove_partition(NAMES[0])
    coordinator.metadata.pending_state = None
    coordinator.at_epoch(LARGEST_PRODUCER_EPOCH - 1)
    with pytest.raises(ValueError, match="no epoch left"):
        coordinator.metadata.prepare_increment_producer_epoch(1, None, 0)


def test_transactional_ids_are_spread_by_their_hash() -> None:
    assert {partition_for_transactional_id(name, 50) for name in ("a", "b")} == {97 % 50, 98 % 50}


CALLS = st.lists(st.tuples(st.sampled_from(("init", "add", "end", "complete")), st.booleans()), max_size=25)


@given(CALLS)
@settings(max_examples=100, deadline=None)
def test_whatever_is_asked_epochs_never_go_back(calls: list[tuple[str, bool]]) -> None:
    coordinator = Coordinator()
    seen = coordinator.producer
    for call, flag in calls:
        producer = coordinator.producer if flag else seen
        if call == "init":
            fence = coordinator.init()
            if isinstance(fence, TransitMetadata) and fence.state is TransactionState.PREPARE_EPOCH_FENCE:
                coordinator.end(False, ProducerIdAndEpoch(fence.producer_id, fence.producer_epoch), from_client=False)
        elif call == "add" and coordinator.producer.producer_epoch >= 0:
            coordinator.add(producer)
        elif call == "end" and coordinator.producer.producer_epoch >= 0:
            coordinator.end(flag, producer)
        elif call == "complete":
            coordinator.complete(coordinator.producer, flag)
        assert coordinator.producer >= seen
        assert coordinator.metadata.pending_state is None
        seen = coordinator.producer
