"""Classic consumer groups as a coordinator runs them: the requests of their members.

Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
Fidelity: exact
Left out: conversion to and from the consumer protocol.
"""

from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.coordinators.group_rebalances import GroupRebalances, WriteGroup
from sim.rules.assignors import Subscription
from sim.rules.errors import ErrorCode
from sim.rules.groups.classic_group_describe import describe_classic_group
from sim.rules.groups.coordinator import GroupRecord
from sim.rules.groups.group_admission import join_refusal
from sim.rules.groups.group_members import Member
from sim.rules.groups.groups import ClassicGroup, GroupState
from sim.rules.protocol.group import (
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    OffsetCommitRequest,
    SyncGroupRequest,
    SyncGroupResponse,
)
from sim.rules.protocol.group_admin import DescribeGroupResponse
from sim.rules.protocol.messages import ErrorResponse

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["ClassicGroups"]

NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000
Protocols = dict[str, Subscription]


class ClassicGroups:
    """The groups of one part of `__consumer_offsets`, in memory of their coordinator."""

    def __init__(self, broker: "Broker", write: WriteGroup) -> None:
        self._broker = broker
        self._write = write
        self._groups: dict[str, ClassicGroup] = {}
        self._rebalances = GroupRebalances(broker, write)

    def replay(self, record: GroupRecord) -> None:
        """Take a generation from the log; the last one of each group counts."""
        group = ClassicGroup(record.group_id)
        group.generation = record.generation
        for known in record.members:
            said = Subscription(known.topics, known.owned, known.owned_generation, known.group_instance_id)
            member = Member(
                known.member_id,
                {record.protocol_name or "": said},
                rebalance_timeout_ms=known.rebalance_timeout_ms,
                session_timeout_ms=known.session_timeout_ms,
                client_id=known.client_id,
                group_instance_id=known.group_instance_id,
            )
            group.add(member, awaiting_join=False)
            member.assignment = known.assignment
        group.leader_id, group.protocol_name = record.leader_id, record.protocol_name
        group.state = GroupState.STABLE if record.members else GroupState.EMPTY
        self._groups[record.group_id] = group

    def loaded(self) -> None:
        """The log is read: sessions of the members begin anew."""
        for group in self._groups.values():
            for member in group.members.values():
                self._rebalances.expect_heartbeat(group, member.member_id, member.session_timeout_ms)

    def unload(self) -> None:
        """Another broker coordinates these groups: they are dead here, and whoever waits is answered."""
        for group in self._groups.values():
            group.transition_to(GroupState.DEAD)
        self._groups.clear()
        for request in self._rebalances.abandon():
            self._broker.reply(request, ErrorResponse(ErrorCode.NOT_COORDINATOR))

    def knows(self, group_id: str) -> bool:
        """Whether there is such a group, with or without members."""
        return group_id in self._groups

    def state(self, group_id: str) -> GroupState | None:
        """The state of a group, None for one that is not known."""
        group = self._groups.get(group_id)
        return None if group is None else group.state

    def listed(self) -> list[tuple[str, str, str]]:
        """Id, protocol type and state of each group."""
        return [(name, group.protocol_type or "", group.state.value) for name, group in self._groups.items()]

    def subscribed_topics(self, group_id: str) -> frozenset[str]:
        """The topics that the members of a group subscribe to."""
        group = self._groups.get(group_id)
        said = (
            [] if group is None else [said for member in group.members.values() for said in member.protocols.values()]
        )
        return frozenset(topic for subscription in said for topic in subscription.topics)

    def describe(self, group_id: str) -> DescribeGroupResponse | None:
        """A group as an administrator is told of it, None for one that is not known."""
        group = self._groups.get(group_id)
        return None if group is None else describe_classic_group(group)

    def forget_if_empty(self, group_id: str) -> bool:
        """Drop a group without members, so that it can be one of the consumer protocol; False if it has members."""
        group = self._groups.get(group_id)
        if group is not None and group.state is GroupState.EMPTY:
            del self._groups[group_id]
        return group_id not in self._groups

    def join(self, request: ServerRequest, body: JoinGroupRequest) -> None:
        """JoinGroup: a new member gets its id first and comes again with it (KIP-394)."""
        config = self._broker.config
        group = self._groups.get(body.group_id)
        refusal = join_refusal(
            group,
            body.member_id,
            body.session_timeout_ms,
            config.group_min_session_timeout_ms,
            config.group_max_session_timeout_ms,
            config.group_max_size,
        )
        if refusal is not None:
            if group is not None and refusal is ErrorCode.GROUP_MAX_SIZE_REACHED:
                group.remove(body.member_id)
            self._refuse_join(request, refusal, body.member_id)
            return
        if group is None:
            group = self._groups[body.group_id] = ClassicGroup(body.group_id)
            self._write(GroupRecord(body.group_id, group.generation, None, None, ()), lambda _: None)
        protocols = dict(body.protocols)
        if not group.supports_protocols("consumer", list(protocols)):
            self._refuse_join(request, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, body.member_id)
        elif not body.member_id:
            self._join_new(request, group, body, protocols)
        elif body.member_id in group.pending_join_members:
            self._add(request, group, body, protocols, body.member_id)
        else:
            error = group.validate_member(body.member_id, body.group_instance_id)
            if error is not None:
                self._refuse_join(request, error, body.member_id)
            else:
                self._join_again(request, group, body, protocols)

    def sync(self, request: ServerRequest, body: SyncGroupRequest) -> None:
        """SyncGroup: the leader's assignment is stored before anybody gets a part of it."""
        group = self._groups.get(body.group_id)
        error = self._member_error(group, body)
        if group is None or error is not None:
            self._broker.reply(request, SyncGroupResponse(error or ErrorCode.UNKNOWN_MEMBER_ID))
        elif group.state is GroupState.PREPARING_REBALANCE:
            self._broker.reply(request, SyncGroupResponse(ErrorCode.REBALANCE_IN_PROGRESS))
        elif group.state is GroupState.COMPLETING_REBALANCE:
            self._rebalances.synced(group, body.member_id)
            self._rebalances.wait_for_assignment(group, body.member_id, request)
            if group.is_leader(body.member_id):
                self._rebalances.store_assignment(group, body)
        else:
            self._rebalances.synced(group, body.member_id)
            assignment = self._rebalances.assignment(group, body.member_id)
            self._broker.reply(request, SyncGroupResponse(ErrorCode.NONE, assignment))

    def heartbeat(self, request: ServerRequest, body: HeartbeatRequest) -> None:
        """Heartbeat: the session begins anew; a member learns here that its group rebalances."""
        group = self._groups.get(body.group_id)
        error = self._member_error(group, body)
        if group is not None and error is None:
            self._renew_session(group, body.member_id)
            if group.state is GroupState.PREPARING_REBALANCE:
                error = ErrorCode.REBALANCE_IN_PROGRESS
        self._broker.reply(request, ErrorResponse(error or ErrorCode.NONE))

    def leave(self, request: ServerRequest, body: LeaveGroupRequest) -> None:
        """LeaveGroup: the group rebalances without the member at once; an administrator may name it by instance id."""
        group = self._groups.get(body.group_id)
        member_id, instance_id = body.member_id, body.group_instance_id
        error: ErrorCode | None = ErrorCode.UNKNOWN_MEMBER_ID
        if group is not None and not member_id and instance_id is not None:
            member_id = group.static_members.get(instance_id, "")
        if group is not None:
            pending = member_id in group.pending_join_members
            error = None if pending else group.validate_member(member_id, instance_id)
        self._broker.reply(request, ErrorResponse(error or ErrorCode.NONE))
        if group is not None and error is None:
            self._rebalances.leave(group, member_id)

    def validate_commit(self, body: OffsetCommitRequest, is_transactional: bool = False) -> ErrorCode | None:
        """Why a commit is refused, or None; one outside of a transaction counts as a heartbeat of its member."""
        group = self._groups.get(body.group_id)
        if group is None:
            return None if body.generation_id < 0 else ErrorCode.ILLEGAL_GENERATION
        error = group.validate_commit(body.member_id, body.generation_id, body.group_instance_id, is_transactional)
        if error is None and not is_transactional and body.member_id in group.members:
            self._renew_session(group, body.member_id)
        return error

    def _renew_session(self, group: ClassicGroup, member_id: str) -> None:
        self._rebalances.expect_heartbeat(group, member_id, group.members[member_id].session_timeout_ms)

    def _member_error(self, group: ClassicGroup | None, body: SyncGroupRequest | HeartbeatRequest) -> ErrorCode | None:
        if group is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        error = group.validate_member(body.member_id, body.group_instance_id)
        if error is None and body.generation_id != group.generation:
            return ErrorCode.ILLEGAL_GENERATION
        return error

    def _refuse_join(self, request: ServerRequest, error: ErrorCode, member_id: str) -> None:
        self._broker.reply(request, JoinGroupResponse(error, member_id=member_id))

    def _join_new(
        self, request: ServerRequest, group: ClassicGroup, body: JoinGroupRequest, protocols: Protocols
    ) -> None:
        """Who has no member id gets one; a static member that has come back takes the place of its old self."""
        instance_id = body.group_instance_id
        member_id = f"{instance_id or body.client_id}-{self._broker.random.getrandbits(64):016x}"
        if instance_id is None:
            group.pending_join_members.add(member_id)
            self._rebalances.expect_heartbeat(group, member_id, body.session_timeout_ms)
            self._refuse_join(request, ErrorCode.MEMBER_ID_REQUIRED, member_id)
        elif instance_id in group.static_members:
            self._replace(request, group, body, protocols, member_id)
        else:
            self._add(request, group, body, protocols, member_id)

    def _replace(
        self, request: ServerRequest, group: ClassicGroup, body: JoinGroupRequest, protocols: Protocols, member_id: str
    ) -> None:
        """A static member under a new id; without a rebalance if the group is stable and votes as before.

        Source: GroupMetadataManager.updateStaticMemberThenRebalanceOrCompleteJoin
        """
        old = group.members[group.static_members[body.group_instance_id or ""]]
        self._rebalances.fence(group, old.member_id)
        new = group.replace_static_member(body.group_instance_id or "", old.member_id, member_id)
        self._renew_session(group, member_id)
        group.update(new, protocols, body.rebalance_timeout_ms, body.session_timeout_ms)
        self._rebalances.wait_for_generation(group, member_id, request)
        if group.state is GroupState.STABLE and group.protocol_name == group.select_protocol():
            self._rebalances.store_replacement(group, new, old)
        else:
            self._rebalances.begin_or_complete(group)

    def _add(
        self, request: ServerRequest, group: ClassicGroup, body: JoinGroupRequest, protocols: Protocols, member_id: str
    ) -> None:
        member = Member(
            member_id,
            protocols,
            rebalance_timeout_ms=body.rebalance_timeout_ms,
            session_timeout_ms=body.session_timeout_ms,
            client_id=body.client_id,
            group_instance_id=body.group_instance_id,
        )
        member.is_new = True
        if group.state is GroupState.PREPARING_REBALANCE and group.previous_state is GroupState.EMPTY:
            group.new_member_added = True
        group.add(member)
        self._rebalances.expect_heartbeat(group, member_id, NEW_MEMBER_JOIN_TIMEOUT_MS)
        self._rebalances.wait_for_generation(group, member_id, request)
        self._rebalances.begin_or_complete(group)

    def _join_again(
        self, request: ServerRequest, group: ClassicGroup, body: JoinGroupRequest, protocols: Protocols
    ) -> None:
        member = group.members[body.member_id]
        settled = group.state in (GroupState.COMPLETING_REBALANCE, GroupState.STABLE)
        leads = group.state is GroupState.STABLE and group.is_leader(body.member_id)
        if settled and not leads and member.matches(protocols):
            self._broker.reply(request, self._rebalances.join_response(group, member))
            return
        group.update(member, protocols, body.rebalance_timeout_ms, body.session_timeout_ms)
        self._rebalances.wait_for_generation(group, body.member_id, request)
        self._rebalances.begin_or_complete(group)
