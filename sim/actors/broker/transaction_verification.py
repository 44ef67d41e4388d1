"""A leader asks the coordinator before it takes the first batch of a transaction: the partition is added, or refused.

Source: core/src/main/scala/kafka/server/ReplicaManager.scala handleProduceAppend,
    server/src/main/java/org/apache/kafka/server/transaction/AddPartitionsToTxnManager.java
Fidelity: approximate — questions to one coordinator are not put together
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.actors.client.coordinator_client import error_of
from sim.actors.client.network_client import NetworkClient
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode, InvalidProducerEpochError
from sim.rules.producer.producer_state_entry import VerificationState
from sim.rules.protocol.messages import Message, ProduceData, ProduceRequest
from sim.rules.protocol.transaction import AddPartitionsToTxnRequest
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transaction_coordinator import ProducerIdAndEpoch, produce_error

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["TransactionVerification"]

TRANSACTION_VERSION = 2
RETRY_BACKOFF = 20 * MILLISECOND
"""add.partitions.to.txn.retry.backoff.ms"""
RETRY_BACKOFF_MAX = 100 * MILLISECOND
"""add.partitions.to.txn.retry.backoff.max.ms"""

Outcomes = dict[TopicPartition, ProduceData]


class TransactionVerification:
    """The verifications of one broker, and its way to the transaction coordinators."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._network = NetworkClient(broker, broker.directory, broker.config.request_timeout_ms, 50, 50)

    def produce(self, transactional_id: str, body: ProduceRequest, finish: Callable[[Outcomes], None]) -> None:
        """Add the partitions whose transaction is new here, then append what was not refused."""
        outcomes: Outcomes = {}
        states: dict[TopicPartition, VerificationState] = {}
        for name, batch in body.batches:
            partition = self._broker.replicas.find(name)
            if isinstance(partition, ErrorCode) or not partition.is_leader or not batch.is_transactional:
                continue
            try:
                state = self.begin(name, batch.producer_id, batch.producer_epoch, batch.base_sequence)
            except InvalidProducerEpochError as error:
                outcomes[name] = ProduceData(error.code)
                continue
            if state is not None:
                states[name] = state

        def verified(error: ErrorCode) -> None:
            if error is not ErrorCode.NONE:
                refusal = produce_error(error, TRANSACTION_VERSION)
                outcomes.update((name, ProduceData(refusal)) for name in states)
            accepted = [item for item in body.batches if item[0] not in outcomes]
            self._broker.produces.append(
                accepted,
                body.acks,
                body.timeout_ms,
                lambda appended: finish({**outcomes, **appended}),
                verifications=states,
            )

        if states:
            batch = next(batch for name, batch in body.batches if name in states)
            producer = ProducerIdAndEpoch(batch.producer_id, batch.producer_epoch)
            self.add(transactional_id, producer, list(states), verified)
        else:
            verified(ErrorCode.NONE)

    def begin(
        self, name: TopicPartition, producer_id: int, producer_epoch: int, sequence: int
    ) -> VerificationState | None:
        """Mark a partition as being verified, unless its transaction is known. Raises InvalidProducerEpochError."""
        producers = self._broker.replicas.partitions[name].log.producers
        return producers.start_verification(producer_id, producer_epoch, sequence, True, self._broker.now_ms)

    def add(
        self,
        transactional_id: str,
        producer: ProducerIdAndEpoch,
        partitions: Sequence[TopicPartition],
        then: Callable[[ErrorCode], None],
    ) -> None:
        """Ask the coordinator, again for a while if the transaction before is just being completed."""
        began = self._broker.now

        def ask() -> None:
            leader = self._broker.transactions.leader(transactional_id)
            if leader < 0:
                then(ErrorCode.COORDINATOR_NOT_AVAILABLE)
                return
            self._network.request(leader, AddPartitionsToTxnRequest(transactional_id, *producer, partitions), answered)

        def answered(response: Message) -> None:
            error = error_of(response)
            if error is ErrorCode.CONCURRENT_TRANSACTIONS and self._broker.now - began < RETRY_BACKOFF_MAX:
                self._broker.after(RETRY_BACKOFF, ask)
            else:
                then(ErrorCode.NETWORK_EXCEPTION if error is ErrorCode.REQUEST_TIMED_OUT else error)

        ask()
