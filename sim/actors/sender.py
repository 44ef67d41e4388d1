"""A producer's sender: drains ready batches, one request per leader, up to so many in flight, and retries.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/Sender.java
Left out: splitting a batch that the broker finds too large.
"""

from collections.abc import Callable

from sim.actors.accumulator import Accumulator
from sim.actors.client_metadata import ClientMetadata
from sim.actors.network_client import NetworkClient
from sim.actors.producer_batch import ProducerBatch
from sim.actors.sequences import Sequences
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.batching import can_retry
from sim.rules.config import ProducerConfig
from sim.rules.errors import ErrorCode
from sim.rules.facts import BatchFailed, BatchRetried, RecordsAcknowledged
from sim.rules.protocol import (
    InitProducerIdRequest,
    InitProducerIdResponse,
    Message,
    ProduceData,
    ProduceRequest,
    ProduceResponse,
)

__all__ = ["Sender"]

NO_LEADER = -1
GAPS = (ErrorCode.OUT_OF_ORDER_SEQUENCE_NUMBER, ErrorCode.UNKNOWN_PRODUCER_ID)
STALE_METADATA = (
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.LEADER_NOT_AVAILABLE,
    ErrorCode.FENCED_LEADER_EPOCH,
    ErrorCode.NETWORK_EXCEPTION,
)


