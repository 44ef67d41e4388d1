"""A broker's answer to produce requests: append, then wait for the high watermark if acks=all.

Source: core/src/main/scala/kafka/server/ReplicaManager.scala appendRecords; DelayedProduce.scala
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.actors.partition import Partition
from sim.actors.socket_server import ServerRequest
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.batch import RecordBatch
from sim.rules.errors import ErrorCode, KafkaError
from sim.rules.high_watermark import acks_all_outcome
from sim.rules.protocol import ProduceData, ProduceRequest, ProduceResponse
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker import Broker

__all__ = ["DelayedProduce", "ProduceHandler"]


class DelayedProduce:
    """Appends that wait in purgatory until each partition has an outcome, or the time is up."""

    __slots__ = ("_finish", "_open", "outcomes")

    def __init__(
        self, outcomes: dict[TopicPartition, ProduceData], open_count: int, finish: Callable[["DelayedProduce"], None]
    ) -> None:
        self.outcomes = outcomes
        self._open = open_count
        self._finish = finish

    def settle(self, name: TopicPartition, error: ErrorCode) -> None:
        """One partition's wait is over."""
        if self._open > 0:
            if error is not ErrorCode.NONE:
                self.outcomes[name] = ProduceData(error)
            self._open -= 1
            if self._open == 0:
                self._finish(self)

    def expire(self, waiting: list[TopicPartition]) -> None:
        """The request's own time-out: whoever still waits gets REQUEST_TIMED_OUT; the data stays in the log."""
        if self._open > 0:
            for name in waiting:
                self.outcomes[name] = ProduceData(ErrorCode.REQUEST_TIMED_OUT)
            self._open = 0
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
        finish = broker.cpu.work(broker.now, broker.hardware.cost(len(body.batches), request.size_bytes))
        broker.at(finish, self._append_all, request, body)

    def _append_all(self, request: ServerRequest, body: ProduceRequest) -> None:
        broker = self._broker
        durable = broker.disk.write(broker.now, request.size_bytes)

        def finish(outcomes: dict[TopicPartition, ProduceData]) -> None:
            if body.acks == 0:
                if any(data.error is not ErrorCode.NONE for data in outcomes.values()):
                    request.connection.drop()
                request.done()
            else:
                request.reply(ProduceResponse(outcomes), durable)

        self.append(body.batches, body.acks, body.timeout_ms, finish)

    def append(
        self,
        batches: list[tuple[TopicPartition, RecordBatch]],
        acks: int,
        timeout_ms: int,
        finish: Callable[[dict[TopicPartition, ProduceData]], None],
    ) -> None:
        """Append as leader and call `finish` with each partition's outcome, at once or when acks=all is met."""
        outcomes: dict[TopicPartition, ProduceData] = {}
        waiting: list[tuple[Partition, int]] = []
        for name, batch in batches:
            outcomes[name] = self._append(name, batch, acks, waiting)
        if not waiting:
            finish(outcomes)
            return
        timeouts = self._timeouts.get(timeout_ms)
        if timeouts is None:
            timeouts = self._timeouts[timeout_ms] = Deadlines(self._broker, timeout_ms * MILLISECOND)

        def finished(delayed: DelayedProduce) -> None:
            deadline.cancel()
            finish(delayed.outcomes)

        delayed = DelayedProduce(outcomes, len(waiting), finished)
        deadline = timeouts.book(delayed.expire, [partition.name for partition, _ in waiting])
        for partition, required_offset in waiting:
            self._await(partition, required_offset, delayed)

    def _append(
        self, name: TopicPartition, batch: RecordBatch, acks: int, waiting: list[tuple[Partition, int]]
    ) -> ProduceData:
        partition = self._broker.replicas.partitions.get(name)
        if partition is None:
            return ProduceData(ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        try:
            result = partition.append(batch, acks, self._broker.now_ms)
        except KafkaError as error:
            return ProduceData(error.code)
        if isinstance(result, ErrorCode):
            known = partition.registration
            return ProduceData(result, leader_id=known.leader, leader_epoch=known.leader_epoch)
        if acks == -1:
            waiting.append((partition, result.batch.next_offset))
        return ProduceData(ErrorCode.NONE, result.batch.base_offset)

    def _await(self, partition: Partition, required_offset: int, delayed: DelayedProduce) -> None:
        def reached() -> None:
            outcome = acks_all_outcome(
                partition.high_watermark.value,
                required_offset,
                len(partition.maximal_isr),
                partition.config.min_insync_replicas,
                len(partition.registration.replicas),
            )
            lost = ErrorCode.NOT_LEADER_OR_FOLLOWER
            delayed.settle(partition.name, outcome if partition.is_leader and outcome is not None else lost)

        partition.high_watermark.when(required_offset, reached)
