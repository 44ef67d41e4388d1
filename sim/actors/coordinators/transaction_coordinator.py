"""The transaction coordinator of one broker: it leads parts of `__transaction_state` and the ids kept there.

Source: core/src/main/scala/kafka/coordinator/transaction/TransactionCoordinator.scala
Fidelity: approximate — transaction version 2 only (KIP-890); loading takes no time
Left out: two-phase commit (KIP-939), the expiry of transactional ids.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.actors.broker.internal_topics import InternalTopicCreation
from sim.actors.broker.partition import Partition
from sim.actors.broker.socket_server import ServerRequest
from sim.actors.coordinators.transaction_marker_channel import TransactionMarkerChannel
from sim.actors.coordinators.transaction_state_manager import TransactionStateManager
from sim.machine.clock import MILLISECOND
from sim.rules.errors import CoordinatorLoadInProgressError, ErrorCode
from sim.rules.protocol.group import FindCoordinatorRequest, FindCoordinatorResponse
from sim.rules.protocol.messages import InitProducerIdRequest, InitProducerIdResponse
from sim.rules.protocol.transaction import (
    AddPartitionsToTxnRequest,
    AddPartitionsToTxnResponse,
    EndTxnRequest,
    EndTxnResponse,
)
from sim.rules.topics import TopicPartition
from sim.rules.transactions.end_transaction import end_transaction, has_timed_out, prepare_markers
from sim.rules.transactions.transaction_coordinator import (
    ProducerIdAndEpoch,
    add_partitions,
    init_producer_id,
    is_valid_timeout,
    partition_for_transactional_id,
)
from sim.rules.transactions.transaction_log import TRANSACTION_STATE_TOPIC
from sim.rules.transactions.transaction_metadata import TransactionMetadata, TransactionState

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["TransactionCoordinator"]

TRANSACTION_VERSION = 2
PREPARED = (TransactionState.PREPARE_COMMIT, TransactionState.PREPARE_ABORT)
NOBODY = ProducerIdAndEpoch(-1, -1)
Ended = Callable[[ErrorCode, ProducerIdAndEpoch], None]


class TransactionCoordinator:
    """Requests about transactional ids, handed to the partition that keeps the id."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._shards: dict[int, TransactionStateManager] = {}
        self._topics = InternalTopicCreation(broker)
        self._markers = TransactionMarkerChannel(broker)
        interval_ms = broker.config.transaction_abort_timed_out_transaction_cleanup_interval_ms
        broker.every(interval_ms * MILLISECOND, self._abort_timed_out)

    def elected(self, partition: Partition) -> None:
        """Read the transactional ids from the log, and complete what a former coordinator had decided."""
        if partition.name.topic != TRANSACTION_STATE_TOPIC:
            return
        shard = self._shards[partition.name.partition] = TransactionStateManager(self._broker, partition)
        for metadata in shard.transactions.values():
            if metadata.state in PREPARED:
                self._markers.complete(shard, metadata, metadata.prepare_complete(self._broker.now_ms))

    def resigned(self, partition: Partition) -> None:
        """Another broker coordinates these ids now."""
        if partition.name.topic == TRANSACTION_STATE_TOPIC:
            shard = self._shards.pop(partition.name.partition, None)
            if shard is not None:
                shard.active = False

    def find_coordinator(self, request: ServerRequest, body: FindCoordinatorRequest) -> None:
        """Which broker leads the id's part of `__transaction_state`, a topic that is made when it is first needed."""
        image = self._broker.image
        leader = self.leader(body.group_id)
        if TRANSACTION_STATE_TOPIC not in image.partition_counts:
            self._topics.want(TRANSACTION_STATE_TOPIC)
        error = ErrorCode.NONE if image.alive(leader) else ErrorCode.COORDINATOR_NOT_AVAILABLE
        self._broker.reply(request, FindCoordinatorResponse(error, leader))

    def leader(self, transactional_id: str) -> int:
        """The broker that coordinates a transactional id, as far as this one knows; -1 for none."""
        count = self._broker.image.partition_counts.get(TRANSACTION_STATE_TOPIC, 0)
        if not count:
            return -1
        return self._broker.image.leader(
            TopicPartition(TRANSACTION_STATE_TOPIC, partition_for_transactional_id(transactional_id, count))
        )

    def init_producer_id(self, request: ServerRequest) -> None:
        """InitProducerId: an id of its own for a producer without transactions, else the next epoch, fencing others."""
        body = request.body
        assert isinstance(body, InitProducerIdRequest)
        if body.transactional_id is None:
            self._broker.producer_ids.handle(request)
            return
        try:
            self._init(request, body.transactional_id, body.transaction_timeout_ms)
        except CoordinatorLoadInProgressError as error:
            self._broker.reply(request, InitProducerIdResponse(error.code))

    def _init(self, request: ServerRequest, transactional_id: str, timeout_ms: int) -> None:
        broker, now_ms = self._broker, self._broker.now_ms

        def answer(error: ErrorCode, producer: ProducerIdAndEpoch = NOBODY) -> None:
            broker.reply(request, InitProducerIdResponse(error, *producer))

        if not is_valid_timeout(timeout_ms, broker.config.transaction_max_timeout_ms):
            answer(ErrorCode.INVALID_TRANSACTION_TIMEOUT)
            return
        shard = self._shard(transactional_id)
        if shard is None:
            answer(ErrorCode.NOT_COORDINATOR)
            return
        metadata = shard.transactions.get(transactional_id)
        if metadata is None:
            metadata = TransactionMetadata(transactional_id, broker.producer_ids.next_id(), timeout_ms, now_ms)
            shard.transactions[transactional_id] = metadata
        move = init_producer_id(metadata, timeout_ms, now_ms, broker.producer_ids.next_id)
        if isinstance(move, ErrorCode):
            answer(move)
            return
        producer = ProducerIdAndEpoch(move.producer_id, move.producer_epoch)
        if move.state is TransactionState.PREPARE_EPOCH_FENCE:

            def aborted(error: ErrorCode, _: ProducerIdAndEpoch) -> None:
                answer(ErrorCode.CONCURRENT_TRANSACTIONS if error is ErrorCode.NONE else error)

            self._end(transactional_id, producer, False, aborted, from_client=False)
        else:
            shard.write(metadata, move, lambda error: answer(error, producer if error is ErrorCode.NONE else NOBODY))

    def add_partitions(self, request: ServerRequest) -> None:
        """AddPartitionsToTxn, from a leader to which a producer writes."""
        body = request.body
        assert isinstance(body, AddPartitionsToTxnRequest)

        def answer(error: ErrorCode) -> None:
            self._broker.reply(request, AddPartitionsToTxnResponse(error))

        shard = self._shard(body.transactional_id)
        if shard is None:
            answer(ErrorCode.NOT_COORDINATOR)
            return
        metadata = shard.transactions.get(body.transactional_id)
        producer = ProducerIdAndEpoch(body.producer_id, body.producer_epoch)
        move = add_partitions(metadata, producer, body.partitions, self._broker.now_ms, TRANSACTION_VERSION)
        if isinstance(move, ErrorCode) or metadata is None:
            answer(move if isinstance(move, ErrorCode) else ErrorCode.INVALID_PRODUCER_ID_MAPPING)
        else:
            shard.write(metadata, move, answer)

    def end(self, request: ServerRequest) -> None:
        """EndTxn: answered when the decision is written; the markers follow."""
        body = request.body
        assert isinstance(body, EndTxnRequest)

        def answer(error: ErrorCode, producer: ProducerIdAndEpoch) -> None:
            self._broker.reply(request, EndTxnResponse(error, *producer))

        producer = ProducerIdAndEpoch(body.producer_id, body.producer_epoch)
        try:
            self._end(body.transactional_id, producer, body.committed, answer)
        except CoordinatorLoadInProgressError as error:
            answer(error.code, NOBODY)

    def _end(
        self, transactional_id: str, producer: ProducerIdAndEpoch, commit: bool, then: Ended, from_client: bool = True
    ) -> None:
        """Write the decision, tell `then`, send the markers. Raises CoordinatorLoadInProgressError."""
        shard, now_ms = self._shard(transactional_id), self._broker.now_ms
        if shard is None:
            then(ErrorCode.NOT_COORDINATOR, NOBODY)
            return
        metadata = shard.transactions.get(transactional_id)
        fencing = metadata is not None and metadata.pending_state is TransactionState.PREPARE_EPOCH_FENCE
        next_id = self._broker.producer_ids.next_id
        move = end_transaction(metadata, producer, commit, now_ms, TRANSACTION_VERSION, next_id, from_client)
        if isinstance(move, ErrorCode) or metadata is None:
            refusal = move if isinstance(move, ErrorCode) else ErrorCode.INVALID_PRODUCER_ID_MAPPING
            known = metadata is not None and refusal is ErrorCode.NONE
            then(refusal, _identity(metadata) if metadata is not None and known else NOBODY)
            return

        def decided(error: ErrorCode) -> None:
            if error is not ErrorCode.NONE:
                metadata.has_failed_epoch_fence |= fencing
                then(error, NOBODY)
                return
            transit = prepare_markers(metadata, producer, commit, self._broker.now_ms, TRANSACTION_VERSION)
            if isinstance(transit, ErrorCode):
                then(transit, NOBODY)
                return
            then(ErrorCode.NONE, ProducerIdAndEpoch(transit.producer_id, transit.producer_epoch))
            self._markers.complete(shard, metadata, transit)

        shard.write(metadata, move, decided)

    def _abort_timed_out(self) -> None:
        """Fence the producers of transactions that are open for too long, and abort them.

        Source: core/src/main/scala/kafka/coordinator/transaction/TransactionCoordinator.scala abortTimedOutTransactions
        Fidelity: exact
        """
        for shard in tuple(self._shards.values()):
            for transactional_id, metadata in tuple(shard.transactions.items()):
                if has_timed_out(metadata, self._broker.now_ms):
                    fence = metadata.prepare_fence_producer_epoch()
                    producer = ProducerIdAndEpoch(fence.producer_id, fence.producer_epoch)
                    self._end(transactional_id, producer, False, lambda *_: None, from_client=False)

    def _shard(self, transactional_id: str) -> TransactionStateManager | None:
        count = self._broker.image.partition_counts.get(TRANSACTION_STATE_TOPIC, 0)
        return self._shards.get(partition_for_transactional_id(transactional_id, count)) if count else None


def _identity(metadata: TransactionMetadata) -> ProducerIdAndEpoch:
    return ProducerIdAndEpoch(metadata.current.producer_id, metadata.current.producer_epoch)
