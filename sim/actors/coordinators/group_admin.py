"""A coordinator's answers to administrators: groups listed, described and deleted, offsets forgotten.

Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorShard.java
Fidelity: approximate — share groups are listed only
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.coordinators.coordinator_shard import CoordinatorShard
from sim.rules.errors import ErrorCode
from sim.rules.groups.consumer_groups import ConsumerGroupState
from sim.rules.groups.groups import GroupState
from sim.rules.protocol.group_admin import (
    DeleteGroupRequest,
    DeleteGroupResponse,
    DescribeGroupRequest,
    DescribeGroupResponse,
    GroupListing,
    ListGroupsRequest,
    ListGroupsResponse,
    OffsetDeleteRequest,
    OffsetDeleteResponse,
)

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["GroupAdmin"]

ShardOrRefuse = Callable[[ServerRequest, str], CoordinatorShard | None]


class GroupAdmin:
    """The requests of administrators about groups."""

    def __init__(
        self, broker: "Broker", shards: Mapping[int, CoordinatorShard], shard_or_refuse: ShardOrRefuse
    ) -> None:
        self._broker = broker
        self._shards = shards
        self._shard_or_refuse = shard_or_refuse

    def list_groups(self, request: ServerRequest) -> None:
        """ListGroups: those that this broker coordinates, by part of `__consumer_offsets`."""
        body = request.body
        assert isinstance(body, ListGroupsRequest)
        states = [state.lower() for state in body.states_filter]
        kinds = [kind.lower() for kind in body.types_filter]
        found = [
            group
            for number in sorted(self._shards)
            for group in _listed(self._shards[number])
            if (not states or group.state.lower() in states) and (not kinds or group.group_type in kinds)
        ]
        self._broker.reply(request, ListGroupsResponse(ErrorCode.NONE, found))

    def describe(self, request: ServerRequest) -> None:
        """DescribeGroups, of classic groups."""
        body = request.body
        assert isinstance(body, DescribeGroupRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is None:
            return
        found = shard.classic.describe(body.group_id)
        if found is None and shard.offsets.get(body.group_id) and _is_simple(shard, body.group_id):
            found = DescribeGroupResponse(ErrorCode.NONE, GroupState.EMPTY.value)
        dead = DescribeGroupResponse(ErrorCode.GROUP_ID_NOT_FOUND, GroupState.DEAD.value)
        self._broker.reply(request, found or dead)

    def delete(self, request: ServerRequest) -> None:
        """DeleteGroups: a group without members goes with its offsets; answered when that is written."""
        body = request.body
        assert isinstance(body, DeleteGroupRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is None:
            return
        refusal = _delete_refusal(shard, body.group_id)
        if refusal is not None:
            self._broker.reply(request, DeleteGroupResponse(refusal))
        else:
            shard.delete_group(body.group_id, lambda error: self._broker.reply(request, DeleteGroupResponse(error)))

    def delete_offsets(self, request: ServerRequest) -> None:
        """OffsetDelete: not of topics that a member subscribes to."""
        body = request.body
        assert isinstance(body, OffsetDeleteRequest)
        shard = self._shard_or_refuse(request, body.group_id)
        if shard is None:
            return
        if not _exists(shard, body.group_id):
            self._broker.reply(request, OffsetDeleteResponse(ErrorCode.GROUP_ID_NOT_FOUND))
            return
        subscribed = shard.subscribed_topics(body.group_id)
        in_use = ErrorCode.GROUP_SUBSCRIBED_TO_TOPIC
        results = {name: in_use if name.topic in subscribed else ErrorCode.NONE for name in body.partitions}
        gone = [name for name, error in results.items() if error is ErrorCode.NONE]

        def answer(error: ErrorCode) -> None:
            self._broker.reply(request, OffsetDeleteResponse(error, results))

        shard.write(shard.forget_offsets(body.group_id, gone), answer)


def _is_simple(shard: CoordinatorShard, group_id: str) -> bool:
    """Whether nobody has ever joined: the group has offsets only."""
    return shard.is_unused(group_id) and shard.share.find(group_id) is None


def _exists(shard: CoordinatorShard, group_id: str) -> bool:
    return not _is_simple(shard, group_id) or bool(shard.offsets.get(group_id))


def _delete_refusal(shard: CoordinatorShard, group_id: str) -> ErrorCode | None:
    """Why a group cannot be deleted, or None.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/classic/ClassicGroup.java
        validateDeleteGroup, modern/consumer/ConsumerGroup.java validateDeleteGroup
    """
    if not _exists(shard, group_id) or shard.share.find(group_id) is not None:
        return ErrorCode.GROUP_ID_NOT_FOUND
    consumer = shard.consumer.find(group_id)
    if consumer is not None:
        return None if consumer.state is ConsumerGroupState.EMPTY else ErrorCode.NON_EMPTY_GROUP
    state = shard.classic.state(group_id)
    return None if state in (None, GroupState.EMPTY) else ErrorCode.NON_EMPTY_GROUP


def _listed(shard: CoordinatorShard) -> list[GroupListing]:
    classic = [
        GroupListing(group_id, protocol_type, state, "classic")
        for group_id, protocol_type, state in shard.classic.listed()
    ]
    consumer = [GroupListing(group_id, "consumer", state, "consumer") for group_id, state in shard.consumer.listed()]
    share = [GroupListing(group_id, "share", state, "share") for group_id, state in shard.share.listed()]
    simple = [
        GroupListing(group_id, "", GroupState.EMPTY.value, "classic")
        for group_id, offsets in shard.offsets.items()
        if offsets and _is_simple(shard, group_id)
    ]
    return [*classic, *consumer, *share, *simple]
