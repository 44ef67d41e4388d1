"""Classic consumer groups as a coordinator runs them: the rules' state machine with its timers and answers.

Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
Left out: static members' own path, group size limits, conversion to the consumer protocol.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.actors.group_timers import GroupTimers
from sim.actors.socket_server import ServerRequest
from sim.rules.assignors import Subscription
from sim.rules.coordinator import GroupRecord
from sim.rules.errors import ErrorCode
from sim.rules.facts import GroupChanged, MemberRemoved
from sim.rules.group_members import Member
from sim.rules.groups import ClassicGroup, GroupState
from sim.rules.protocol import (
    Assignment,
    ErrorResponse,
    HeartbeatRequest,
    JoinGroupRequest,
    JoinGroupResponse,
    LeaveGroupRequest,
    OffsetCommitRequest,
    SyncGroupRequest,
    SyncGroupResponse,
)

if TYPE_CHECKING:
    from sim.actors.broker import Broker

__all__ = ["ClassicGroups"]

NEW_MEMBER_JOIN_TIMEOUT_MS = 300_000
WriteGroup = Callable[[GroupRecord, Callable[[ErrorCode], None]], None]


class ClassicGroups:
    """The groups of one part of `__consumer_offsets`, in memory of their coordinator."""

    def __init__(self, broker: "Broker", write: WriteGroup) -> None:
        self._broker = broker
        self._write = write
        self._groups: dict[str, ClassicGroup] = {}
        self._timers = GroupTimers(broker)
        self._joining: dict[tuple[str, str], ServerRequest] = {}
        self._syncing: dict[tuple[str, str], ServerRequest] = {}

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
                self._expect_heartbeat(group, member.member_id, member.session_timeout_ms)

    def unload(self) -> None:
        """Another broker coordinates these groups: answer whoever waits."""
        waiting = [*self._joining.values(), *self._syncing.values()]
        self._timers.cancel_all()
        self._groups.clear()
        self._joining.clear()
        self._syncing.clear()
        for request in waiting:
            self._broker.reply(request, ErrorResponse(ErrorCode.NOT_COORDINATOR))

    def join(self, request: ServerRequest, body: JoinGroupRequest) -> None:
        """JoinGroup: a new member gets its id first and comes again with it (KIP-394)."""
        group = self._groups.setdefault(body.group_id, ClassicGroup(body.group_id))
        protocols = {name: Subscription(topics) for name, topics in body.protocols}
        if not body.member_id:
            member_id = f"{body.client_id}-{self._broker.random.getrandbits(64):016x}"
            group.pending_join_members.add(member_id)
            self._expect_heartbeat(group, member_id, body.session_timeout_ms)
            self._refuse_join(request, ErrorCode.MEMBER_ID_REQUIRED, member_id)
        elif not group.supports_protocols("consumer", list(protocols)):
            self._refuse_join(request, ErrorCode.INCONSISTENT_GROUP_PROTOCOL, body.member_id)
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
            group.members[body.member_id].awaiting_sync = True
            group.pending_sync_members.discard(body.member_id)
            self._syncing[group.group_id, body.member_id] = request
            if group.is_leader(body.member_id):
                self._store_assignment(group, body)
        else:
            group.pending_sync_members.discard(body.member_id)
            self._broker.reply(request, SyncGroupResponse(ErrorCode.NONE, self._assignment(group, body.member_id)))

    def heartbeat(self, request: ServerRequest, body: HeartbeatRequest) -> None:
        """Heartbeat: the session begins anew; a member learns here that its group rebalances."""
        group = self._groups.get(body.group_id)
        error = self._member_error(group, body.member_id, body.generation_id)
        if group is not None and error is None:
            self._expect_heartbeat(group, body.member_id, group.members[body.member_id].session_timeout_ms)
            if group.state is GroupState.PREPARING_REBALANCE:
                error = ErrorCode.REBALANCE_IN_PROGRESS
        self._broker.reply(request, ErrorResponse(error or ErrorCode.NONE))

    def leave(self, request: ServerRequest, body: LeaveGroupRequest) -> None:
        """LeaveGroup: the group rebalances without the member at once."""
        group = self._groups.get(body.group_id)
        if group is None or body.member_id not in group.members:
            self._broker.reply(request, ErrorResponse(ErrorCode.UNKNOWN_MEMBER_ID))
            return
        self._broker.reply(request, ErrorResponse(ErrorCode.NONE))
        self._remove(group, body.member_id, "left")

    def validate_commit(self, body: OffsetCommitRequest) -> ErrorCode | None:
        """Why a commit is refused, or None; a commit counts as a heartbeat of its member."""
        group = self._groups.get(body.group_id)
        if group is None:
            return None if body.generation_id < 0 else ErrorCode.ILLEGAL_GENERATION
        error = group.validate_commit(body.member_id, body.generation_id)
        if error is None and body.member_id in group.members:
            self._expect_heartbeat(group, body.member_id, group.members[body.member_id].session_timeout_ms)
        return error

    def _member_error(self, group: ClassicGroup | None, member_id: str, generation: int) -> ErrorCode | None:
        if group is None:
            return ErrorCode.UNKNOWN_MEMBER_ID
        error = group.validate_member(member_id)
        if error is None and generation != group.generation:
            return ErrorCode.ILLEGAL_GENERATION
        return error

    def _refuse_join(self, request: ServerRequest, error: ErrorCode, member_id: str) -> None:
        self._broker.reply(request, JoinGroupResponse(error, member_id=member_id))

    def _add(
        self, request: ServerRequest, group: ClassicGroup, body: JoinGroupRequest, protocols: dict[str, Subscription]
    ) -> None:
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
        self._joining[group.group_id, body.member_id] = request
        self._expect_heartbeat(group, body.member_id, NEW_MEMBER_JOIN_TIMEOUT_MS)
        self._rebalance_or_complete(group)

    def _join_again(
        self, request: ServerRequest, group: ClassicGroup, body: JoinGroupRequest, protocols: dict[str, Subscription]
    ) -> None:
        member = group.members[body.member_id]
        settled = group.state in (GroupState.COMPLETING_REBALANCE, GroupState.STABLE)
        leads = group.state is GroupState.STABLE and group.is_leader(body.member_id)
        if settled and not leads and member.matches(protocols):
            self._broker.reply(request, self._join_response(group, member))
            return
        self._joining[group.group_id, body.member_id] = request
        group.update(member, protocols, body.rebalance_timeout_ms, body.session_timeout_ms)
        self._rebalance_or_complete(group)

    def _rebalance_or_complete(self, group: ClassicGroup) -> None:
        if group.can_rebalance():
            self._prepare_rebalance(group)
        elif group.previous_state is not GroupState.EMPTY and group.has_all_members_joined():
            self._complete_join(group)

    def _prepare_rebalance(self, group: ClassicGroup) -> None:
        if group.state is GroupState.COMPLETING_REBALANCE:
            self._answer_syncs(group, ErrorCode.REBALANCE_IN_PROGRESS)
        group.pending_sync_members.clear()
        self._timers.cancel_sync(group.group_id)
        first = group.state is GroupState.EMPTY
        group.transition_to(GroupState.PREPARING_REBALANCE)
        self._announce(group)
        if first:
            delay_ms = self._broker.config.group_initial_rebalance_delay_ms
            self._wait_for_first_members(group, delay_ms, max(group.rebalance_timeout_ms() - delay_ms, 0))
        elif group.has_all_members_joined():
            self._complete_join(group)
        else:
            self._timers.expect_join(group.group_id, group.rebalance_timeout_ms(), lambda: self._complete_join(group))

    def _wait_for_first_members(self, group: ClassicGroup, delay_ms: int, remaining_ms: int) -> None:
        """A group that was empty waits for more members, again and again while new ones come.

        Source: GroupMetadataManager.tryCompleteInitialRebalanceElseSchedule
        """

        def waited() -> None:
            if group.new_member_added and remaining_ms:
                group.new_member_added = False
                again_ms = min(self._broker.config.group_initial_rebalance_delay_ms, remaining_ms)
                self._wait_for_first_members(group, again_ms, max(remaining_ms - delay_ms, 0))
            else:
                self._complete_join(group)

        self._timers.expect_join(group.group_id, delay_ms, waited)

    def _complete_join(self, group: ClassicGroup) -> None:
        """The joining is over: whoever is not back is out, a generation begins, the leader is asked to assign."""
        self._timers.cancel_join(group.group_id)
        for member in group.not_yet_rejoined_members():
            self._forget(group, member.member_id, "missed the rebalance")
        if group.members and not group.elect_joined_leader():
            self._timers.expect_join(group.group_id, group.rebalance_timeout_ms(), lambda: self._complete_join(group))
            return
        group.init_next_generation()
        self._announce(group)
        if group.state is GroupState.EMPTY:
            self._write(GroupRecord(group.group_id, group.generation, None, None, ()), lambda _: None)
            return
        for member in group.members.values():
            request = self._joining.pop((group.group_id, member.member_id), None)
            member.awaiting_join = False
            member.is_new = False
            self._expect_heartbeat(group, member.member_id, member.session_timeout_ms)
            group.pending_sync_members.add(member.member_id)
            if request is not None:
                self._broker.reply(request, self._join_response(group, member))
        generation = group.generation
        self._timers.expect_sync(
            group.group_id, group.rebalance_timeout_ms(), lambda: self._expire_sync(group, generation)
        )

    def _join_response(self, group: ClassicGroup, member: Member) -> JoinGroupResponse:
        leads = group.is_leader(member.member_id)
        return JoinGroupResponse(
            ErrorCode.NONE,
            group.generation,
            group.protocol_name or "",
            group.leader_id or "",
            member.member_id,
            {name: subscription.topics for name, subscription in group.subscriptions().items()} if leads else {},
            group.group_instance_ids() if leads else {},
        )

    def _store_assignment(self, group: ClassicGroup, body: SyncGroupRequest) -> None:
        assignments = {member_id: tuple(body.assignments.get(member_id, ())) for member_id in group.members}
        generation = group.generation

        def stored(error: ErrorCode) -> None:
            if group.state is not GroupState.COMPLETING_REBALANCE or group.generation != generation:
                return
            if error is not ErrorCode.NONE:
                self._answer_syncs(group, error)
                self._rebalance_or_complete(group)
                return
            for member_id, assignment in assignments.items():
                if member_id in group.members:
                    group.members[member_id].assignment = assignment
            self._answer_syncs(group, ErrorCode.NONE)
            group.transition_to(GroupState.STABLE)
            self._announce(group)

        self._write(self._record(group, assignments), stored)

    def _record(self, group: ClassicGroup, assignments: dict[str, Assignment]) -> GroupRecord:
        subscriptions = group.subscriptions()
        members = tuple(
            (
                member.member_id,
                member.client_id,
                member.session_timeout_ms,
                member.rebalance_timeout_ms,
                assignments[member.member_id],
                subscriptions[member.member_id].topics,
            )
            for member in group.members.values()
        )
        return GroupRecord(group.group_id, group.generation, group.leader_id, group.protocol_name, members)

    def _answer_syncs(self, group: ClassicGroup, error: ErrorCode) -> None:
        for member in group.members.values():
            request = self._syncing.pop((group.group_id, member.member_id), None)
            member.awaiting_sync = False
            if request is not None:
                self._expect_heartbeat(group, member.member_id, member.session_timeout_ms)
                assignment = self._assignment(group, member.member_id) if error is ErrorCode.NONE else ()
                self._broker.reply(request, SyncGroupResponse(error, assignment))

    def _assignment(self, group: ClassicGroup, member_id: str) -> Assignment:
        assignment = group.members[member_id].assignment
        return assignment if isinstance(assignment, tuple) else ()

    def _expire_sync(self, group: ClassicGroup, generation: int) -> None:
        late = [member_id for member_id in group.members if member_id in group.pending_sync_members]
        if generation == group.generation and late and group.can_rebalance():
            for member_id in late:
                self._forget(group, member_id, "missed the sync")
            self._prepare_rebalance(group)

    def _expect_heartbeat(self, group: ClassicGroup, member_id: str, timeout_ms: int) -> None:
        self._timers.expect_heartbeat(
            group.group_id, member_id, timeout_ms, lambda: self._expire_member(group, member_id)
        )

    def _expire_member(self, group: ClassicGroup, member_id: str) -> None:
        member = group.members.get(member_id)
        if member is None:
            group.pending_join_members.discard(member_id)
            if group.state is GroupState.PREPARING_REBALANCE and group.has_all_members_joined():
                self._complete_join(group)
        elif not member.has_satisfied_heartbeat():
            self._remove(group, member_id, "session timed out")

    def _remove(self, group: ClassicGroup, member_id: str, reason: str) -> None:
        request = self._joining.pop((group.group_id, member_id), None)
        if request is not None:
            self._refuse_join(request, ErrorCode.UNKNOWN_MEMBER_ID, "")
        self._forget(group, member_id, reason)
        if group.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE):
            self._prepare_rebalance(group)
        elif group.state is GroupState.PREPARING_REBALANCE and group.has_all_members_joined():
            self._complete_join(group)

    def _forget(self, group: ClassicGroup, member_id: str, reason: str) -> None:
        group.remove(member_id)
        self._syncing.pop((group.group_id, member_id), None)
        self._timers.cancel_heartbeat(group.group_id, member_id)
        self._broker.announce(MemberRemoved(group.group_id, member_id, reason))

    def _announce(self, group: ClassicGroup) -> None:
        self._broker.announce(GroupChanged(group.group_id, group.state.value, group.generation, len(group.members)))
