"""Classic consumer groups as a coordinator runs them: the requests of their members.

Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
Fidelity: approximate — dynamic members only
Left out: static members' own path, conversion to the consumer protocol.
"""

from typing import TYPE_CHECKING

from sim.actors.group_rebalances import GroupRebalances, WriteGroup
from sim.actors.socket_server import ServerRequest
from sim.rules.assignors import Subscription
from sim.rules.coordinator import GroupRecord
from sim.rules.errors import ErrorCode
from sim.rules.group_admission import join_refusal
from sim.rules.group_members import Member
from sim.rules.group_protocol import (
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    OffsetCommitRequest,
    SyncGroupRequest,
    SyncGroupResponse,
)
from sim.rules.groups import ClassicGroup, GroupState
from sim.rules.protocol import ErrorResponse

if TYPE_CHECKING:
    from sim.actors.broker import Broker

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
        for member_id, client_id, session_ms, rebalance_ms, partitions, topics in record.members:
            protocols = {record.protocol_name or "": Subscription(topics)}
            member = Member(
                member_id,
                protocols,
                rebalance_timeout_ms=rebalance_ms,
                session_timeout_ms=session_ms,
                client_id=client_id,
            )
            group.add(member, awaiting_join=False)
            member.assignment = partitions
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
            self._refuse_join(request, refusal, body.member_id)
            return
        if group is None:
            group = self._groups[body.group_id] = ClassicGroup(body.group_id)
            self._write(GroupRecord(body.group_id, group.generation, None, None, ()), lambda _: None)
        protocols = {name: Subscription(topics) for name, topics in body.protocols}
        if not group.supports_protocols("consumer", list(protocols)):
            self._refuse_join(request, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, body.member_id)
        elif not body.member_id:
            member_id = f"{body.client_id}-{self._broker.random.getrandbits(64):016x}"
            group.pending_join_members.add(member_id)
            self._rebalances.expect_heartbeat(group, member_id, body.session_timeout_ms)
            self._refuse_join(request, ErrorCode.MEMBER_ID_REQUIRED, member_id)
        elif body.member_id in group.pending_join_members:
            self._add(request, group, body, protocols)
        elif body.member_id not in group.members:
            self._refuse_join(request, ErrorCode.UNKNOWN_MEMBER_ID, body.member_id)
        else:
            self._join_again(request, group, body, protocols)

    def sync(self, request: ServerRequest, body: SyncGroupRequest) -> None:
        """SyncGroup: the leader's assignment is stored before anybody gets a part of it."""
        group = self._groups.get(body.group_id)
        error = self._member_error(group, body.member_id, body.generation_id)
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
        error = self._member_error(group, body.member_id, body.generation_id)
        if group is not None and error is None:
            self._renew_session(group, body.member_id)
            if group.state is GroupState.PREPARING_REBALANCE:
                error = ErrorCode.REBALANCE_IN_PROGRESS
        self._broker.reply(request, ErrorResponse(error or ErrorCode.NONE))

    def leave(self, request: ServerRequest, body: LeaveGroupRequest) -> None:
        """LeaveGroup: the group rebalances without the member at once."""
        group = self._groups.get(body.group_id)
        pending = group is not None and body.member_id in group.pending_join_members
        if group is None or not (pending or body.member_id in group.members):
            self._broker.reply(request, ErrorResponse(ErrorCode.UNKNOWN_MEMBER_ID))
            return
        self._broker.reply(request, ErrorResponse(ErrorCode.NONE))
        self._rebalances.leave(group, body.member_id)

    def validate_commit(self, body: OffsetCommitRequest) -> ErrorCode | None:
        """Why a commit is refused, or None; a commit counts as a heartbeat of its member."""
        group = self._groups.get(body.group_id)
        if group is None:
            return None if body.generation_id < 0 else ErrorCode.ILLEGAL_GENERATION
        error = group.validate_commit(body.member_id, body.generation_id)
        if error is None and body.member_id in group.members:
            self._renew_session(group, body.member_id)
        return error

    def _renew_session(self, group: ClassicGroup, member_id: str) -> None:
        self._rebalances.expect_heartbeat(group, member_id, group.members[member_id].session_timeout_ms)

    def _member_error(self, group: ClassicGroup | None, member_id: str, generation: int) -> ErrorCode | None:
        if group is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        error = group.validate_member(member_id)
        if error is None and generation != group.generation:
            return ErrorCode.ILLEGAL_GENERATION
        return error

    def _refuse_join(self, request: ServerRequest, error: ErrorCode, member_id: str) -> None:
        self._broker.reply(request, JoinGroupResponse(error, member_id=member_id))

    def _add(self, request: ServerRequest, group: ClassicGroup, body: JoinGroupRequest, protocols: Protocols) -> None:
        member = Member(
            body.member_id,
            protocols,
            rebalance_timeout_ms=body.rebalance_timeout_ms,
            session_timeout_ms=body.session_timeout_ms,
            client_id=body.client_id,
        )
        member.is_new = True
        if group.state is GroupState.PREPARING_REBALANCE and group.previous_state is GroupState.EMPTY:
            group.new_member_added = True
        group.add(member)
        self._rebalances.expect_heartbeat(group, body.member_id, NEW_MEMBER_JOIN_TIMEOUT_MS)
        self._rebalances.wait_for_generation(group, body.member_id, request)
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
