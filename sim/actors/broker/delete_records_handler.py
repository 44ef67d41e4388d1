"""A broker's answer to requests that delete records: raise the log start, and wait until every live replica has.

Source: core/src/main/scala/kafka/server/ReplicaManager.scala deleteRecords, DelayedDeleteRecords.java
Fidelity: exact
"""

from typing import TYPE_CHECKING

from sim.actors.broker.log_manager import retention_policy
from sim.actors.broker.partition import Partition
from sim.actors.broker.socket_server import ServerRequest
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode, KafkaError
from sim.rules.facts.storage import LogStartRaised
from sim.rules.protocol.admin import INTERNAL_TOPICS, DeletedRecords, DeleteRecordsRequest, DeleteRecordsResponse
from sim.rules.storage.retention import delete_records, low_watermark
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["DeleteRecordsHandler"]


class DelayedDelete:
    """A request that waits: the offsets that low watermarks must reach, and what is known so far."""

    __slots__ = ("pending", "request", "response")

    def __init__(self, request: ServerRequest) -> None:
        self.request = request
        self.pending: dict[TopicPartition, int] = {}
        self.response = DeleteRecordsResponse()


class DeleteRecordsHandler:
    """Deletes as the leader, and the purgatory of those that wait for followers."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._waiting: dict[DelayedDelete, None] = {}

    def handle(self, request: ServerRequest) -> None:
        """Delete on the leader, and answer when all replicas that live have followed."""
        body = request.body
        assert isinstance(body, DeleteRecordsRequest)
        delayed = DelayedDelete(request)
        for name, offset in body.offsets.items():
            meant = self._delete(name, offset)
            if isinstance(meant, ErrorCode):
                delayed.response.partitions[name] = DeletedRecords(meant)
            else:
                reached = self._low_watermark(self._broker.replicas.partitions[name])
                delayed.response.partitions[name] = DeletedRecords(ErrorCode.REQUEST_TIMED_OUT, reached)
                delayed.pending[name] = meant
        self._waiting[delayed] = None
        self.look()
        if delayed in self._waiting:
            self._broker.after(body.timeout_ms * MILLISECOND, self._answer, delayed)

    def look(self) -> None:
        """Low watermarks may have risen, or a leadership gone: answer what is complete."""
        for delayed in list(self._waiting):
            for name, offset in list(delayed.pending.items()):
                result = self._result(name, offset)
                if result is not None:
                    delayed.response.partitions[name] = result
                    del delayed.pending[name]
            if not delayed.pending:
                self._answer(delayed)

    def _delete(self, name: TopicPartition, offset: int) -> int | ErrorCode:
        """Delete in the leader's log; the offset that was meant, or why not."""
        broker = self._broker
        partition = broker.replicas.find(name)
        if name.topic in INTERNAL_TOPICS:
            return ErrorCode.INVALID_TOPIC_EXCEPTION
        if isinstance(partition, ErrorCode):
            return partition
        if not partition.is_leader:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        log, before = partition.log, partition.log.log_start_offset
        try:
            meant = delete_records(log, offset, partition.high_watermark.value, retention_policy(partition))
        except KafkaError as refused:
            return refused.code
        if log.log_start_offset > before:
            broker.announce(LogStartRaised(broker.node_id, name, log.log_start_offset))
            broker.replicas.log_start_raised(partition)
        return meant

    def _result(self, name: TopicPartition, offset: int) -> DeletedRecords | None:
        """The result of one partition, None while followers are behind."""
        partition = self._broker.replicas.find(name)
        if isinstance(partition, ErrorCode):
            return DeletedRecords(partition)
        if not partition.is_leader:
            return DeletedRecords(ErrorCode.NOT_LEADER_OR_FOLLOWER)
        reached = self._low_watermark(partition)
        return DeletedRecords(ErrorCode.NONE, reached) if reached >= offset else None

    def _low_watermark(self, partition: Partition) -> int:
        alive = self._broker.image.alive
        followers = [state.log_start_offset for state in partition.followers.values() if alive(state.broker_id)]
        return low_watermark(partition.log.log_start_offset, followers)

    def _answer(self, delayed: DelayedDelete) -> None:
        if delayed in self._waiting:
            del self._waiting[delayed]
            self._broker.reply(delayed.request, delayed.response)
