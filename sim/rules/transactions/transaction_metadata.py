"""The state that a transaction coordinator keeps of one transactional id, and its legal moves.

A move has two halves, with the write to `__transaction_state` between them: a `prepare_…` says what is to be written
and marks the state as pending, `complete_transition` takes it over once the log has it.

Left out: prepared transactions of two-phase commit (KIP-939), which 4.2 refuses to keep; the checks of a completed move
against the state before it, which cannot fail here.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import Enum

from sim.rules.errors import ErrorCode
from sim.rules.storage.batch import NO_PRODUCER_ID
from sim.rules.topics import TopicPartition

__all__ = [
    "LARGEST_PRODUCER_EPOCH",
    "NO_PRODUCER_EPOCH",
    "TransactionMetadata",
    "TransactionState",
    "TransitMetadata",
    "is_epoch_exhausted",
    "is_valid_transition",
    "supports_epoch_bump",
]

NO_PRODUCER_EPOCH = -1
LARGEST_PRODUCER_EPOCH = 32_767


class TransactionState(Enum):
    """States of a transactional id.

    Source: transaction-coordinator/src/main/java/org/apache/kafka/coordinator/transaction/TransactionState.java
    Fidelity: exact
    """

    EMPTY = "Empty"
    ONGOING = "Ongoing"
    PREPARE_COMMIT = "PrepareCommit"
    PREPARE_ABORT = "PrepareAbort"
    COMPLETE_COMMIT = "CompleteCommit"
    COMPLETE_ABORT = "CompleteAbort"
    DEAD = "Dead"
    PREPARE_EPOCH_FENCE = "PrepareEpochFence"


_FINISHED = (TransactionState.EMPTY, TransactionState.COMPLETE_COMMIT, TransactionState.COMPLETE_ABORT)
_VALID_PREVIOUS = {
    TransactionState.EMPTY: _FINISHED,
    TransactionState.ONGOING: (TransactionState.ONGOING, *_FINISHED),
    TransactionState.PREPARE_COMMIT: (TransactionState.ONGOING,),
    TransactionState.PREPARE_ABORT: (TransactionState.ONGOING, TransactionState.PREPARE_EPOCH_FENCE, *_FINISHED),
    TransactionState.COMPLETE_COMMIT: (TransactionState.PREPARE_COMMIT,),
    TransactionState.COMPLETE_ABORT: (TransactionState.PREPARE_ABORT,),
    TransactionState.DEAD: _FINISHED,
    TransactionState.PREPARE_EPOCH_FENCE: (TransactionState.ONGOING,),
}


def is_valid_transition(source: TransactionState, target: TransactionState) -> bool:
    """Whether a transactional id may go from one state to another.

    Source: transaction-coordinator/src/main/java/org/apache/kafka/coordinator/transaction/TransactionState.java
        VALID_PREVIOUS_STATES
    Fidelity: exact
    """
    return source in _VALID_PREVIOUS[target]


def is_epoch_exhausted(producer_epoch: int) -> bool:
    """Whether a producer id has no epoch left for a client; the last one is kept for fencing.

    Source: transaction-coordinator/src/main/java/org/apache/kafka/coordinator/transaction/TransactionMetadata.java
        isEpochExhausted
    Fidelity: exact
    """
    return producer_epoch >= LARGEST_PRODUCER_EPOCH - 1


def supports_epoch_bump(transaction_version: int) -> bool:
    """Whether every end of a transaction raises the producer epoch (KIP-890, transaction.version 2).

    Source: server-common/src/main/java/org/apache/kafka/server/common/TransactionVersion.java supportsEpochBump
    Fidelity: exact
    """
    return transaction_version >= 2


@dataclass(frozen=True, slots=True)
class TransitMetadata:
    """What `__transaction_state` is to say of a transactional id after a move; times are -1 when there is none."""

    state: TransactionState
    producer_id: int
    previous_producer_id: int
    next_producer_id: int
    producer_epoch: int
    last_producer_epoch: int
    timeout_ms: int
    partitions: tuple[TopicPartition, ...]
    start_ms: int
    last_update_ms: int
    transaction_version: int


class TransactionMetadata:
    """One transactional id: what the log says of it, and the move that is on its way to the log.

    Source: transaction-coordinator/src/main/java/org/apache/kafka/coordinator/transaction/TransactionMetadata.java
    Fidelity: exact
    """

    __slots__ = ("current", "has_failed_epoch_fence", "pending_state", "transactional_id")

    def __init__(self, transactional_id: str, producer_id: int, timeout_ms: int, now_ms: int) -> None:
        self.transactional_id = transactional_id
        self.pending_state: TransactionState | None = None
        self.has_failed_epoch_fence = False
        self.current = TransitMetadata(
            TransactionState.EMPTY,
            producer_id,
            NO_PRODUCER_ID,
            NO_PRODUCER_ID,
            NO_PRODUCER_EPOCH,
            NO_PRODUCER_EPOCH,
            timeout_ms,
            (),
            -1,
            now_ms,
            0,
        )

    @property
    def state(self) -> TransactionState:
        """The state that the log knows."""
        return self.current.state

    def _prepare(self, target: TransactionState, **changes: object) -> TransitMetadata:
        """Raises ValueError for an illegal move, or while another one is pending."""
        current = self.current
        if self.pending_state is not None or not is_valid_transition(current.state, target):
            raise ValueError(
                f"{self.transactional_id} cannot go from {current.state.value} to {target.value}"
                + (f" while {self.pending_state.value} is pending" if self.pending_state is not None else "")
            )
        self.pending_state = target
        values = {"previous_producer_id": current.producer_id, **changes, "state": target}
        return replace(current, **values)  # type: ignore[arg-type]

    def prepare_fence_producer_epoch(self) -> TransitMetadata:
        """Before the open transaction of a former producer is aborted: its epoch is over.

        A fence that the log has refused does not raise the epoch again. Raises ValueError at the largest epoch.
        """
        epoch = self.current.producer_epoch
        if epoch == LARGEST_PRODUCER_EPOCH:
            raise ValueError(f"{self.transactional_id} cannot fence the largest epoch")
        return self._prepare(
            TransactionState.PREPARE_EPOCH_FENCE, producer_epoch=epoch if self.has_failed_epoch_fence else epoch + 1
        )

    def prepare_increment_producer_epoch(
        self, timeout_ms: int, expected_epoch: int | None, now_ms: int
    ) -> TransitMetadata | ErrorCode:
        """A producer initialises: the next epoch, or PRODUCER_FENCED when it is not the one that it takes itself for.

        A retry of a call that succeeded gets the epoch that this call has made.
        Raises ValueError when no epoch is left.
        """
        current = self.current
        if is_epoch_exhausted(current.producer_epoch):
            raise ValueError(f"{self.transactional_id} has no epoch left for producer {current.producer_id}")
        epoch, last_epoch = current.producer_epoch + 1, current.producer_epoch
        if expected_epoch is None:
            last_epoch = NO_PRODUCER_EPOCH
        elif current.producer_epoch not in (NO_PRODUCER_EPOCH, expected_epoch):
            if expected_epoch != current.last_producer_epoch:
                return ErrorCode.PRODUCER_FENCED
            epoch, last_epoch = current.producer_epoch, current.last_producer_epoch
        return self._initialise(current.producer_id, epoch, last_epoch, timeout_ms, now_ms)

    def prepare_producer_id_rotation(
        self, producer_id: int, timeout_ms: int, now_ms: int, record_last_epoch: bool
    ) -> TransitMetadata:
        """A producer initialises whose id has no epoch left: a new id, epoch 0."""
        last_epoch = self.current.producer_epoch if record_last_epoch else NO_PRODUCER_EPOCH
        return self._initialise(producer_id, 0, last_epoch, timeout_ms, now_ms)

    def _initialise(
        self, producer_id: int, epoch: int, last_epoch: int, timeout_ms: int, now_ms: int
    ) -> TransitMetadata:
        return self._prepare(
            TransactionState.EMPTY,
            producer_id=producer_id,
            producer_epoch=epoch,
            last_producer_epoch=last_epoch,
            timeout_ms=timeout_ms,
            partitions=(),
            start_ms=-1,
            last_update_ms=now_ms,
        )

    def prepare_add_partitions(
        self, partitions: Iterable[TopicPartition], now_ms: int, transaction_version: int
    ) -> TransitMetadata:
        """Partitions join the transaction; the first ones begin it."""
        current = self.current
        return self._prepare(
            TransactionState.ONGOING,
            partitions=tuple(dict.fromkeys((*current.partitions, *partitions))),
            start_ms=now_ms if current.state in _FINISHED else current.start_ms,
            last_update_ms=now_ms,
            transaction_version=transaction_version,
        )

    def prepare_abort_or_commit(
        self, commit: bool, transaction_version: int, next_producer_id: int, now_ms: int, no_partition_added: bool
    ) -> TransitMetadata:
        """A transaction is decided; from transaction version 2 on with the next epoch.

        `next_producer_id` is that of the producer's next transaction when its epochs are exhausted.
        """
        current = self.current
        bumps = supports_epoch_bump(transaction_version)
        return self._prepare(
            TransactionState.PREPARE_COMMIT if commit else TransactionState.PREPARE_ABORT,
            producer_epoch=current.producer_epoch + 1 if bumps else current.producer_epoch,
            last_producer_epoch=current.producer_epoch if bumps else current.last_producer_epoch,
            next_producer_id=next_producer_id,
            start_ms=now_ms if no_partition_added else current.start_ms,
            last_update_ms=now_ms,
            transaction_version=transaction_version,
        )

    def prepare_complete(self, now_ms: int) -> TransitMetadata:
        """All markers are written, or will be: the last state of the transaction, with the producer's next id if any.

        A producer id whose epochs are exhausted gives way to the next one, which begins with epoch 0.
        """
        current = self.current
        self.has_failed_epoch_fence = False
        rotates = supports_epoch_bump(current.transaction_version) and current.next_producer_id != NO_PRODUCER_ID
        committed = current.state is TransactionState.PREPARE_COMMIT
        return self._prepare(
            TransactionState.COMPLETE_COMMIT if committed else TransactionState.COMPLETE_ABORT,
            producer_id=current.next_producer_id if rotates else current.producer_id,
            producer_epoch=0 if rotates else current.producer_epoch,
            next_producer_id=NO_PRODUCER_ID,
            partitions=(),
            last_update_ms=now_ms,
        )

    def prepare_dead(self) -> TransitMetadata:
        """The transactional id has expired and is to be forgotten."""
        return self._prepare(TransactionState.DEAD, partitions=())

    def complete_transition(self, transit: TransitMetadata) -> None:
        """The log has the move. Raises ValueError when it is not the pending one, or can never be completed."""
        never = (TransactionState.DEAD, TransactionState.PREPARE_EPOCH_FENCE)
        if transit.state is not self.pending_state or transit.state in never:
            raise ValueError(f"{self.transactional_id} has no pending move to {transit.state.value}")
        self.current = transit
        self.pending_state = None

    def remove_partition(self, partition: TopicPartition) -> None:
        """The marker of a partition is written. Raises ValueError unless the transaction is being completed."""
        if self.state not in (TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT):
            raise ValueError(f"{self.transactional_id} is {self.state.value}, no marker is expected")
        self.current = replace(
            self.current, partitions=tuple(name for name in self.current.partitions if name != partition)
        )
