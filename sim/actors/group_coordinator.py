"""The group coordinator of one broker: it leads parts of `__consumer_offsets` and the groups kept there.

Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorService.java
Fidelity: approximate — loading takes no time and offsets never expire
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.actors.classic_groups import ClassicGroups
from sim.actors.partition import Partition
from sim.actors.socket_server import ServerRequest
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadline, Deadlines
from sim.rules.batch import RecordBatch, RecordColumns
from sim.rules.coordinator import (
    OFFSETS_TOPIC,
    GroupRecord,
    OffsetRecord,
    decode_record,
    encode_group,
    encode_offset,
    partition_for_group,
)
from sim.rules.errors import ErrorCode, KafkaError
from sim.rules.group_protocol import (
    FindCoordinatorRequest,
    FindCoordinatorResponse,
    HeartbeatRequest,
    JoinGroupRequest,
    LeaveGroupRequest,
    OffsetCommitRequest,
    OffsetCommitResponse,
    OffsetFetchRequest,
    OffsetFetchResponse,
    SyncGroupRequest,
)
from sim.rules.protocol import ErrorResponse
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker import Broker

__all__ = ["GroupCoordinator"]


class Shard:
    """One partition of `__consumer_offsets` that this broker leads: its groups and their offsets."""

    __slots__ = ("groups", "name", "offsets")

    def __init__(self, name: TopicPartition, groups: ClassicGroups) -> None:
        self.name = name
        self.groups = groups
        self.offsets: dict[str, dict[TopicPartition, int]] = {}


class CoordinatorWrite:
    """A write that waits to be committed; it has one outcome."""

    __slots__ = ("_then", "deadline")

    def __init__(self, then: Callable[[ErrorCode], None]) -> None:
        self._then: Callable[[ErrorCode], None] | None = then
        self.deadline: Deadline | None = None

    def finish(self, error: ErrorCode) -> None:
        """Tell who waits, once."""
        then, self._then = self._then, None
        if self.deadline is not None:
            self.deadline.cancel()
        if then is not None:
            then(error)


class GroupCoordinator:
    """Requests about groups, handed to the shard that owns the group."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._shards: dict[int, Shard] = {}
        self._timeouts = Deadlines(broker, broker.config.offsets_commit_timeout_ms * MILLISECOND)

    def elected(self, partition: Partition) -> None:
        """Load groups and offsets from the log, without taking simulated time."""
        if partition.name.topic != OFFSETS_TOPIC:
            return
        number = partition.name.partition
        shard = Shard(
            partition.name, ClassicGroups(self._broker, lambda record, then: self._write_group(shard, record, then))
        )
        self._shards[number] = shard
        for batch in partition.log.batches():
            for record in batch.records():
                if record.key is not None and record.value is not None:
                    self._replay(shard, decode_record(record.key, record.value))
        shard.groups.loaded()

    def resigned(self, partition: Partition) -> None:
        """Another broker coordinates these groups now; whoever waits here is told."""
        if partition.name.topic == OFFSETS_TOPIC:
            shard = self._shards.pop(partition.name.partition, None)
            if shard is not None:
                shard.groups.unload()

    def find_coordinator(self, request: ServerRequest) -> None:
        """Which broker leads the group's part of `__consumer_offsets`."""
        body = request.body
        assert isinstance(body, FindCoordinatorRequest)
        image = self._broker.image
        count = image.partition_counts.get(OFFSETS_TOPIC, 0)
        leader = image.leader(self._partition(body.group_id)) if count else -1
        error = ErrorCode.NONE if image.alive(leader) else ErrorCode.COORDINATOR_NOT_AVAILABLE
        self._broker.reply(request, FindCoordinatorResponse(error, leader))

    def join(self, request: ServerRequest) -> None:
        """JoinGroup."""
        body = request.body
        assert isinstance(body, JoinGroupRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is not None:
            shard.groups.join(request, body)

    def sync(self, request: ServerRequest) -> None:
        """SyncGroup."""
        body = request.body
        assert isinstance(body, SyncGroupRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is not None:
            shard.groups.sync(request, body)

    def heartbeat(self, request: ServerRequest) -> None:
        """Heartbeat."""
        body = request.body
        assert isinstance(body, HeartbeatRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is not None:
            shard.groups.heartbeat(request, body)

    def leave(self, request: ServerRequest) -> None:
        """LeaveGroup."""
        body = request.body
        assert isinstance(body, LeaveGroupRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is not None:
            shard.groups.leave(request, body)

    def commit(self, request: ServerRequest) -> None:
        """OffsetCommit: checked against the group, written, and answered when the write is committed."""
        body = request.body
        assert isinstance(body, OffsetCommitRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is None:
            return
        refusal = shard.groups.validate_commit(body)
        if refusal is not None:
            self._broker.reply(request, OffsetCommitResponse(refusal))
            return
        records = [OffsetRecord(body.group_id, name, offset) for name, offset in body.offsets.items()]

        def committed() -> None:
            for record in records:
                self._replay(shard, record)

        def answer(error: ErrorCode) -> None:
            self._broker.reply(request, OffsetCommitResponse(error))

        self._write(shard, [encode_offset(record) for record in records], answer, committed)

    def fetch_offsets(self, request: ServerRequest) -> None:
        """OffsetFetch."""
        body = request.body
        assert isinstance(body, OffsetFetchRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is not None:
            known = shard.offsets.get(body.group_id, {})
            found = {name: known[name] for name in body.partitions if name in known}
            self._broker.reply(request, OffsetFetchResponse(ErrorCode.NONE, found))

    def committed_offsets(self, group_id: str) -> dict[TopicPartition, int] | None:
        """What observers read: a group's offsets if this broker coordinates it."""
        shard = self._shards.get(self._partition(group_id).partition) if self._broker.life.alive else None
        return None if shard is None else shard.offsets.get(group_id, {})

    def _partition(self, group_id: str) -> TopicPartition:
        count = max(1, self._broker.image.partition_counts.get(OFFSETS_TOPIC, 0))
        return TopicPartition(OFFSETS_TOPIC, partition_for_group(group_id, count))

    def _shard_or_refuse(self, request: ServerRequest, group_id: str) -> Shard | None:
        shard = self._shards.get(self._partition(group_id).partition)
        if shard is None:
            self._broker.reply(request, ErrorResponse(ErrorCode.NOT_COORDINATOR))
        return shard

    def _replay(self, shard: Shard, record: OffsetRecord | GroupRecord) -> None:
        if isinstance(record, OffsetRecord):
            shard.offsets.setdefault(record.group_id, {})[record.partition] = record.offset
        else:
            shard.groups.replay(record)

    def _write_group(self, shard: Shard, record: GroupRecord, then: Callable[[ErrorCode], None]) -> None:
        self._write(shard, [encode_group(record)], then, lambda: None)

    def _write(
        self,
        shard: Shard,
        records: list[tuple[bytes, bytes]],
        then: Callable[[ErrorCode], None],
        committed: Callable[[], None],
    ) -> None:
        """Append to `__consumer_offsets` and call `then` when that is committed, or with what a group member is told.

        It is written whatever the ISR, and may be `committed` after the time-out.

        Source: core/src/main/scala/kafka/coordinator/group/CoordinatorPartitionWriter.scala append,
            coordinator-common/src/main/java/org/apache/kafka/coordinator/common/runtime/CoordinatorRuntime.java
        """
        if not records:
            then(ErrorCode.NONE)
            return
        now_ms = self._broker.now_ms
        columns = RecordColumns.of(
            [now_ms] * len(records), [key for key, _ in records], [value for _, value in records]
        )
        partition = self._broker.replicas.partitions[shard.name]
        try:
            result = partition.append(RecordBatch(columns), LEADER_ONLY, now_ms)
        except KafkaError as refused:
            then(COMMIT_ERRORS.get(refused.code, refused.code))
            return
        if isinstance(result, ErrorCode):
            then(COMMIT_ERRORS.get(result, result))
            return
        write = CoordinatorWrite(then)
        write.deadline = self._timeouts.book(write.finish, ErrorCode.COORDINATOR_NOT_AVAILABLE)

        def reached() -> None:
            if partition.is_leader:
                committed()
            write.finish(ErrorCode.NONE if partition.is_leader else ErrorCode.NOT_COORDINATOR)

        partition.high_watermark.when(result.batch.next_offset, reached)
        self._broker.fetches.complete_actions()


LEADER_ONLY = 1

COMMIT_ERRORS = {
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION: ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NOT_LEADER_OR_FOLLOWER: ErrorCode.NOT_COORDINATOR,
}
"""What a failed write to `__consumer_offsets` means to a group member.

Source: coordinator-common/src/main/java/org/apache/kafka/coordinator/common/runtime/
    CoordinatorOperationExceptionHelper.java
"""
