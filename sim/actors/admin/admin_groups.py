"""What an administrator may ask and order of groups: who is in them, how far they are, where they go on.

Source: clients/src/main/java/org/apache/kafka/clients/admin/KafkaAdminClient.java,
    tools/src/main/java/org/apache/kafka/tools/consumer/group/ConsumerGroupCommand.java
Fidelity: approximate — reset_offsets takes no file
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sim.actors.admin.admin_calls import Asking, require_success
from sim.actors.admin.admin_partitions import AdminPartitions
from sim.actors.client.client_errors import AdminError
from sim.actors.client.coordinator_client import error_of
from sim.machine.clock import parse_duration
from sim.rules.errors import ErrorCode
from sim.rules.groups.offset_resets import ResetMode, reset_needs_group_empty, reset_target
from sim.rules.protocol.consumer_group import ConsumerGroupDescribeRequest
from sim.rules.protocol.group import LeaveGroupRequest, OffsetAndMetadata, OffsetCommitRequest, OffsetFetchRequest
from sim.rules.protocol.group_admin import (
    DeleteGroupRequest,
    DescribeGroupRequest,
    GroupListing,
    GroupMember,
    ListGroupsRequest,
    OffsetDeleteRequest,
)
from sim.rules.storage.offset_lookup import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP
from sim.rules.topics import TopicPartition

__all__ = ["AdminGroups", "GroupDescription", "PartitionLag"]

OUTSIDE = -1
"""The generation, or member epoch, of who is no member."""


@dataclass(frozen=True, slots=True)
class GroupDescription:
    """A group as its coordinator has it; `assignor` of a classic group is told while it is stable."""

    group_id: str
    group_type: str
    state: str
    assignor: str
    members: tuple[GroupMember, ...]


@dataclass(frozen=True, slots=True)
class PartitionLag:
    """How far a group is behind in one partition; None without a committed offset, or an owner."""

    committed: int | None
    log_end_offset: int
    member_id: str | None = None

    @property
    def lag(self) -> int | None:
        """Records behind, never below 0."""
        return None if self.committed is None else max(0, self.log_end_offset - self.committed)


class AdminGroups(AdminPartitions):
    """Requests for coordinators, found by group."""

    def list_consumer_groups(self, states: Sequence[str] = (), types: Sequence[str] = ()) -> Asking[list[GroupListing]]:
        """All groups of all coordinators, of certain states and types on demand, by id."""
        image = yield from self._image()
        found: list[GroupListing] = []
        for broker_id in sorted(broker for broker in image.brokers if image.alive(broker)):
            response = yield from self._ask_broker(broker_id, ListGroupsRequest(states, types))
            found += response.groups
        return sorted(found, key=lambda group: group.group_id)

    def describe_consumer_groups(self, group_ids: Iterable[str]) -> Asking[dict[str, GroupDescription]]:
        """State and members of groups. Raises AdminError (GROUP_ID_NOT_FOUND)."""
        found = {}
        for group_id in group_ids:
            found[group_id] = yield from self._describe(group_id)
        return found

    def list_consumer_group_offsets(
        self, group_id: str, partitions: Sequence[TopicPartition] | None = None
    ) -> Asking[dict[TopicPartition, OffsetAndMetadata]]:
        """A group's committed offsets; partitions without one are left out."""
        response = yield from self._ask_coordinator(group_id, OffsetFetchRequest(group_id, partitions))
        require_success({group_id: response.error})
        notes = response.metadata
        return {name: OffsetAndMetadata(offset, notes.get(name, "")) for name, offset in response.offsets.items()}

    def alter_consumer_group_offsets(
        self, group_id: str, offsets: Mapping[TopicPartition, int | OffsetAndMetadata]
    ) -> Asking[None]:
        """Commit offsets for a group without members. Raises AdminError (UNKNOWN_MEMBER_ID while it has any)."""
        plain = {name: known[0] if isinstance(known, tuple) else known for name, known in offsets.items()}
        notes = {name: known[1] for name, known in offsets.items() if isinstance(known, tuple) and known[1]}
        body = OffsetCommitRequest(group_id, OUTSIDE, "", plain, metadata=notes)
        response = yield from self._ask_coordinator(group_id, body)
        require_success(dict.fromkeys(offsets, response.error))

    def delete_consumer_groups(self, group_ids: Iterable[str]) -> Asking[None]:
        """Delete groups and their offsets. Raises AdminError (NON_EMPTY_GROUP, GROUP_ID_NOT_FOUND)."""
        results = {}
        for group_id in group_ids:
            response = yield from self._ask_coordinator(group_id, DeleteGroupRequest(group_id))
            results[group_id] = response.error
        require_success(results)

    def remove_members_from_consumer_group(self, group_id: str, member_ids: Iterable[str]) -> Asking[None]:
        """Have members leave, as they would themselves. Raises AdminError (UNKNOWN_MEMBER_ID)."""
        results = {}
        for member_id in member_ids:
            response = yield from self._ask_coordinator(group_id, LeaveGroupRequest(group_id, member_id))
            results[member_id] = error_of(response)
        require_success(results)

    def delete_consumer_group_offsets(self, group_id: str, partitions: Sequence[TopicPartition]) -> Asking[None]:
        """Forget offsets of a group. Raises AdminError (GROUP_SUBSCRIBED_TO_TOPIC, GROUP_ID_NOT_FOUND)."""
        response = yield from self._ask_coordinator(group_id, OffsetDeleteRequest(group_id, partitions))
        require_success({group_id: response.error})
        require_success(response.partitions)

    def consumer_group_lag(self, group_id: str) -> Asking[dict[TopicPartition, PartitionLag]]:
        """What kafka-consumer-groups.sh --describe shows: of each partition that has an offset or an owner."""
        description = yield from self._describe(group_id)
        owners = {name: member.member_id for member in description.members for name in member.assignment}
        committed = yield from self.list_consumer_group_offsets(group_id)
        names = sorted({*owners, *committed})
        ends = yield from self.list_offsets(dict.fromkeys(names, LATEST_TIMESTAMP))
        return {
            name: PartitionLag(
                committed[name].offset if name in committed else None, ends[name].offset, owners.get(name)
            )
            for name in names
        }

    def reset_offsets(
        self,
        group_id: str,
        topics: Iterable[str | TopicPartition],
        to: ResetMode,
        amount: int | str = 0,
        dry_run: bool = False,
    ) -> Asking[dict[TopicPartition, int]]:
        """Put a group's offsets elsewhere, as kafka-consumer-groups.sh --reset-offsets; returns the new offsets.

        `amount` is an offset, a number of records to shift by, a time in simulated milliseconds for "datetime", or
        something like "10m" for "duration". Raises AdminError (NON_EMPTY_GROUP) while the group has members.
        """
        yield from self._need_inactive(group_id)
        image = yield from self._image()
        names: list[TopicPartition] = []
        for topic in topics:
            names += [topic] if isinstance(topic, TopicPartition) else image.topic_partitions(topic)
        unknown = ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        require_success({name: ErrorCode.NONE if name in image.partitions else unknown for name in names})
        first = yield from self.list_offsets(dict.fromkeys(names, EARLIEST_TIMESTAMP))
        end = yield from self.list_offsets(dict.fromkeys(names, LATEST_TIMESTAMP))
        committed = yield from self.list_consumer_group_offsets(group_id, names)
        found = yield from self._found_by_time(names, to, amount)
        number = amount if isinstance(amount, int) else 0
        targets = {
            name: reset_target(
                to,
                number,
                first[name].offset,
                end[name].offset,
                committed[name].offset if name in committed else None,
                found.get(name),
            )
            for name in names
        }
        if targets and not dry_run:
            yield from self.alter_consumer_group_offsets(group_id, targets)
        return targets

    def _found_by_time(
        self, names: Iterable[TopicPartition], to: ResetMode, amount: int | str
    ) -> Asking[dict[TopicPartition, int]]:
        """The offsets of the time that is meant, where there are any."""
        if to not in ("datetime", "duration"):
            return {}
        time_ms = int(amount) if to == "datetime" else self._owner.now_ms - _milliseconds(amount)
        found = yield from self.list_offsets(dict.fromkeys(names, max(0, time_ms)))
        return {name: item.offset for name, item in found.items() if item.offset >= 0}

    def _need_inactive(self, group_id: str) -> Asking[None]:
        """A group that nobody knows is as good as one without members."""
        try:
            state = (yield from self._describe(group_id)).state
        except AdminError as error:
            if error.code is not ErrorCode.GROUP_ID_NOT_FOUND:
                raise
            state = "Dead"
        if reset_needs_group_empty(state):
            words = (
                f"Assignments can only be reset if the group '{group_id}' is inactive, "
                f"but the current state is {state}."
            )
            raise AdminError(ErrorCode.NON_EMPTY_GROUP, words, {group_id: ErrorCode.NON_EMPTY_GROUP})

    def _describe(self, group_id: str) -> Asking[GroupDescription]:
        """Ask as of a group of the consumer protocol first, as Kafka's client does, then as of a classic one."""
        modern = yield from self._ask_coordinator(group_id, ConsumerGroupDescribeRequest(group_id))
        if modern.error is ErrorCode.NONE:
            members = tuple(
                GroupMember(known.member_id, known.client_id, known.instance_id, known.assignment, known.member_epoch)
                for known in modern.members
            )
            return GroupDescription(group_id, "consumer", modern.group_state, modern.assignor_name, members)
        classic = yield from self._ask_coordinator(group_id, DescribeGroupRequest(group_id))
        require_success({group_id: classic.error})
        return GroupDescription(group_id, "classic", classic.group_state, classic.protocol_name, tuple(classic.members))


def _milliseconds(amount: int | str) -> int:
    return amount if isinstance(amount, int) else parse_duration(amount) // 1_000_000
