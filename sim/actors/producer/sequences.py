"""An idempotent producer's id, epoch and sequence numbers.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/TransactionManager.java, TxnPartitionMap.java,
    TxnPartitionEntry.java
Fidelity: approximate — without transactions an epoch is never used up, so the producer id never changes
"""

from sim.actors.producer.producer_batch import ProducerBatch
from sim.rules.errors import ErrorCode
from sim.rules.producer.batching import NO_SEQUENCE, gap_bumps_epoch, must_stop_drain
from sim.rules.storage.batch import increment_sequence
from sim.rules.topics import TopicPartition

__all__ = ["Sequences"]


class PartitionSequences:
    """One partition's sequence state; `in_flight` holds, in order, all that is numbered and not yet settled."""

    __slots__ = ("epoch", "in_flight", "last_acknowledged", "next_sequence")

    def __init__(self) -> None:
        self.epoch = -1
        self.next_sequence = 0
        self.last_acknowledged = -1
        self.in_flight: list[ProducerBatch] = []

    def begin(self, epoch: int) -> None:
        """Number from 0 in a new epoch, first what is in flight or queued for a retry."""
        self.epoch, self.next_sequence, self.last_acknowledged = epoch, 0, -1
        for batch in self.in_flight:
            batch.producer_epoch, batch.base_sequence, batch.sequence_reset = epoch, self.next_sequence, True
            self.next_sequence = increment_sequence(self.next_sequence, batch.count)

    def follows(self, sequence: int) -> bool:
        """Whether this sequence comes right after the last acknowledged one."""
        return sequence - self.last_acknowledged == 1


class Sequences:
    """Numbers batches, keeps their order on retries, and takes a new epoch when a gap cannot be closed.

    A transactional producer cannot take one itself: its coordinator gives it one when the transaction ends.
    """

    def __init__(self, transactional: bool = False) -> None:
        self.transactional = transactional
        self.producer_id = -1
        self.epoch = 0
        self._partitions: dict[TopicPartition, PartitionSequences] = {}
        self._unresolved: dict[TopicPartition, int] = {}
        self._to_renumber: dict[TopicPartition, None] = {}

    @property
    def ready(self) -> bool:
        """Whether the producer has its id."""
        return self.producer_id >= 0

    def begin(self, producer_id: int, epoch: int) -> None:
        """A transactional producer has an id and an epoch for its next transaction, which numbers from 0."""
        self.producer_id, self.epoch = producer_id, epoch
        self._partitions.clear()
        self._unresolved.clear()
        self._to_renumber.clear()

    def settle(self) -> None:
        """What is done before anything is sent: settle unknown fates, then take a new epoch if one is needed."""
        if self.transactional:
            return
        for name, _ in list(self._unresolved.items()):
            state = self._state(name)
            if not state.in_flight:
                del self._unresolved[name]
                if not state.follows(state.next_sequence):
                    self._to_renumber[name] = None
        if self._to_renumber:
            self.epoch += 1
            for name in self._to_renumber:
                self._state(name).begin(self.epoch)
                self._unresolved.pop(name, None)
            self._to_renumber.clear()

    def may_drain(self, batch: ProducerBatch) -> bool:
        """Whether a partition's first batch may leave now without breaking its order."""
        state = self._state(batch.partition)
        return not must_stop_drain(
            first_base_sequence=batch.base_sequence,
            first_in_flight_sequence=state.in_flight[0].base_sequence if state.in_flight else NO_SEQUENCE,
            producer_id_valid=self.ready,
            stale_producer_id_in_flight=state.epoch != self.epoch and bool(state.in_flight),
            sequence_unresolved=batch.partition in self._unresolved,
        )

    def leaving(self, batch: ProducerBatch) -> None:
        """A batch goes out; on its first attempt it gets its number."""
        batch.sequence_reset = False
        if batch.base_sequence != NO_SEQUENCE:
            return
        state = self._state(batch.partition)
        if state.epoch != self.epoch:
            state.begin(self.epoch)
        batch.producer_id, batch.producer_epoch = self.producer_id, self.epoch
        batch.base_sequence, batch.is_transactional = state.next_sequence, self.transactional
        state.next_sequence = increment_sequence(state.next_sequence, batch.count)
        state.in_flight.append(batch)

    def acknowledged(self, batch: ProducerBatch) -> None:
        """The broker has the batch."""
        if self.transactional and batch.producer_epoch != self.epoch:
            return
        state = self._state(batch.partition)
        last_sequence = increment_sequence(batch.base_sequence, batch.count - 1)
        state.last_acknowledged = max(state.last_acknowledged, last_sequence)
        self._remove(batch)

    def may_retry(self, batch: ProducerBatch, error: ErrorCode) -> bool:
        """Whether an error is worth a retry; OUT_OF_ORDER_SEQUENCE_NUMBER and UNKNOWN_PRODUCER_ID always are.

        They mean either that an earlier batch is still missing or that the broker has lost records: then the
        producer takes a new epoch.
        """
        if error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER:
            unresolved = self._unresolved.get(batch.partition)
            if gap_bumps_epoch(
                is_next_sequence=self._state(batch.partition).follows(batch.base_sequence),
                sequence_unresolved=unresolved is not None,
                follows_unresolved=unresolved == batch.base_sequence,
                sequence_reset=batch.sequence_reset,
            ):
                self._to_renumber[batch.partition] = None
                return not self.transactional
            return True
        if error is ErrorCode.UNKNOWN_PRODUCER_ID and not self.transactional:
            if not batch.sequence_reset:
                self._to_renumber[batch.partition] = None
            return True
        return error.retriable

    def expired(self, batch: ProducerBatch) -> None:
        """delivery.timeout.ms is over; if the batch was tried before, nobody knows whether the broker has it.

        Later ones wait then until those in flight are answered.
        """
        self._remove(batch)
        if batch.attempts > 0:
            follows = increment_sequence(batch.base_sequence, batch.count)
            self._unresolved[batch.partition] = max(follows, self._unresolved.get(batch.partition, -1))

    def refused(self, batch: ProducerBatch, error: ErrorCode, *, retries_left: bool) -> None:
        """The broker does not take the batch: its number is free, so the partition is numbered anew."""
        self._remove(batch)
        if retries_left or error is ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER:
            self._to_renumber[batch.partition] = None

    def split(self, batch: ProducerBatch, parts: list[ProducerBatch]) -> None:
        """Parts take the place and the numbers of a batch that is too large."""
        in_flight = self._state(batch.partition).in_flight
        index = in_flight.index(batch)
        in_flight[index : index + 1] = parts
        sequence = batch.base_sequence
        for part in parts:
            part.producer_id, part.producer_epoch = batch.producer_id, batch.producer_epoch
            part.base_sequence, part.is_transactional = sequence, batch.is_transactional
            sequence = increment_sequence(sequence, part.count)

    def _remove(self, batch: ProducerBatch) -> None:
        in_flight = self._state(batch.partition).in_flight
        if batch in in_flight:
            in_flight.remove(batch)

    def _state(self, partition: TopicPartition) -> PartitionSequences:
        state = self._partitions.get(partition)
        if state is None:
            state = self._partitions[partition] = PartitionSequences()
        return state
