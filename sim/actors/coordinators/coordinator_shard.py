"""One partition of `__consumer_offsets` in the hands of its leader: groups, offsets, and the writes of both.

Source: coordinator-common/src/main/java/org/apache/kafka/coordinator/common/runtime/CoordinatorRuntime.java,
    group-coordinator/src/main/java/org/apache/kafka/coordinator/group/GroupCoordinatorShard.java
Fidelity: approximate — loading takes no time
Left out: notes that come with offsets in a transaction.
"""

import json
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.actors.coordinators.classic_groups import ClassicGroups
from sim.actors.coordinators.consumer_groups import ConsumerGroups
from sim.actors.coordinators.coordinator_log import CoordinatorLog, Outcome
from sim.actors.share.share_groups import ShareGroups
from sim.machine.deadlines import Deadlines
from sim.rules.errors import ErrorCode
from sim.rules.facts.group import OffsetsForgotten
from sim.rules.groups.consumer_group_records import (
    ConsumerGroupRecord,
    decode_consumer_group_record,
    encode_consumer_group_record,
)
from sim.rules.groups.coordinator import (
    GroupRecord,
    OffsetRecord,
    decode_record,
    encode_group,
    group_tombstone,
    offset_tombstone,
)
from sim.rules.protocol.group import OffsetCommitRequest
from sim.rules.share.share_groups import ShareGroupRecord, decode_share_group_record, encode_share_group_record
from sim.rules.topics import TopicPartition
from sim.rules.transactions.transactional_offsets import TransactionalOffsets
from sim.rules.transactions.transactions import end_transaction_marker

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["CoordinatorShard"]