class Sender:
    """Moves batches from the accumulator to the brokers."""

    def __init__(
        self,
        owner: Actor,
        client_id: str,
        config: ProducerConfig,
        network: NetworkClient,
        metadata: ClientMetadata,
        accumulator: Accumulator,
        sequences: Sequences | None,
        on_done: Callable[[ProducerBatch], None],
    ) -> None:
        self._owner = owner
        self._client_id = client_id
        self._config = config
        self._network = network
        self._metadata = metadata
        self._accumulator = accumulator
        self._sequences = sequences
        self._on_done = on_done
        self._acks = {"all": -1, "1": 1, "0": 0}[config.acks]
        self._lingers = Deadlines(owner, config.linger_ms * MILLISECOND)
        self._deliveries = Deadlines(owner, config.delivery_timeout_ms * MILLISECOND)
        self._connecting: dict[int, None] = {}
        self._waking = False
        metadata.listen(self.wake)
        if sequences is not None:
            self._ask_for_id()

    def appended(self, batch: ProducerBatch, is_new: bool) -> None:
        """A record joined a batch: send what is full now, the rest when linger.ms is over."""
        if is_new:
            batch.deadline = self._deliveries.book(self._expire, batch)
            if self._config.linger_ms:
                self._lingers.book(self._linger_over, batch)
        if is_new or self._accumulator.is_full(batch):
            self._serve(self._metadata.leader(batch.partition))

    def wake(self) -> None:
        """Something changed (metadata, memory, flush): look at every leader, once, at this moment."""
        if not self._waking:
            self._waking = True
            self._owner.after(0, self._serve_all)

    def _linger_over(self, batch: ProducerBatch) -> None:
        if not batch.done:
            self._serve(self._metadata.leader(batch.partition))

    def _serve_all(self) -> None:
        self._waking = False
        for leader in self._accumulator.ready_leaders():
            self._serve(leader)

    def _serve(self, leader: int) -> None:
        """Send as many requests to a leader as are worth while and allowed."""
        if not self._accumulator.is_ready(leader):
            return
        if leader == NO_LEADER:
            self._metadata.request_update()
            return
        if not self._network.connected(leader):
            self._connect(leader)
            return
        while self._network.in_flight_count(
            leader
        ) < self._config.max_in_flight_requests_per_connection and self._accumulator.is_ready(leader):
            batches = self._accumulator.drain(leader)
            if not batches:
                break
            self._send(leader, batches)

    def _connect(self, leader: int) -> None:
        if leader in self._connecting:
            return
        self._connecting[leader] = None

        def connected(success: bool) -> None:
            del self._connecting[leader]
            if not success:
                self._metadata.request_update()
            self.wake()

        self._network.connect(leader, connected)

    def _send(self, leader: int, batches: list[ProducerBatch]) -> None:
        config = self._config
        for batch in batches:
            batch.last_leader_epoch = self._metadata.leader_epoch(batch.partition)
            if config.max_in_flight_requests_per_connection == 1:
                self._accumulator.muted[batch.partition] = None
        wired = [(batch.partition, batch.wire()) for batch in batches]
        request = ProduceRequest(self._acks, config.request_timeout_ms, wired)
        if self._acks == 0:
            self._network.send_and_forget(leader, request)
            for batch in batches:
                self._settle(leader, batch, ProduceData(ErrorCode.NONE))
        else:
            self._network.send(leader, request, lambda response: self._answered(leader, batches, response))

    def _answered(self, leader: int, batches: list[ProducerBatch], response: Message) -> None:
        for batch in batches:
            if isinstance(response, ProduceResponse):
                self._settle(leader, batch, response.partitions[batch.partition])
            else:
                self._settle(leader, batch, ProduceData(ErrorCode.NETWORK_EXCEPTION))
        self._serve(leader)

    def _settle(self, leader: int, batch: ProducerBatch, data: ProduceData) -> None:
        self._accumulator.muted.pop(batch.partition, None)
        if batch.done:
            return
        error = data.error
        if error in STALE_METADATA:
            self._metadata.hint(batch.partition, data.leader_id, data.leader_epoch)
            self._metadata.request_update()
        if error is ErrorCode.NONE:
            self._acknowledge(leader, batch, data.base_offset)
        elif self._may_retry(batch, error):
            self._retry(batch, error)
        else:
            self._give_up(batch, error)

    def _acknowledge(self, leader: int, batch: ProducerBatch, base_offset: int) -> None:
        if self._sequences is not None:
            self._sequences.acknowledged(batch)
        columns = batch.closed()
        self._owner.announce(RecordsAcknowledged(self._client_id, batch.partition, columns, base_offset, leader))
        self._finish(batch, base_offset, None)

    def _may_retry(self, batch: ProducerBatch, error: ErrorCode) -> bool:
        if self._sequences is not None and error in GAPS:
            self._sequences.refused_as_gap(batch, error)
            retriable = True
        else:
            retriable = error.retriable
        now_ms = self._owner.now_ms
        created_ms = batch.created // MILLISECOND
        config = self._config
        return can_retry(batch.attempts, config.retries, created_ms, now_ms, config.delivery_timeout_ms, retriable)

    def _retry(self, batch: ProducerBatch, error: ErrorCode) -> None:
        batch.attempts += 1
        batch.last_attempt = self._owner.now
        self._accumulator.reenqueue(batch)
        self._owner.announce(BatchRetried(self._client_id, batch.partition, error, batch.attempts, batch.count))
        self._owner.after(batch.retry_backoff_ms * MILLISECOND, self.wake)

    def _expire(self, batch: ProducerBatch) -> None:
        """delivery.timeout.ms is over: the batch fails, waiting or in flight."""
        self._accumulator.remove(batch)
        self._accumulator.seal(batch)
        self._give_up(batch, ErrorCode.REQUEST_TIMED_OUT)

    def _give_up(self, batch: ProducerBatch, error: ErrorCode) -> None:
        if self._sequences is not None:
            self._sequences.given_up(batch)
        columns = batch.closed()
        self._owner.announce(BatchFailed(self._client_id, batch.partition, error, columns))
        self._finish(batch, -1, error)

    def _finish(self, batch: ProducerBatch, base_offset: int, error: ErrorCode | None) -> None:
        self._accumulator.release(batch)
        batch.finish(base_offset, error)
        self._on_done(batch)

    def _ask_for_id(self) -> None:
        node = self._network.least_loaded(self._metadata.brokers())
        self._network.request(node, InitProducerIdRequest(), self._got_id)

    def _got_id(self, response: Message) -> None:
        if isinstance(response, InitProducerIdResponse) and response.error is ErrorCode.NONE:
            if self._sequences is not None:
                self._sequences.producer_id = response.producer_id
            self.wake()
        else:
            self._owner.after(self._config.retry_backoff_ms * MILLISECOND, self._ask_for_id)
