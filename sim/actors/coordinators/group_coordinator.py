"""The group coordinator of one broker: it leads parts of `__consumer_offsets` and the groups kept there.

Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorService.java
Fidelity: approximate — loading takes no time and offsets never expire
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.actors.broker.socket_server import ServerRequest
from sim.actors.coordinators.coordinator_shard import CoordinatorShard
from sim.actors.coordinators.group_admin import GroupAdmin
from sim.actors.coordinators.transactional_commits import commit_in_transaction
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.controller.metadata import PartitionChange, RemoveTopicRecord
from sim.rules.errors import ErrorCode
from sim.rules.facts.group import CommitAccepted
from sim.rules.groups.coordinator import OFFSETS_TOPIC, OffsetRecord, encode_offset, partition_for_group
from sim.rules.protocol.consumer_group import (
    ConsumerGroupDescribeRequest,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
)
from sim.rules.protocol.group import (
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
from sim.rules.protocol.messages import ErrorResponse
from sim.rules.protocol.share_group import ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse
from sim.rules.protocol.transaction import TxnOffsetCommitRequest
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["GroupCoordinator"]


class GroupCoordinator:
    """Requests about groups, handed to the shard that owns the group."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._shards: dict[int, CoordinatorShard] = {}
        self._timeouts = Deadlines(broker, broker.config.offsets_commit_timeout_ms * MILLISECOND)
        self.admin = GroupAdmin(broker, self._shards, self._shard_or_refuse)

    def elected(self, partition: Partition) -> None:
        """Load groups and offsets from the log."""
        if partition.name.topic == OFFSETS_TOPIC:
            shard = CoordinatorShard(self._broker, partition.name, self._timeouts)
            self._shards[partition.name.partition] = shard
            shard.load(partition)

    def resigned(self, partition: Partition) -> None:
        """Another broker coordinates these groups now; whoever waits here is told."""
        if partition.name.topic == OFFSETS_TOPIC:
            shard = self._shards.pop(partition.name.partition, None)
            if shard is not None:
                shard.unload()

    def find_coordinator(self, request: ServerRequest) -> None:
        """Which broker leads the group's part of `__consumer_offsets`."""
        body = request.body
        assert isinstance(body, FindCoordinatorRequest)
        if body.transactional:
            self._broker.transactions.find_coordinator(request, body)
            return
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
        if shard is None:
            return
        if shard.share.find(body.group_id) is None and shard.consumer.delete_if_empty(body.group_id):
            shard.classic.join(request, body)
        else:
            self._broker.reply(request, ErrorResponse(ErrorCode.INCONSISTENT_GROUP_PROTOCOL))

    def sync(self, request: ServerRequest) -> None:
        """SyncGroup."""
        body = request.body
        assert isinstance(body, SyncGroupRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is not None:
            shard.classic.sync(request, body)

    def heartbeat(self, request: ServerRequest) -> None:
        """Heartbeat."""
        body = request.body
        assert isinstance(body, HeartbeatRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is not None:
            shard.classic.heartbeat(request, body)

    def leave(self, request: ServerRequest) -> None:
        """LeaveGroup."""
        body = request.body
        assert isinstance(body, LeaveGroupRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is not None:
            shard.classic.leave(request, body)

    def consumer_heartbeat(self, request: ServerRequest) -> None:
        """ConsumerGroupHeartbeat; a classic group with members is not converted."""
        body = request.body
        assert isinstance(body, ConsumerGroupHeartbeatRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is None:
            return
        if "consumer" not in self._broker.config.group_coordinator_rebalance_protocols:
            self._broker.reply(request, ConsumerGroupHeartbeatResponse(ErrorCode.UNSUPPORTED_VERSION))
        elif shard.share.find(body.group_id) is None and shard.classic.forget_if_empty(body.group_id):
            shard.consumer.heartbeat(request, body)
        else:
            self._broker.reply(request, ConsumerGroupHeartbeatResponse(ErrorCode.GROUP_ID_NOT_FOUND))

    def share_heartbeat(self, request: ServerRequest) -> None:
        """ShareGroupHeartbeat; a group of another kind is no share group, even without members."""
        body = request.body
        assert isinstance(body, ShareGroupHeartbeatRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is None:
            return
        if shard.share.find(body.group_id) is None and not shard.is_unused(body.group_id):
            self._broker.reply(request, ShareGroupHeartbeatResponse(ErrorCode.GROUP_ID_NOT_FOUND))
        else:
            shard.share.heartbeat(request, body)

    def describe(self, request: ServerRequest) -> None:
        """ConsumerGroupDescribe."""
        body = request.body
        assert isinstance(body, ConsumerGroupDescribeRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is not None:
            shard.consumer.describe(request, body)

    def metadata_changed(self, changes: Iterable[object]) -> None:
        """The broker has newer metadata: consumer groups look at their topics again."""
        listed = tuple(changes)
        deleted = {change.topic for change in listed if isinstance(change, RemoveTopicRecord)}
        topics = {change.partition.topic for change in listed if isinstance(change, PartitionChange)} | deleted
        for shard in self._shards.values() if topics else ():
            shard.topics_deleted(deleted)
            shard.consumer.metadata_changed(topics)
            shard.share.metadata_changed(topics)

    def commit(self, request: ServerRequest) -> None:
        """OffsetCommit: checked against the group, written, and answered when the write is committed."""
        body = request.body
        assert isinstance(body, OffsetCommitRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is None:
            return
        refusal = shard.validate_commit(body)
        longest = max((len(note.encode()) for note in body.metadata.values()), default=0)
        if refusal is None and longest > self._broker.config.offset_metadata_max_bytes:
            refusal = ErrorCode.OFFSET_METADATA_TOO_LARGE
        if refusal is not None:
            self._broker.reply(request, OffsetCommitResponse(refusal))
            return
        self._broker.announce(
            CommitAccepted(body.group_id, body.member_id, body.generation_id, tuple(body.offsets.items()))
        )
        records = [
            OffsetRecord(body.group_id, name, offset, body.metadata.get(name, ""))
            for name, offset in body.offsets.items()
        ]

        def committed() -> None:
            for record in records:
                shard.take_offset(record)

        def answer(error: ErrorCode) -> None:
            self._broker.reply(request, OffsetCommitResponse(error))

        shard.write([encode_offset(record) for record in records], answer, committed)

    def transactional_commit(self, request: ServerRequest) -> None:
        """TxnOffsetCommit."""
        body = request.body
        assert isinstance(body, TxnOffsetCommitRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is not None:
            commit_in_transaction(self._broker, shard, request, body)

    def end_transaction(self, name: TopicPartition, producer_id: int, commit: bool) -> None:
        """A marker is in a part of `__consumer_offsets`: the offsets of the transaction are taken over or dropped."""
        if name.topic == OFFSETS_TOPIC and name.partition in self._shards:
            self._shards[name.partition].end_transaction(producer_id, commit)

    def fetch_offsets(self, request: ServerRequest) -> None:
        """OffsetFetch."""
        body = request.body
        assert isinstance(body, OffsetFetchRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        known = {} if shard is None else shard.offsets.get(body.group_id, {})
        names = known if body.partitions is None else body.partitions
        if shard is not None and body.require_stable and shard.is_unstable(body.group_id, names):
            self._broker.reply(request, OffsetFetchResponse(ErrorCode.UNSTABLE_OFFSET_COMMIT))
        elif shard is not None:
            found = {name: known[name] for name in names if name in known}
            notes = {name: shard.notes[body.group_id, name] for name in found if (body.group_id, name) in shard.notes}
            self._broker.reply(request, OffsetFetchResponse(ErrorCode.NONE, found, notes))

    def committed_offsets(self, group_id: str) -> dict[TopicPartition, int] | None:
        """What observers read: a group's offsets if this broker coordinates it."""
        shard = self._shards.get(self._partition(group_id).partition) if self._broker.life.alive else None
        return None if shard is None else shard.offsets.get(group_id, {})

    def _partition(self, group_id: str) -> TopicPartition:
        count = max(1, self._broker.image.partition_counts.get(OFFSETS_TOPIC, 0))
        return TopicPartition(OFFSETS_TOPIC, partition_for_group(group_id, count))

    def _shard_or_refuse(self, request: ServerRequest, group_id: str) -> CoordinatorShard | None:
        shard = self._shards.get(self._partition(group_id).partition)
        if shard is None:
            self._broker.reply(request, ErrorResponse(ErrorCode.NOT_COORDINATOR))
        return shard
