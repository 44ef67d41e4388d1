"""Consumer groups of the consumer protocol (KIP-848) as a coordinator runs them.

Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupMetadataManager.java
Fidelity: approximate — a heartbeat that changes nothing does not wait for the writes before it
Left out: consumer.session.timeout.ms and consumer.heartbeat.interval.ms of single groups; conversion of groups with
    members, as if group.consumer.migration.policy were disabled.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.coordinators.group_timers import GroupTimers
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import GroupChanged, MemberRemoved
from sim.rules.groups.consumer_group_describe import describe
from sim.rules.groups.consumer_group_heartbeat import Heartbeat, HeartbeatContext, fence_members, heartbeat, leave
from sim.rules.groups.consumer_group_members import ConsumerGroupMember, MemberState
from sim.rules.groups.consumer_group_metadata import topic_metadata_hash
from sim.rules.groups.consumer_group_records import ConsumerGroupRecord, EpochRecord, group_tombstones
from sim.rules.groups.consumer_group_regexes import RegexContext, regexes_resolved, resolve_regexes
from sim.rules.groups.consumer_groups import ConsumerGroup, ConsumerGroupState
from sim.rules.groups.target_assignment import CONSUMER_GROUP_ASSIGNORS
from sim.rules.protocol.consumer_group import (
    JOIN_GROUP_MEMBER_EPOCH,
    LEAVE_GROUP_MEMBER_EPOCH,
    ConsumerGroupDescribeRequest,
    ConsumerGroupDescribeResponse,
    ConsumerGroupHeartbeatRequest,
    ConsumerGroupHeartbeatResponse,
    heartbeat_refusal,
)

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["ConsumerGroups", "WriteRecords"]

WriteRecords = Callable[[Sequence[ConsumerGroupRecord], Callable[[ErrorCode], None]], None]


class ConsumerGroups:
    """The groups of one part of `__consumer_offsets`, in memory of their coordinator."""

    def __init__(self, broker: "Broker", write: WriteRecords) -> None:
        self._broker = broker
        self._write = write
        self._groups: dict[str, ConsumerGroup] = {}
        self._timers = GroupTimers(broker)
        self._topic_hashes: dict[str, str] = {}
        self._resolving: dict[str, None] = {}
        self._known_topics: Mapping[str, int] = broker.image.partition_counts
        self._new_topics_version = broker.image.offset

    def find(self, group_id: str) -> ConsumerGroup | None:
        """A group of this protocol, or None."""
        return self._groups.get(group_id)

    def listed(self) -> list[tuple[str, str]]:
        """Id and state of each group."""
        return [(name, group.state.value) for name, group in self._groups.items()]

    def replay(self, record: ConsumerGroupRecord) -> None:
        """Take a record from the log; a group ends with the tombstone of its epoch."""
        group = self._groups.setdefault(record.group_id, ConsumerGroup(record.group_id))
        group.replay(record)
        if isinstance(record, EpochRecord) and record.epoch is None:
            del self._groups[record.group_id]

    def loaded(self) -> None:
        """The log is read: sessions, and the patience with members that revoke, begin anew."""
        for group in self._groups.values():
            for member in group.members.values():
                self._expect_heartbeat(group.group_id, member.member_id)
                if member.state is MemberState.UNREVOKED_PARTITIONS:
                    self._expect_revocation(group.group_id, member)

    def unload(self) -> None:
        """Another broker coordinates these groups."""
        self._timers.cancel_all()
        self._groups.clear()

    def metadata_changed(self, topics: Iterable[str]) -> None:
        """These topics have changed: groups that subscribe to them look at them at their next heartbeat."""
        changed = frozenset(topics)
        image = self._broker.image
        if changed - self._known_topics.keys():
            self._new_topics_version = image.offset
        self._known_topics = image.partition_counts
        for topic in changed:
            self._topic_hashes.pop(topic, None)
        for group in self._groups.values():
            if not changed.isdisjoint(group.topics()):
                group.refresh_epoch = None

    def delete_if_empty(self, group_id: str) -> bool:
        """End a group without members, so that it can be one of the classic protocol; False if it has members."""
        group = self._groups.get(group_id)
        if group is None or group.state is not ConsumerGroupState.EMPTY:
            return group is None
        self._apply(group_id, group_tombstones(group_id))
        return True

    def heartbeat(self, request: ServerRequest, body: ConsumerGroupHeartbeatRequest) -> None:
        """ConsumerGroupHeartbeat: answered when what it has changed is written."""
        outcome = heartbeat_refusal(body, self._broker.config.group_consumer_assignors) or self._handle(body)
        if isinstance(outcome, ErrorCode):
            self._broker.reply(request, ConsumerGroupHeartbeatResponse(outcome))
            return
        response = outcome.response

        def written(error: ErrorCode) -> None:
            answer = response if error is ErrorCode.NONE else ConsumerGroupHeartbeatResponse(error)
            self._broker.reply(request, answer)

        self._apply(body.group_id, outcome.records, written)

    def describe(self, request: ServerRequest, body: ConsumerGroupDescribeRequest) -> None:
        """ConsumerGroupDescribe."""
        group = self._groups.get(body.group_id)
        if group is None:
            self._broker.reply(request, ConsumerGroupDescribeResponse(ErrorCode.GROUP_ID_NOT_FOUND))
        else:
            self._broker.reply(request, describe(group, self._broker.config.group_consumer_assignors[0]))

    def _handle(self, body: ConsumerGroupHeartbeatRequest) -> Heartbeat | ErrorCode:
        group = self._groups.get(body.group_id)
        if group is None and body.member_epoch != JOIN_GROUP_MEMBER_EPOCH:
            return ErrorCode.GROUP_ID_NOT_FOUND
        group = group or ConsumerGroup(body.group_id)
        goes = body.member_epoch < JOIN_GROUP_MEMBER_EPOCH
        outcome = (leave if goes else heartbeat)(group, body, self._context(group))
        if isinstance(outcome, ErrorCode):
            return outcome
        if goes:
            if body.member_epoch == LEAVE_GROUP_MEMBER_EPOCH:
                self._forget(group, outcome.member, "left")
            return outcome
        group.refresh_epoch = group.refresh_epoch if outcome.refreshed_epoch is None else outcome.refreshed_epoch
        self._groups.setdefault(body.group_id, group)
        self._expect_heartbeat(body.group_id, outcome.member.member_id)
        if outcome.reconciled:
            self._expect_revocation(body.group_id, outcome.member)
        if outcome.resolve_regexes:
            self._resolving[body.group_id] = None
            self._broker.after(0, self._resolve, body.group_id, outcome.resolve_regexes)
        return outcome

    def _context(self, group: ConsumerGroup) -> HeartbeatContext:
        config, image = self._broker.config, self._broker.image
        return HeartbeatContext(
            {name: CONSUMER_GROUP_ASSIGNORS[name] for name in config.group_consumer_assignors},
            image.partition_counts,
            self._topic_hash,
            config.group_consumer_max_size,
            config.group_consumer_heartbeat_interval_ms,
            RegexContext(
                self._broker.now_ms,
                self._new_topics_version,
                config.group_consumer_regex_refresh_interval_ms,
                group.group_id in self._resolving,
            ),
        )

    def _topic_hash(self, topic: str) -> str:
        if topic not in self._topic_hashes:
            self._topic_hashes[topic] = topic_metadata_hash(topic, self._broker.image)
        return self._topic_hashes[topic]

    def _apply(
        self,
        group_id: str,
        records: Sequence[ConsumerGroupRecord],
        then: Callable[[ErrorCode], None] = lambda _: None,
    ) -> None:
        """Change the group, tell observers, and write; the change is seen before the write is committed."""
        if not records:
            then(ErrorCode.NONE)
            return
        group = self._groups[group_id]
        before = group.state, group.epoch
        for record in records:
            self.replay(record)
        state = group.state if group_id in self._groups else ConsumerGroupState.DEAD
        if (state, group.epoch) != before:
            self._broker.announce(GroupChanged(group_id, state.value, group.epoch, len(group.members)))
        self._write(records, then)

    def _resolve(self, group_id: str, regexes: Sequence[str]) -> None:
        self._resolving.pop(group_id, None)
        group = self._groups.get(group_id)
        if group is None:
            return
        image = self._broker.image
        found = resolve_regexes(regexes, image.partition_counts, image.offset, self._broker.now_ms)
        records = regexes_resolved(group, found, self._topic_hash)
        if any(isinstance(record, EpochRecord) for record in records):
            group.refresh_epoch = group.epoch + 1
        self._apply(group_id, records)

    def _expect_heartbeat(self, group_id: str, member_id: str) -> None:
        timeout_ms = self._broker.config.group_consumer_session_timeout_ms
        self._timers.expect_heartbeat(
            group_id, member_id, timeout_ms, lambda: self._expire_session(group_id, member_id)
        )

    def _expect_revocation(self, group_id: str, member: ConsumerGroupMember) -> None:
        """A member that has to give something up has its rebalance time-out for it, while it stays in its epoch."""
        member_id, epoch = member.member_id, member.member_epoch
        if member.state is not MemberState.UNREVOKED_PARTITIONS:
            self._timers.cancel_revocation(group_id, member_id)
            return

        def expire() -> None:
            group = self._groups.get(group_id)
            now = None if group is None else group.members.get(member_id)
            if group is not None and now is not None and now.member_epoch == epoch:
                self._fence(group, now, "missed the rebalance")

        self._timers.expect_revocation(group_id, member_id, member.rebalance_timeout_ms, expire)

    def _expire_session(self, group_id: str, member_id: str) -> None:
        group = self._groups.get(group_id)
        member = None if group is None else group.members.get(member_id)
        if group is not None and member is not None:
            self._fence(group, member, "session timed out")

    def _fence(self, group: ConsumerGroup, member: ConsumerGroupMember, reason: str) -> None:
        self._forget(group, member, reason)
        self._apply(group.group_id, fence_members(group, [member], self._context(group)))

    def _forget(self, group: ConsumerGroup, member: ConsumerGroupMember, reason: str) -> None:
        self._timers.cancel_heartbeat(group.group_id, member.member_id)
        self._timers.cancel_revocation(group.group_id, member.member_id)
        self._broker.announce(MemberRemoved(group.group_id, member.member_id, reason))
