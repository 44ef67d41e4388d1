"""A coordinator's way to the leaders of the partitions of a decided transaction: markers, until each is written.

Source: core/src/main/scala/kafka/coordinator/transaction/TransactionMarkerChannelManager.scala,
    TransactionMarkerRequestCompletionHandler.scala
Fidelity: approximate — a marker that a leader does not take is sent again after 50 ms, in Kafka when the sender thread
    comes round
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sim.actors.client.network_client import NetworkClient
from sim.actors.coordinators.transaction_state_manager import TransactionStateManager
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import Message
from sim.rules.protocol.transaction import TxnMarkerEntry, WriteTxnMarkersRequest, WriteTxnMarkersResponse
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transaction_metadata import TransactionMetadata, TransactionState, TransitMetadata

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["TransactionMarkerChannel"]

RETRY = 50 * MILLISECOND
FENCED = (ErrorCode.INVALID_PRODUCER_EPOCH, ErrorCode.TRANSACTION_COORDINATOR_FENCED)


@dataclass(slots=True)
class Completion:
    """A decided transaction whose markers are on their way, and the move to write when they have arrived."""

    shard: TransactionStateManager
    metadata: TransactionMetadata
    producer_id: int
    transit: TransitMetadata
    commit: bool


Queued = tuple[Completion, TxnMarkerEntry]


class TransactionMarkerChannel:
    """Markers by destination; one request at a time to each broker, with everything that has come up meanwhile."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._network = NetworkClient(broker, broker.directory, broker.config.request_timeout_ms, 50, 50)
        self._queues: dict[int, list[Queued]] = {}
        self._in_flight: dict[int, None] = {}

    def complete(self, shard: TransactionStateManager, metadata: TransactionMetadata, transit: TransitMetadata) -> None:
        """Send the markers of a prepared transaction, then write its completion."""
        commit = metadata.state is TransactionState.PREPARE_COMMIT
        completion = Completion(shard, metadata, metadata.current.producer_id, transit, commit)
        self._send(completion, metadata.current.partitions)
        self._finish_if_done(completion)

    def _send(self, completion: Completion, partitions: tuple[TopicPartition, ...]) -> None:
        """Queue markers for the leaders known now; those of partitions without a leader wait, deleted ones are done."""
        if not completion.shard.active:
            return
        image, metadata = self._broker.image, completion.metadata
        by_leader: dict[int, list[TopicPartition]] = {}
        leaderless: list[TopicPartition] = []
        for name in partitions:
            if name not in image.partitions:
                metadata.remove_partition(name)
            elif image.leader(name) < 0:
                leaderless.append(name)
            else:
                by_leader.setdefault(image.leader(name), []).append(name)
        if leaderless:
            self._broker.after(RETRY, self._send_again, completion, tuple(leaderless))
        current, epoch = metadata.current, completion.shard.epoch
        for leader, names in by_leader.items():
            entry = TxnMarkerEntry(current.producer_id, current.producer_epoch, epoch, completion.commit, names)
            self._queues.setdefault(leader, []).append((completion, entry))
            self._drain(leader)

    def _drain(self, leader: int) -> None:
        queued = [item for item in self._queues.get(leader, ()) if item[0].shard.active]
        if not queued or leader in self._in_flight:
            return
        self._queues[leader] = []
        self._in_flight[leader] = None

        def answered(response: Message) -> None:
            self._in_flight.pop(leader, None)
            errors = response.errors if isinstance(response, WriteTxnMarkersResponse) else {}
            for completion, entry in queued:
                self._answered(completion, entry, errors.get(entry.producer_id, {}))
            self._drain(leader)

        self._network.request(leader, WriteTxnMarkersRequest([entry for _, entry in queued]), answered)

    def _answered(self, completion: Completion, entry: TxnMarkerEntry, errors: dict[TopicPartition, ErrorCode]) -> None:
        """Cross out what is written; the rest is sent again, unless somebody else coordinates by now.

        Source: core/src/main/scala/kafka/coordinator/transaction/TransactionMarkerRequestCompletionHandler.scala
        Fidelity: approximate — errors that Kafka takes for impossible are tried again
        """
        if not completion.shard.active:
            return
        left = []
        for name in entry.partitions:
            error = errors.get(name, ErrorCode.NETWORK_EXCEPTION)
            if error in FENCED:
                return
            if error is ErrorCode.NONE:
                completion.metadata.remove_partition(name)
            else:
                left.append(name)
        if left:
            self._broker.after(RETRY, self._send_again, completion, tuple(left))
        self._finish_if_done(completion)

    def _send_again(self, completion: Completion, partitions: tuple[TopicPartition, ...]) -> None:
        self._send(completion, partitions)
        self._finish_if_done(completion)

    def _finish_if_done(self, completion: Completion) -> None:
        shard = completion.shard
        if not shard.active or completion.metadata.current.partitions:
            return

        def written(error: ErrorCode) -> None:
            if error is ErrorCode.COORDINATOR_NOT_AVAILABLE:
                self._broker.after(RETRY, self._finish_if_done, completion)

        shard.write(completion.metadata, completion.transit, written, retries=True)
