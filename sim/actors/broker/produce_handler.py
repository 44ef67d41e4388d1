"""A broker's answer to produce requests: append, then wait for the high watermark if acks=all.

Source: core/src/main/scala/kafka/server/ReplicaManager.scala appendRecords; DelayedProduce.scala
Fidelity: exact
"""

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.actors.broker.socket_server import ServerRequest
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.errors import ErrorCode, KafkaError
from sim.rules.facts.quota import ProduceThrottled
from sim.rules.producer.producer_state_entry import AppendOrigin, VerificationState
from sim.rules.protocol.messages import ProduceData, ProduceRequest, ProduceResponse
from sim.rules.replication.high_watermark import acks_all_outcome
from sim.rules.storage.batch import RecordBatch
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["DelayedProduce", "ProduceHandler"]

Finish = Callable[[dict[TopicPartition, ProduceData]], None]
NO_VERIFICATIONS: Mapping[TopicPartition, VerificationState] = {}


class DelayedProduce:
    """Appends that wait in purgatory until each partition has an outcome, or the time is up."""

    __slots__ = ("_finish", "_open", "outcomes")

    def __init__(
        self,
        outcomes: dict[TopicPartition, ProduceData],
        waiting: Iterable[TopicPartition],
        finish: Callable[["DelayedProduce"], None],
    ) -> None:
        self.outcomes = outcomes
        self._open = dict.fromkeys(waiting)
        self._finish = finish

    def settle(self, name: TopicPartition, failure: ProduceData | None) -> None:
        """One partition's wait is over, well unless there is a failure."""
        if name in self._open:
            del self._open[name]
            if failure is not None:
                self.outcomes[name] = failure
            if not self._open:
                self._finish(self)

    def expire(self) -> None:
        """The request's own time-out: whoever still waits gets REQUEST_TIMED_OUT; the data stays in the log."""
        if self._open:
            for name in self._open:
                self.outcomes[name] = ProduceData(ErrorCode.REQUEST_TIMED_OUT)
            self._open.clear()
            self._finish(self)