class CoordinatorShard(CoordinatorLog):
    """The groups of one partition and their committed offsets; `timeouts` bound how long a write may wait."""

    def __init__(self, broker: "Broker", name: TopicPartition, timeouts: Deadlines) -> None:
        super().__init__(broker, name, timeouts)
        self.classic = ClassicGroups(broker, self._write_classic)
        self.consumer = ConsumerGroups(broker, self._write_consumer)
        self.share = ShareGroups(broker, self._write_share)
        self.offsets: dict[str, dict[TopicPartition, int]] = {}
        self.notes: dict[tuple[str, TopicPartition], str] = {}
        self._transactional: dict[str, TransactionalOffsets] = {}

    def load(self, partition: Partition) -> None:
        """Read groups and offsets from the log, without taking simulated time."""
        for batch in partition.log.batches():
            marker = end_transaction_marker(batch) if batch.is_control else None
            if marker is not None:
                self.end_transaction(batch.producer_id, marker.committed)
            for record in () if batch.is_control else batch.records():
                if record.key is not None and batch.is_transactional and record.value is not None:
                    self._replay_pending(batch.producer_id, record.key, record.value)
                elif record.key is not None:
                    self._replay(record.key, record.value)
        self.classic.loaded()
        self.consumer.loaded()
        self.share.loaded()

    def unload(self) -> None:
        """Another broker has this partition now."""
        self.classic.unload()
        self.consumer.unload()
        self.share.unload()

    def validate_commit(self, body: OffsetCommitRequest, is_transactional: bool = False) -> ErrorCode | None:
        """Why the group refuses a commit, or None."""
        if self.share.find(body.group_id) is not None:
            return ErrorCode.GROUP_ID_NOT_FOUND
        group = self.consumer.find(body.group_id)
        if group is not None:
            return group.validate_commit(body.member_id, body.generation_id)
        return self.classic.validate_commit(body, is_transactional)

    def is_unused(self, group_id: str) -> bool:
        """Whether no group of the classic or the consumer protocol has this id."""
        return self.consumer.find(group_id) is None and not self.classic.knows(group_id)

    def take_offset(self, record: OffsetRecord) -> None:
        """An offset is committed."""
        self.offsets.setdefault(record.group_id, {})[record.partition] = record.offset
        if record.metadata:
            self.notes[record.group_id, record.partition] = record.metadata
        else:
            self.notes.pop((record.group_id, record.partition), None)

    def take_pending(self, group_id: str, producer_id: int, offsets: dict[TopicPartition, int]) -> None:
        """Offsets are in the log that count when the producer's transaction commits."""
        known = self._transactional.get(group_id)
        if known is None:
            known = self._transactional[group_id] = TransactionalOffsets()
            known.committed = self.offsets.setdefault(group_id, {})
        known.add(producer_id, offsets)

    def end_transaction(self, producer_id: int, commit: bool) -> None:
        """The marker of a transaction is in the log."""
        for group_id, known in self._transactional.items():
            for name in known.pending.get(producer_id, {}) if commit else ():
                self.notes.pop((group_id, name), None)
            known.end_transaction(producer_id, commit)

    def is_unstable(self, group_id: str, partitions: Iterable[TopicPartition]) -> bool:
        """Whether an open transaction may still change the offset of one of these partitions."""
        known = self._transactional.get(group_id)
        return known is not None and any(
            known.fetch(name, require_stable=True) is ErrorCode.UNSTABLE_OFFSET_COMMIT for name in partitions
        )

    def _replay_pending(self, producer_id: int, key: bytes, value: bytes) -> None:
        record = decode_record(key, value)
        if isinstance(record, OffsetRecord):
            self.take_pending(record.group_id, producer_id, {record.partition: record.offset})

    def forget_offsets(self, group_id: str, names: Iterable[TopicPartition]) -> list[tuple[bytes, bytes | None]]:
        """A group's offsets are gone; returns what to write of it."""
        known = self.offsets.get(group_id, {})
        gone = [name for name in names if known.pop(name, None) is not None]
        for name in gone:
            self.notes.pop((group_id, name), None)
        self._broker.announce(OffsetsForgotten(group_id, tuple(gone)))
        return [offset_tombstone(group_id, name) for name in gone]

    def delete_group(self, group_id: str, then: Outcome) -> None:
        """A group without members ends, with its offsets."""
        tombstones = self.forget_offsets(group_id, list(self.offsets.get(group_id, ())))
        self.offsets.pop(group_id, None)
        self._transactional.pop(group_id, None)
        if self.consumer.find(group_id) is not None:
            self.consumer.delete_if_empty(group_id)
        else:
            self.classic.forget_if_empty(group_id)
            tombstones.append(group_tombstone(group_id))
        self.write(tombstones, then)

    def topics_deleted(self, topics: Collection[str]) -> None:
        """Offsets of topics that exist no longer are of no use.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/OffsetMetadataManager.java
            onPartitionsDeleted
        Fidelity: exact
        """
        tombstones: list[tuple[bytes, bytes | None]] = []
        for group_id, offsets in self.offsets.items():
            tombstones += self.forget_offsets(group_id, [name for name in offsets if name.topic in topics])
        self.write(tombstones, lambda _: None)

    def subscribed_topics(self, group_id: str) -> frozenset[str]:
        """The topics that members of a group subscribe to."""
        group = self.consumer.find(group_id)
        return self.classic.subscribed_topics(group_id) if group is None else frozenset(group.topics())

    def _replay(self, key: bytes, value: bytes | None) -> None:
        kind, group_id, *rest = json.loads(key)
        if kind in CLASSIC_KINDS:
            record = None if value is None else decode_record(key, value)
            if isinstance(record, OffsetRecord):
                self.take_offset(record)
            elif record is not None:
                self.classic.replay(record)
            elif kind == OFFSET_KIND:
                self.forget_offsets(group_id, [TopicPartition(*rest)])
            else:
                self.classic.forget_if_empty(group_id)
            return
        shared = decode_share_group_record(key, value)
        if shared is not None:
            self.share.replay(shared)
            return
        change = decode_consumer_group_record(key, value)
        if change is not None:
            self.classic.forget_if_empty(change.group_id)
            self.consumer.replay(change)

    def _write_classic(self, record: GroupRecord, then: Outcome) -> None:
        self.write([encode_group(record)], then)

    def _write_share(self, records: Sequence[ShareGroupRecord], then: Outcome) -> None:
        self.write([encode_share_group_record(record) for record in records], then)

    def _write_consumer(self, records: Sequence[ConsumerGroupRecord], then: Outcome) -> None:
        self.write([encode_consumer_group_record(record) for record in records], then)


OFFSET_KIND = 1
CLASSIC_KINDS = (OFFSET_KIND, 2)
"""What keys begin with: 1 of a committed offset, 2 of a classic group; consumer and share groups have the others."""
