"""Rebalances of classic groups: members join, a generation begins, the leader's assignment is stored and given out.

Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
Fidelity: exact
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.coordinators.group_timers import GroupTimers
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import GroupChanged, MemberRemoved
from sim.rules.groups.coordinator import GroupMemberRecord, GroupRecord
from sim.rules.groups.group_members import Member
from sim.rules.groups.groups import ClassicGroup, GroupState
from sim.rules.protocol.group import Assignment, JoinGroupResponse, SyncGroupRequest, SyncGroupResponse

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["GroupRebalances", "WriteGroup"]

WriteGroup = Callable[[GroupRecord, Callable[[ErrorCode], None]], None]


class GroupRebalances:
    """Timers of the groups of one coordinator, and the members that wait for an answer."""

    def __init__(self, broker: "Broker", write: WriteGroup) -> None:
        self._broker = broker
        self._write = write
        self._timers = GroupTimers(broker)
        self._joining: dict[tuple[str, str], ServerRequest] = {}
        self._syncing: dict[tuple[str, str], ServerRequest] = {}

    def abandon(self) -> list[ServerRequest]:
        """Forget all timers and waiting members; returns the requests that still want an answer."""
        waiting = [*self._joining.values(), *self._syncing.values()]
        self._timers.cancel_all()
        self._joining.clear()
        self._syncing.clear()
        return waiting

    def wait_for_generation(self, group: ClassicGroup, member_id: str, request: ServerRequest) -> None:
        """A member's JoinGroup is answered when the next generation begins."""
        self._joining[group.group_id, member_id] = request

    def wait_for_assignment(self, group: ClassicGroup, member_id: str, request: ServerRequest) -> None:
        """A member's SyncGroup is answered when the assignment is stored."""
        group.members[member_id].awaiting_sync = True
        self._syncing[group.group_id, member_id] = request

    def synced(self, group: ClassicGroup, member_id: str) -> None:
        """A member has asked for its assignment; when all have, nobody need be waited for."""
        group.pending_sync_members.discard(member_id)
        if group.has_received_sync_from_all_members():
            self._timers.cancel_sync(group.group_id)

    def expect_heartbeat(self, group: ClassicGroup, member_id: str, timeout_ms: int) -> None:
        """Begin a member's session anew."""
        self._timers.expect_heartbeat(
            group.group_id, member_id, timeout_ms, lambda: self._expire_member(group, member_id)
        )

    def begin_or_complete(self, group: ClassicGroup) -> None:
        """Begin a rebalance, or end the joining of the one under way if nobody is missing."""
        if group.can_rebalance():
            self._prepare(group)
        elif (
            group.state is GroupState.PREPARING_REBALANCE
            and group.previous_state is not GroupState.EMPTY
            and group.has_all_members_joined()
        ):
            self._complete_join(group)

    def leave(self, group: ClassicGroup, member_id: str) -> None:
        """A member goes of its own accord."""
        self._forget(group, member_id, "left")
        if group.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE, GroupState.PREPARING_REBALANCE):
            self.begin_or_complete(group)

    def fence(self, group: ClassicGroup, member_id: str) -> None:
        """Another process has taken a static member's place: whatever the old one waits for is refused."""
        self._timers.cancel_heartbeat(group.group_id, member_id)
        joining = self._joining.pop((group.group_id, member_id), None)
        if joining is not None:
            self._broker.reply(joining, JoinGroupResponse(ErrorCode.FENCED_INSTANCE_ID, member_id=member_id))
        syncing = self._syncing.pop((group.group_id, member_id), None)
        if syncing is not None:
            self._broker.reply(syncing, SyncGroupResponse(ErrorCode.FENCED_INSTANCE_ID))

    def store_replacement(self, group: ClassicGroup, new: Member, old: Member) -> None:
        """Write that a static member has a new id, and answer its JoinGroup; a leader that is back need not assign."""
        assignments = {member_id: self.assignment(group, member_id) for member_id in group.members}

        def stored(error: ErrorCode) -> None:
            if error is not ErrorCode.NONE and new.member_id in group.members:
                group.update(new, old.protocols, old.rebalance_timeout_ms, old.session_timeout_ms)
                group.replace_static_member(old.group_instance_id or "", new.member_id, old.member_id)
                self.expect_heartbeat(group, old.member_id, old.session_timeout_ms)
            request = self._joining.pop((group.group_id, new.member_id), None)
            new.awaiting_join = False
            if request is not None:
                good = error is ErrorCode.NONE
                response = self.join_response(group, new) if good else JoinGroupResponse(error)
                response.skip_assignment = good and group.is_leader(new.member_id)
                self._broker.reply(request, response)

        self._write(self._record(group, assignments), stored)

    def join_response(self, group: ClassicGroup, member: Member) -> JoinGroupResponse:
        """The present generation; the leader is told who is in it."""
        leads = group.is_leader(member.member_id)
        return JoinGroupResponse(
            ErrorCode.NONE,
            group.generation,
            group.protocol_name or "",
            group.leader_id or "",
            member.member_id,
            group.subscriptions() if leads else {},
        )

    def assignment(self, group: ClassicGroup, member_id: str) -> Assignment:
        """The partitions of a member."""
        assignment = group.members[member_id].assignment
        return assignment if isinstance(assignment, tuple) else ()

    def _prepare(self, group: ClassicGroup) -> None:
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
        """The joining is over: whoever is not back is out, a generation begins, the leader is asked to assign.

        A static member stays, until its session or the time to sync runs out.
        """
        self._timers.cancel_join(group.group_id)
        for member in group.not_yet_rejoined_members():
            if member.group_instance_id is None:
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
            self._begin_generation(group, member)
        generation = group.generation
        self._timers.expect_sync(
            group.group_id, group.rebalance_timeout_ms(), lambda: self._expire_sync(group, generation)
        )
        self._answer_joins(group)

    def _begin_generation(self, group: ClassicGroup, member: Member) -> None:
        member.awaiting_join = member.is_new = False
        group.pending_sync_members.add(member.member_id)
        self.expect_heartbeat(group, member.member_id, member.session_timeout_ms)

    def _answer_joins(self, group: ClassicGroup) -> None:
        """All answers are made before any is given: a member that is answered may leave at once."""
        answers = []
        for member in group.members.values():
            request = self._joining.pop((group.group_id, member.member_id), None)
            if request is not None:
                answers.append((request, self.join_response(group, member)))
        for request, answer in answers:
            self._broker.reply(request, answer)

    def store_assignment(self, group: ClassicGroup, body: SyncGroupRequest) -> None:
        """Write the leader's assignment; when that is committed the group is stable and everybody gets its part."""
        assignments = {member_id: tuple(body.assignments.get(member_id, ())) for member_id in group.members}
        generation = group.generation

        def stored(error: ErrorCode) -> None:
            if group.state is not GroupState.COMPLETING_REBALANCE or group.generation != generation:
                return
            if error is not ErrorCode.NONE:
                self._answer_syncs(group, error)
                self.begin_or_complete(group)
                return
            for member_id, member in group.members.items():
                member.assignment = assignments.get(member_id, ())
            group.transition_to(GroupState.STABLE)
            self._announce(group)
            self._answer_syncs(group, ErrorCode.NONE)

        self._write(self._record(group, assignments), stored)

    def _record(self, group: ClassicGroup, assignments: dict[str, Assignment]) -> GroupRecord:
        subscriptions = group.subscriptions()
        members = tuple(
            GroupMemberRecord(
                member.member_id,
                member.group_instance_id,
                member.client_id,
                member.session_timeout_ms,
                member.rebalance_timeout_ms,
                assignments[member.member_id],
                subscriptions[member.member_id].topics,
                subscriptions[member.member_id].owned_partitions,
                subscriptions[member.member_id].generation_id,
            )
            for member in group.members.values()
        )
        return GroupRecord(group.group_id, group.generation, group.leader_id, group.protocol_name, members)

    def _answer_syncs(self, group: ClassicGroup, error: ErrorCode) -> None:
        answers = []
        for member in group.members.values():
            request = self._syncing.pop((group.group_id, member.member_id), None)
            member.awaiting_sync = False
            if error is not ErrorCode.NONE:
                member.assignment = ()
            if request is not None:
                self.expect_heartbeat(group, member.member_id, member.session_timeout_ms)
                answers.append((request, SyncGroupResponse(error, self.assignment(group, member.member_id))))
        for request, answer in answers:
            self._broker.reply(request, answer)

    def _expire_sync(self, group: ClassicGroup, generation: int) -> None:
        late = [member_id for member_id in group.members if member_id in group.pending_sync_members]
        if generation == group.generation and late and group.can_rebalance():
            for member_id in late:
                self._forget(group, member_id, "missed the sync")
            self._prepare(group)

    def _expire_member(self, group: ClassicGroup, member_id: str) -> None:
        """A session has run out, which counts for nothing while the member waits for an answer."""
        member = group.members.get(member_id)
        if member is not None and member.has_satisfied_heartbeat():
            return
        if member is None:
            group.pending_join_members.discard(member_id)
            self._timers.cancel_heartbeat(group.group_id, member_id)
        else:
            self._forget(group, member_id, "session timed out")
        if member is not None and group.state in (GroupState.STABLE, GroupState.COMPLETING_REBALANCE):
            self._prepare(group)
        elif group.state is GroupState.PREPARING_REBALANCE and group.has_all_members_joined():
            self._complete_join(group)

    def _forget(self, group: ClassicGroup, member_id: str, reason: str) -> None:
        """Drop a member; one that waits to join may try again as a new one."""
        group.remove(member_id)
        self._syncing.pop((group.group_id, member_id), None)
        self._timers.cancel_heartbeat(group.group_id, member_id)
        request = self._joining.pop((group.group_id, member_id), None)
        if request is not None:
            self._broker.reply(request, JoinGroupResponse(ErrorCode.UNKNOWN_MEMBER_ID))
        self._broker.announce(MemberRemoved(group.group_id, member_id, reason))

    def _announce(self, group: ClassicGroup) -> None:
        self._broker.announce(GroupChanged(group.group_id, group.state.value, group.generation, len(group.members)))