class ProduceHandler:
    """Appends of one broker, for clients and for the group coordinator's own records."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._timeouts: dict[int, Deadlines] = {}

    def handle(self, request: ServerRequest) -> None:
        """Work on a produce request as soon as a request handler has gone through it."""
        body = request.body
        assert isinstance(body, ProduceRequest)
        broker = self._broker
        cost = broker.hardware.cost(len(body.batches), request.size_bytes)
        broker.at(broker.cpu.work(broker.now, cost), self._write_all, request, body, cost)

    def _write_all(self, request: ServerRequest, body: ProduceRequest, cost: int) -> None:
        """Write, at once as a rule; a disk that lets the write wait, or flushes it, holds the request handler."""
        written = [(name, batch.size_bytes, batch.count) for name, batch in body.batches]
        storage = self._broker.log_storage
        if storage.flushes and len(written) > 1 and body.transactional_id is None:
            self._append_one_by_one(request, body, cost, storage.returns(written))
        else:
            storage.when_appended(request.size_bytes, written, lambda: self._append_all(request, body, cost))

    def _append_one_by_one(self, request: ServerRequest, body: ProduceRequest, cost: int, times: list[int]) -> None:
        """While one partition is flushed, those before it can be read already."""
        broker = self._broker
        outcomes: dict[TopicPartition, ProduceData] = {}
        waiting: list[tuple[Partition, int]] = []

        def append(name: TopicPartition, batch: RecordBatch) -> None:
            outcomes[name] = self._append(name, batch, body.acks, waiting, AppendOrigin.CLIENT, 0, None)

        for time, (name, batch) in zip(times, body.batches, strict=True):
            broker.at(time, append, name, batch)
        broker.cpu.hold(times[-1])
        broker.at(times[-1], self._appended, outcomes, waiting, body.timeout_ms, self._finisher(request, body, cost))

    def _append_all(self, request: ServerRequest, body: ProduceRequest, cost: int) -> None:
        finish = self._finisher(request, body, cost)
        if body.transactional_id is None:
            self.append(body.batches, body.acks, body.timeout_ms, finish)
        else:
            self._broker.verification.produce(body.transactional_id, body, finish)

    def _finisher(self, request: ServerRequest, body: ProduceRequest, cost: int) -> Finish:
        """What answers the request once each partition has its outcome."""
        broker = self._broker

        def finish(outcomes: dict[TopicPartition, ProduceData]) -> None:
            throttle_ms = broker.quotas.produced(request, body.acks, cost, broker.now_ms)
            if throttle_ms > 0:
                broker.announce(ProduceThrottled(broker.node_id, request.client_id, throttle_ms))
            if body.acks == 0:
                if any(data.error is not ErrorCode.NONE for data in outcomes.values()):
                    request.hang_up()
                else:
                    request.done(throttle_ms)
            else:
                request.reply(ProduceResponse(outcomes, throttle_time_ms=throttle_ms))

        return finish

    def append(
        self,
        batches: list[tuple[TopicPartition, RecordBatch]],
        acks: int,
        timeout_ms: int,
        finish: Finish,
        origin: AppendOrigin = AppendOrigin.CLIENT,
        transaction_version: int = 0,
        verifications: Mapping[TopicPartition, VerificationState] = NO_VERIFICATIONS,
    ) -> None:
        """Append as leader and call `finish` with each partition's outcome, at once or when acks=all is met."""
        outcomes: dict[TopicPartition, ProduceData] = {}
        waiting: list[tuple[Partition, int]] = []
        for name, batch in batches:
            verification = verifications.get(name)
            outcomes[name] = self._append(name, batch, acks, waiting, origin, transaction_version, verification)
        self._appended(outcomes, waiting, timeout_ms, finish)

    def _appended(
        self,
        outcomes: dict[TopicPartition, ProduceData],
        waiting: list[tuple[Partition, int]],
        timeout_ms: int,
        finish: Finish,
    ) -> None:
        if waiting:
            self._wait(outcomes, waiting, timeout_ms, finish)
        else:
            finish(outcomes)
        self._broker.fetches.complete_actions()

    def _wait(
        self,
        outcomes: dict[TopicPartition, ProduceData],
        waiting: list[tuple[Partition, int]],
        timeout_ms: int,
        finish: Finish,
    ) -> None:
        """Put appends of acks=all into purgatory."""
        timeouts = self._timeouts.get(timeout_ms)
        if timeouts is None:
            timeouts = self._timeouts[timeout_ms] = Deadlines(self._broker, timeout_ms * MILLISECOND)

        def finished(delayed: DelayedProduce) -> None:
            deadline.cancel()
            finish(delayed.outcomes)

        delayed = DelayedProduce(outcomes, [partition.name for partition, _ in waiting], finished)
        deadline = timeouts.book(delayed.expire)
        for partition, required_offset in waiting:
            self._await(partition, required_offset, delayed)

    def _append(
        self,
        name: TopicPartition,
        batch: RecordBatch,
        acks: int,
        waiting: list[tuple[Partition, int]],
        origin: AppendOrigin,
        transaction_version: int,
        verification: VerificationState | None,
    ) -> ProduceData:
        partition = self._broker.replicas.writable(name)
        if isinstance(partition, ErrorCode):
            return self._failure(name, partition)
        try:
            result = partition.append(batch, acks, self._broker.now_ms, origin, transaction_version, verification)
        except KafkaError as error:
            return ProduceData(error.code)
        if isinstance(result, ErrorCode):
            return self._failure(name, result)
        if self._broker.wakes_readers_at_append:
            self._broker.fetches.look_at(partition.consumers)
        if self._broker.wakes_fetches_early:
            self._broker.fetches.complete_actions()
        if acks == -1:
            waiting.append((partition, result.batch.next_offset))
        return ProduceData(ErrorCode.NONE, result.batch.base_offset)

    def _failure(self, name: TopicPartition, error: ErrorCode) -> ProduceData:
        """An error; who leads now is told with NOT_LEADER_OR_FOLLOWER (KIP-951)."""
        known = self._broker.image.partitions.get(name)
        if error is not ErrorCode.NOT_LEADER_OR_FOLLOWER or known is None:
            return ProduceData(error)
        return ProduceData(error, leader_id=known.leader, leader_epoch=known.leader_epoch)

    def _await(self, partition: Partition, required_offset: int, delayed: DelayedProduce) -> None:
        partition.high_watermark.when(
            required_offset, lambda: delayed.settle(partition.name, self._outcome(partition, required_offset))
        )

    def _outcome(self, partition: Partition, required_offset: int) -> ProduceData | None:
        """What is wrong at the end of a wait: the leader is gone, or too few replicas are left; None if all is well."""
        if not partition.is_leader:
            return self._failure(partition.name, ErrorCode.NOT_LEADER_OR_FOLLOWER)
        outcome = acks_all_outcome(
            partition.high_watermark.value,
            required_offset,
            len(partition.maximal_isr),
            partition.config.min_insync_replicas,
            len(partition.registration.replicas),
        )
        return None if outcome in (None, ErrorCode.NONE) else ProduceData(ErrorCode.NOT_ENOUGH_REPLICAS_AFTER_APPEND)
