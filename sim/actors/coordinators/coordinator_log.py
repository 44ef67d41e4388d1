"""The end of an internal topic's partition where its coordinator writes, and waits until that is committed.

Source: coordinator-common/src/main/java/org/apache/kafka/coordinator/common/runtime/CoordinatorRuntime.java
Fidelity: approximate — every write is a batch of its own; nothing lingers
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.machine.deadlines import Deadline, Deadlines
from sim.rules.errors import ErrorCode, KafkaError
from sim.rules.producer.producer_state_entry import AppendOrigin, VerificationState
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transaction_coordinator import ProducerIdAndEpoch

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["CoordinatorLog", "Outcome"]

Outcome = Callable[[ErrorCode], None]


class CoordinatorWrite:
    """A write that waits to be committed; it has one outcome."""

    __slots__ = ("_then", "deadline")

    def __init__(self, then: Outcome) -> None:
        self._then: Outcome | None = then
        self.deadline: Deadline | None = None

    def finish(self, error: ErrorCode) -> None:
        """Tell who waits, once."""
        then, self._then = self._then, None
        if self.deadline is not None:
            self.deadline.cancel()
        if then is not None:
            then(error)


class CoordinatorLog:
    """One partition of an internal topic in the hands of its leader; `timeouts` bound how long a write may wait."""

    def __init__(self, broker: "Broker", name: TopicPartition, timeouts: Deadlines) -> None:
        self._broker = broker
        self._timeouts = timeouts
        self.name = name

    def write(
        self, records: Sequence[tuple[bytes, bytes | None]], then: Outcome, committed: Callable[[], None] = lambda: None
    ) -> None:
        """Append and call `then` when that is committed, or with what a client of the coordinator is told.

        It is written whatever the ISR, and may be `committed` after the time-out.

        Source: core/src/main/scala/kafka/coordinator/group/CoordinatorPartitionWriter.scala append,
            coordinator-common/src/main/java/org/apache/kafka/coordinator/common/runtime/CoordinatorRuntime.java
        Fidelity: approximate — each write is a batch of its own; Kafka may gather several in one
        """
        if not records:
            then(ErrorCode.NONE)
            return
        self._append(RecordBatch(self._columns(records)), then, committed)

    def write_in_transaction(
        self,
        records: Sequence[tuple[bytes, bytes | None]],
        producer: ProducerIdAndEpoch,
        verification: VerificationState | None,
        then: Outcome,
    ) -> bool:
        """The same for records that belong to a producer's transaction; whether they are in the log now."""
        batch = RecordBatch(
            self._columns(records),
            producer_id=producer.producer_id,
            producer_epoch=producer.producer_epoch,
            is_transactional=True,
        )
        return self._append(batch, then, lambda: None, AppendOrigin.COORDINATOR, verification)

    def _columns(self, records: Sequence[tuple[bytes, bytes | None]]) -> RecordColumns:
        times_ms = [self._broker.now_ms] * len(records)
        return RecordColumns.of(times_ms, [key for key, _ in records], [value for _, value in records])

    def _append(
        self,
        batch: RecordBatch,
        then: Outcome,
        committed: Callable[[], None],
        origin: AppendOrigin = AppendOrigin.CLIENT,
        verification: VerificationState | None = None,
    ) -> bool:
        partition = self._broker.replicas.writable(self.name)
        if isinstance(partition, ErrorCode):
            then(COMMIT_ERRORS.get(partition, partition))
            return False
        try:
            result = partition.append(batch, LEADER_ONLY, self._broker.now_ms, origin, verification=verification)
        except KafkaError as refused:
            then(COMMIT_ERRORS.get(refused.code, refused.code))
            return False
        if isinstance(result, ErrorCode):
            then(COMMIT_ERRORS.get(result, result))
            return False
        write = CoordinatorWrite(then)
        write.deadline = self._timeouts.book(write.finish, ErrorCode.COORDINATOR_NOT_AVAILABLE)

        def reached() -> None:
            if partition.is_leader:
                committed()
            write.finish(ErrorCode.NONE if partition.is_leader else ErrorCode.NOT_COORDINATOR)

        partition.high_watermark.when(result.batch.next_offset, reached)
        self._broker.fetches.complete_actions()
        return True


LEADER_ONLY = 1

COMMIT_ERRORS = {
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER: ErrorCode.NOT_COORDINATOR,
    ErrorCode.KAFKA_STORAGE_ERROR: ErrorCode.NOT_COORDINATOR,
}
"""What a failed write to `__consumer_offsets` means to a group member.

Source: coordinator-common/src/main/java/org/apache/kafka/coordinator/common/runtime/
    CoordinatorOperationExceptionHelper.java
"""
