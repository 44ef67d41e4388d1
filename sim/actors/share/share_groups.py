"""Share groups (KIP-932) as their coordinator runs them: members, assignments, and states for new partitions.

Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java,
    GroupCoordinatorService.java shareGroupHeartbeat, persisterInitialize
Fidelity: approximate — a heartbeat that changes nothing does not wait for the writes before it
Left out: description and deletion of share groups, their offsets as an administrator sees them.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.coordinators.group_timers import GroupTimers
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import GroupChanged, MemberRemoved
from sim.rules.groups.consumer_group_metadata import topic_metadata_hash
from sim.rules.protocol.consumer_group import LEAVE_GROUP_MEMBER_EPOCH, Partitions
from sim.rules.protocol.share_group import (
    ShareGroupHeartbeatRequest,
    ShareGroupHeartbeatResponse,
    share_heartbeat_refusal,
)
from sim.rules.share.share_group_heartbeat import (
    ShareHeartbeat,
    ShareHeartbeatContext,
    fence_share_member,
    share_heartbeat,
)
from sim.rules.share.share_groups import ShareGroup, ShareGroupRecord, StatePartitionsRecord

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["ShareGroups"]

WriteRecords = Callable[[Sequence[ShareGroupRecord], Callable[[ErrorCode], None]], None]


class ShareGroups:
    """The share groups of one part of `__consumer_offsets`, in memory of their coordinator."""

    def __init__(self, broker: "Broker", write: WriteRecords) -> None:
        self._broker = broker
        self._write = write
        self._groups: dict[str, ShareGroup] = {}
        self._timers = GroupTimers(broker)

    def find(self, group_id: str) -> ShareGroup | None:
        """A share group, or None."""
        return self._groups.get(group_id)

    def listed(self) -> list[tuple[str, str]]:
        """Id and state of each group."""
        return [(name, group.state.value) for name, group in self._groups.items()]

    def replay(self, record: ShareGroupRecord) -> None:
        """Take a record from the log."""
        self._groups.setdefault(record.group_id, ShareGroup(record.group_id)).replay_share(record)

    def loaded(self) -> None:
        """The log is read: sessions begin anew."""
        for group in self._groups.values():
            for member_id in group.members:
                self._expect_heartbeat(group.group_id, member_id)

    def unload(self) -> None:
        """Another broker coordinates these groups."""
        self._timers.cancel_all()
        self._groups.clear()

    def metadata_changed(self, topics: Iterable[str]) -> None:
        """These topics have changed: groups that subscribe to them look at them at their next heartbeat."""
        changed = frozenset(topics)
        for group in self._groups.values():
            if not changed.isdisjoint(group.topics()):
                group.refresh_epoch = None

    def heartbeat(self, request: ServerRequest, body: ShareGroupHeartbeatRequest) -> None:
        """ShareGroupHeartbeat: answered when what it has changed is written; new partitions get their states then."""
        if body.member_epoch == LEAVE_GROUP_MEMBER_EPOCH:
            self._leave(request, body)
            return
        outcome = share_heartbeat_refusal(body) or self._handle(body)
        if isinstance(outcome, ErrorCode):
            self._broker.reply(request, ShareGroupHeartbeatResponse(outcome))
            return
        found = outcome

        def written(error: ErrorCode) -> None:
            if error is not ErrorCode.NONE:
                self._broker.reply(request, ShareGroupHeartbeatResponse(error))
                return
            self._broker.reply(request, found.response)
            if found.to_initialize:
                self._initialize(body.group_id, found.to_initialize)

        self._apply(body.group_id, found.records, written)

    def _handle(self, body: ShareGroupHeartbeatRequest) -> ShareHeartbeat | ErrorCode:
        group = self._groups.get(body.group_id)
        if group is None and body.member_epoch:
            return ErrorCode.GROUP_ID_NOT_FOUND
        group = group or ShareGroup(body.group_id)
        config = self._broker.config
        settings = self._broker.share_settings(body.group_id)
        context = ShareHeartbeatContext(
            self._broker.image,
            self._topic_hash,
            config.group_share_max_size,
            settings.heartbeat_interval_ms,
            self._broker.now_ms,
        )
        outcome = share_heartbeat(group, body, context)
        if isinstance(outcome, ErrorCode):
            return outcome
        if outcome.refreshed_epoch is not None:
            group.refresh_epoch = outcome.refreshed_epoch
        self._groups.setdefault(body.group_id, group)
        self._expect_heartbeat(body.group_id, body.member_id)
        return outcome

    def _leave(self, request: ServerRequest, body: ShareGroupHeartbeatRequest) -> None:
        if body.group_id not in self._groups:
            self._broker.reply(request, ShareGroupHeartbeatResponse(ErrorCode.GROUP_ID_NOT_FOUND))
            return

        def left(error: ErrorCode) -> None:
            self._broker.reply(request, ShareGroupHeartbeatResponse(error, body.member_id, body.member_epoch))

        self._remove(body.group_id, body.member_id, "left", left)

    def _remove(self, group_id: str, member_id: str, reason: str, then: Callable[[ErrorCode], None]) -> None:
        group = self._groups[group_id]
        records = fence_share_member(group, member_id, self._topic_hash)
        if isinstance(records, ErrorCode):
            then(records)
            return
        self._timers.cancel_heartbeat(group_id, member_id)
        self._broker.announce(MemberRemoved(group_id, member_id, reason))
        self._apply(group_id, records, then)

    def _apply(
        self, group_id: str, records: Sequence[ShareGroupRecord], then: Callable[[ErrorCode], None] = lambda _: None
    ) -> None:
        """Change the group, tell observers, and write; the change is seen before the write is committed."""
        group = self._groups[group_id]
        before = group.state, group.epoch
        for record in records:
            self.replay(record)
        if (group.state, group.epoch) != before:
            self._broker.announce(GroupChanged(group_id, group.state.value, group.epoch, len(group.members)))
        self._write(records, then)

    def _initialize(self, group_id: str, partitions: Partitions) -> None:
        """Ask the share coordinators for states; members get the partitions with the next heartbeat after that.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorService.java
            handlePersisterInitializeResponse
        """

        def initialized(error: ErrorCode) -> None:
            group = self._groups.get(group_id)
            if group is None:
                return
            if error is ErrorCode.NONE:
                known = group.initialized.initialized(partitions)
            else:
                known = replace(group.initialized, asked_at_ms=())
            self._apply(group_id, [StatePartitionsRecord(group_id, known)])

        self._broker.share_partitions.persister.initialize(group_id, partitions, initialized)

    def _topic_hash(self, topic: str) -> str:
        return topic_metadata_hash(topic, self._broker.image)

    def _expect_heartbeat(self, group_id: str, member_id: str) -> None:
        def expire() -> None:
            if group_id in self._groups:
                self._remove(group_id, member_id, "session timed out", lambda _: None)

        timeout_ms = self._broker.share_settings(group_id).session_timeout_ms
        self._timers.expect_heartbeat(group_id, member_id, timeout_ms, expire)
