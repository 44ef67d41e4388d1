"""An idempotent producer's id, epoch and sequence numbers.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/TransactionManager.java, TxnPartitionMap.java
Fidelity: approximate — without transactions; after a batch of unknown fate the whole producer takes a new epoch at once
"""

from sim.actors.producer_batch import ProducerBatch
from sim.rules.batch import increment_sequence
from sim.rules.batching import NO_SEQUENCE, gap_bumps_epoch, must_stop_drain
from sim.rules.errors import ErrorCode
from sim.rules.topics import TopicPartition

__all__ = ["Sequences"]


class PartitionSequences:
    """One partition's sequence state."""

    __slots__ = ("epoch", "in_flight", "last_acknowledged", "next_sequence", "unresolved")

    def __init__(self) -> None:
        self.epoch = -1
        self.next_sequence = 0
        self.last_acknowledged = -1
        self.in_flight: list[ProducerBatch] = []
        self.unresolved = False


class Sequences:
    """Numbers batches, keeps their order on retries, and takes a new epoch when a gap cannot be closed."""

    def __init__(self) -> None:
        self.producer_id = -1
        self.epoch = 0
        self._partitions: dict[TopicPartition, PartitionSequences] = {}

    @property
    def ready(self) -> bool:
        """Whether the producer has its id."""
        return self.producer_id >= 0

    def may_drain(self, batch: ProducerBatch) -> bool:
        """Whether a partition's first batch may leave now without breaking its order."""
        state = self._state(batch.partition)
        stale = state.epoch != self.epoch and bool(state.in_flight)
        return not must_stop_drain(
            first_base_sequence=batch.base_sequence,
            first_in_flight_sequence=state.in_flight[0].base_sequence if state.in_flight else NO_SEQUENCE,
            producer_id_valid=self.ready,
            stale_producer_id_in_flight=stale,
            sequence_unresolved=state.unresolved,
        )

    def leaving(self, batch: ProducerBatch) -> None:
        """A batch goes out; on its first attempt it gets its number."""
        state = self._state(batch.partition)
        if batch.base_sequence == NO_SEQUENCE:
            if state.epoch != self.epoch:
                state.epoch, state.next_sequence, state.last_acknowledged = self.epoch, 0, -1
            batch.producer_id, batch.producer_epoch = self.producer_id, self.epoch
            batch.base_sequence = state.next_sequence
            state.next_sequence = increment_sequence(state.next_sequence, batch.count)
        if batch not in state.in_flight:
            state.in_flight.append(batch)
            state.in_flight.sort(key=lambda flying: flying.base_sequence)

    def acknowledged(self, batch: ProducerBatch) -> None:
        """The broker has the batch."""
        state = self._state(batch.partition)
        if batch in state.in_flight:
            state.in_flight.remove(batch)
        if batch.producer_epoch == state.epoch:
            state.last_acknowledged = max(
                state.last_acknowledged, increment_sequence(batch.base_sequence, batch.count - 1)
            )
        self._resolve(state)

    def given_up(self, batch: ProducerBatch) -> None:
        """Nobody knows whether the broker has the batch; later ones wait until those in flight are answered."""
        state = self._state(batch.partition)
        if batch in state.in_flight:
            state.in_flight.remove(batch)
        if batch.base_sequence != NO_SEQUENCE:
            state.unresolved = True
            self._resolve(state)

    def refused_as_gap(self, batch: ProducerBatch, error: ErrorCode) -> None:
        """OUT_OF_ORDER_SEQUENCE_NUMBER or UNKNOWN_PRODUCER_ID: perhaps records are missing on the broker."""
        state = self._state(batch.partition)
        follows = increment_sequence(state.last_acknowledged, 1) if state.last_acknowledged >= 0 else 0
        bumps = gap_bumps_epoch(
            is_next_sequence=batch.base_sequence == follows or error is ErrorCode.UNKNOWN_PRODUCER_ID,
            sequence_unresolved=state.unresolved,
        )
        if bumps:
            self._begin_epoch(state)

    def _resolve(self, state: PartitionSequences) -> None:
        if state.unresolved and not state.in_flight:
            state.unresolved = False
            if state.next_sequence != increment_sequence(max(state.last_acknowledged, -1), 1):
                self._begin_epoch(state)

    def _begin_epoch(self, state: PartitionSequences) -> None:
        """A new epoch; what is in flight or queued for retry in this partition is numbered from 0 again."""
        self.epoch += 1
        state.epoch, state.next_sequence, state.last_acknowledged = self.epoch, 0, -1
        for batch in state.in_flight:
            batch.producer_epoch = self.epoch
            batch.base_sequence = state.next_sequence
            state.next_sequence = increment_sequence(state.next_sequence, batch.count)

    def _state(self, partition: TopicPartition) -> PartitionSequences:
        state = self._partitions.get(partition)
        if state is None:
            state = self._partitions[partition] = PartitionSequences()
        return state
