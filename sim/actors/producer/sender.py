"""A producer's sender: drains ready batches, one request per leader, up to so many in flight, and retries.

Source: clients/src/main/java/org/apache/kafka/clients/producer/internals/Sender.java
Fidelity: approximate — it acts at the moment something changes; its own work takes the time that the client's hardware
    says, from the moment at which a request leaves
"""

from collections.abc import Callable

from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.network_client import NetworkClient
from sim.actors.producer.accumulator import Accumulator
from sim.actors.producer.producer_batch import ProducerBatch
from sim.actors.producer.sequences import Sequences
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.machine.devices import ClientHardware
from sim.rules.config import ProducerConfig
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import BatchFailed, BatchRetried, ProducerRecords, RecordsAcknowledged
from sim.rules.producer.batching import NO_SEQUENCE, can_retry
from sim.rules.protocol.messages import (
    ErrorResponse,
    InitProducerIdRequest,
    InitProducerIdResponse,
    Message,
    ProduceData,
    ProduceRequest,
    ProduceResponse,
)
from sim.rules.topics import TopicPartition

__all__ = ["Sender"]

NO_LEADER = -1
NEWER_LEADER = (ErrorCode.NOT_LEADER_OR_FOLLOWER, ErrorCode.FENCED_LEADER_EPOCH)
STALE_METADATA = (
    *NEWER_LEADER,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.LEADER_NOT_AVAILABLE,
    ErrorCode.NETWORK_EXCEPTION,
    ErrorCode.KAFKA_STORAGE_ERROR,
)
WRITTEN = ProduceData(ErrorCode.NONE)


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
        hardware: ClientHardware,
    ) -> None:
        self._owner = owner
        self._client_id = client_id
        self._config = config
        self._network = network
        self._metadata = metadata
        self._accumulator = accumulator
        self._sequences = sequences
        self._hardware = hardware
        self._busy_until = 0
        self._acks = {"all": -1, "1": 1, "0": 0}[config.acks]
        self._lingers = Deadlines(owner, config.linger_ms * MILLISECOND + hardware.timer_slack)
        self._deliveries = Deadlines(owner, config.delivery_timeout_ms * MILLISECOND)
        self._connecting: dict[int, None] = {}
        self._waking = False
        self.on_failure: Callable[[ErrorCode], None] | None = None
        metadata.listen(self.wake)
        if sequences is not None and not sequences.transactional:
            self._ask_for_id()

    def appended(self, batch: ProducerBatch, is_new: bool) -> None:
        """A record joined a batch: send what is full now, the rest when linger.ms is over."""
        if is_new:
            batch.deadline = self._deliveries.book(self._expire, batch)
            if self._config.linger_ms:
                batch.linger = self._lingers.book(self._linger_over, batch)
        if is_new or batch.full:
            leader = self._metadata.leader(batch.partition)
            if leader == NO_LEADER or self._accumulator.is_partition_ready(batch.partition):
                self._serve(leader)

    def filled(self, partition: TopicPartition) -> None:
        """The newest batch of a partition takes no more, and the next record has gone elsewhere: send it now."""
        leader = self._metadata.leader(partition)
        if leader == NO_LEADER or self._accumulator.is_partition_ready(partition):
            self._serve(leader)

    def wake(self) -> None:
        """Something changed (metadata, memory, flush): look at every leader, once, at this moment."""
        if not self._waking:
            self._waking = True
            self._owner.after(0, self._serve_all)

    def abort(self) -> None:
        """The producer is closed forcefully: every batch fails, waiting or in flight."""
        self.give_up(ErrorCode.UNKNOWN_SERVER_ERROR, drained=True)

    def give_up(self, error: ErrorCode, *, drained: bool) -> None:
        """Let every batch fail, or only those that have never been `drained` for a request."""
        for batch in list(self._accumulator.incomplete):
            if drained or batch.base_sequence == NO_SEQUENCE:
                if not batch.in_flight:
                    self._accumulator.remove(batch)
                self._fail(batch, error)

    def _linger_over(self, batch: ProducerBatch) -> None:
        self._serve(self._metadata.leader(batch.partition))

    def _serve_all(self) -> None:
        self._waking = False
        if self._busy_until <= self._owner.now:
            for leader in self._accumulator.ready_leaders():
                self._send_all(leader)

    def _serve(self, leader: int) -> None:
        """Look at one leader, unless the thread is still busy with a request: then it will look at all of them."""
        if self._busy_until <= self._owner.now:
            self._send_all(leader)

    def _send_all(self, leader: int) -> None:
        """Send as many requests to a leader as are worth while and allowed; one at a time if they are work."""
        if self._sequences is not None:
            self._sequences.settle()
        choice = self._accumulator.choice
        choice.look()
        if leader == NO_LEADER:
            self._metadata.request_update()
            return
        while self._accumulator.is_ready(leader):
            can_send = self._network.can_send(leader)
            choice.node_ready(leader, self._owner.now_ms, can_send)
            if not can_send:
                if not self._network.connected(leader):
                    self._connect(leader)
                return
            batches = self._accumulator.drain(leader)
            if not batches:
                return
            self._send(leader, batches)
            if self._works(batches):
                return

    def _works(self, batches: list[ProducerBatch]) -> bool:
        """Whether the thread is busy with a request for a while; it looks at everything when it is through."""
        if self._hardware.sends_for_free:
            return False
        owner, begin = self._owner, max(self._busy_until, self._owner.now)
        work = self._hardware.request_work(len(batches), sum(batch.size_bytes for batch in batches))
        cores = owner.host.cores
        self._busy_until = begin + work if cores is None else cores.work(begin, work)
        owner.at(self._busy_until, self._serve_all)
        return True

    def _connect(self, leader: int) -> None:
        if leader in self._connecting:
            return
        self._connecting[leader] = None

        def connected(_: bool) -> None:
            del self._connecting[leader]
            self.wake()

        self._network.connect(leader, connected)

    def _send(self, leader: int, batches: list[ProducerBatch]) -> None:
        if self._owner.machine.facts.wanted(ProducerRecords):
            for batch in batches:
                if batch.attempts == 0 and not batch.is_part:
                    columns = batch.closed()
                    self._owner.announce(ProducerRecords(self._client_id, batch.partition, columns))
        wired = [(batch.partition, batch.wire()) for batch in batches]
        request = ProduceRequest(self._acks, self._config.request_timeout_ms, wired, self._config.transactional_id)
        if self._acks == 0:
            self._network.send_and_forget(leader, request)
            for batch in batches:
                self._settle(leader, batch, WRITTEN)
        else:
            self._network.send(leader, request, lambda response: self._answered(leader, batches, response))

    def _answered(self, leader: int, batches: list[ProducerBatch], response: Message) -> None:
        if isinstance(response, ProduceResponse):
            for batch in batches:
                self._settle(leader, batch, response.partitions[batch.partition])
        else:
            error = response.error if isinstance(response, ErrorResponse) else ErrorCode.NETWORK_EXCEPTION
            for batch in batches:
                self._settle(leader, batch, ProduceData(error))
        leaders = {leader: None} | {self._metadata.leader(batch.partition): None for batch in batches}
        for waiting in leaders:
            if waiting != NO_LEADER:
                self._serve(waiting)

    def _settle(self, leader: int, batch: ProducerBatch, data: ProduceData) -> None:
        """One batch of a request is answered; one given up meanwhile only gives its memory back."""
        self._accumulator.muted.pop(batch.partition, None)
        batch.in_flight = False
        error = data.error
        if error is ErrorCode.NONE:
            self._acknowledge(leader, batch, data.base_offset)
        elif error is ErrorCode.MESSAGE_TOO_LARGE and batch.count > 1 and not batch.done:
            self._split(batch)
        elif self._may_retry(batch, error):
            self._retry(batch, error)
        elif batch.done:
            self._accumulator.release(batch)
        else:
            if self._sequences is not None:
                self._sequences.refused(batch, error, retries_left=batch.attempts < self._config.retries)
            self._fail(batch, error)
            if self.on_failure is not None:
                self.on_failure(error)
        if error in STALE_METADATA:
            if error in NEWER_LEADER:
                self._metadata.hint(batch.partition, data.leader_id, data.leader_epoch)
            self._metadata.request_update()

    def _acknowledge(self, leader: int, batch: ProducerBatch, base_offset: int) -> None:
        if self._sequences is not None:
            self._sequences.acknowledged(batch)
        self._accumulator.release(batch)
        if not batch.done:
            columns = batch.closed()
            self._owner.announce(RecordsAcknowledged(self._client_id, batch.partition, columns, base_offset, leader))
            self._finish(batch, base_offset, None)

    def _may_retry(self, batch: ProducerBatch, error: ErrorCode) -> bool:
        if batch.done or not can_retry(
            batch.attempts,
            self._config.retries,
            batch.created // MILLISECOND,
            self._owner.now_ms,
            self._config.delivery_timeout_ms,
            True,
        ):
            return False
        return error.retriable if self._sequences is None else self._sequences.may_retry(batch, error)

    def _retry(self, batch: ProducerBatch, error: ErrorCode) -> None:
        self._accumulator.reenqueue(batch)
        retried = BatchRetried(self._client_id, batch.partition, error, batch.attempts, batch.count, batch.columns)
        self._owner.announce(retried)
        self._owner.after(batch.retry_backoff_ms * MILLISECOND, self.wake)

    def _split(self, batch: ProducerBatch) -> None:
        """The batch is larger than the topic's max.message.bytes: smaller ones are sent instead."""
        self._owner.announce(
            BatchRetried(self._client_id, batch.partition, ErrorCode.MESSAGE_TOO_LARGE, batch.attempts, batch.count)
        )
        expires_at = batch.created + self._config.delivery_timeout_ms * MILLISECOND
        for part in self._accumulator.split_and_reenqueue(batch):
            self._owner.at(expires_at, self._expire, part)

    def _expire(self, batch: ProducerBatch) -> None:
        """delivery.timeout.ms is over: the batch fails, waiting or in flight; in flight it keeps its memory."""
        if batch.done:
            return
        if not batch.in_flight:
            self._accumulator.remove(batch)
        if self._sequences is not None:
            self._sequences.expired(batch)
        self._fail(batch, ErrorCode.REQUEST_TIMED_OUT)
        if self.on_failure is not None:
            self.on_failure(ErrorCode.REQUEST_TIMED_OUT)
        self.wake()

    def _fail(self, batch: ProducerBatch, error: ErrorCode) -> None:
        columns = batch.closed()
        self._owner.announce(BatchFailed(self._client_id, batch.partition, error, columns))
        if not batch.in_flight:
            self._accumulator.release(batch)
        self._finish(batch, -1, error)

    def _finish(self, batch: ProducerBatch, base_offset: int, error: ErrorCode | None) -> None:
        batch.finish(base_offset, error)
        self._accumulator.incomplete.pop(batch, None)

    def _ask_for_id(self) -> None:
        node = self._metadata.any_broker()
        if node is None:
            self._owner.after(self._config.retry_backoff_ms * MILLISECOND, self._ask_for_id)
        else:
            self._network.request(node, InitProducerIdRequest(), self._got_id)

    def _got_id(self, response: Message) -> None:
        if isinstance(response, InitProducerIdResponse) and response.error is ErrorCode.NONE:
            if self._sequences is not None:
                self._sequences.producer_id = response.producer_id
            self.wake()
        else:
            self._owner.after(self._config.retry_backoff_ms * MILLISECOND, self._ask_for_id)
