"""One partition of `__transaction_state` in the hands of its leader: transactional ids and the writes about them.

Source: core/src/main/scala/kafka/coordinator/transaction/TransactionStateManager.scala
Fidelity: approximate — loading takes no time
Left out: the expiry of transactional ids.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.rules.errors import ErrorCode
from sim.rules.producer.producer_state_entry import AppendOrigin
from sim.rules.protocol.messages import ProduceData
from sim.rules.storage.batch import RecordBatch, RecordColumns
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transaction_log import decode_transaction, encode_transaction, transaction_log_error
from sim.rules.transactions.transaction_metadata import TransactionMetadata, TransitMetadata

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["TransactionStateManager"]

ACKS_ALL = -1


class TransactionStateManager:
    """The transactional ids of one partition, in one leader epoch; `active` until another broker leads."""

    def __init__(self, broker: "Broker", partition: Partition) -> None:
        self._broker = broker
        self.name = partition.name
        self.epoch = partition.registration.leader_epoch
        self.active = True
        self.transactions: dict[str, TransactionMetadata] = {}
        for batch in partition.log.batches():
            for record in batch.records():
                if record.key is not None and record.value is not None:
                    metadata = decode_transaction(record.key, record.value)
                    self.transactions[metadata.transactional_id] = metadata

    def write(
        self,
        metadata: TransactionMetadata,
        transit: TransitMetadata,
        then: Callable[[ErrorCode], None],
        retries: bool = False,
    ) -> None:
        """Write a move with acks=all, complete it, and call `then`; a failed one is given up unless it `retries`."""
        if not self.active:
            then(ErrorCode.NOT_COORDINATOR)
            return
        broker = self._broker
        key, value = encode_transaction(metadata.transactional_id, transit)
        batch = RecordBatch(RecordColumns.of([broker.now_ms], [key], [value]))

        def written(outcomes: dict[TopicPartition, ProduceData]) -> None:
            error = transaction_log_error(outcomes[self.name].error)
            if not self.active:
                then(ErrorCode.NOT_COORDINATOR)
                return
            if error is ErrorCode.NONE:
                metadata.complete_transition(transit)
            elif not (retries and error is ErrorCode.COORDINATOR_NOT_AVAILABLE):
                metadata.pending_state = None
            then(error)

        broker.produces.append([(self.name, batch)], ACKS_ALL, transit.timeout_ms, written, AppendOrigin.COORDINATOR)
