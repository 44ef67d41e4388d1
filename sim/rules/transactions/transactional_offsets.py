"""Offsets that a group commits inside of a producer's transaction."""

from sim.rules.errors import ErrorCode
from sim.rules.topics import TopicPartition

__all__ = ["TransactionalOffsets"]


class TransactionalOffsets:
    """The offsets of one group: those committed, and by producer id those that wait for the end of a transaction.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/OffsetMetadataManager.java
    Fidelity: approximate — an offset committed plainly since then is overwritten, too
    """

    __slots__ = ("committed", "pending")

    def __init__(self) -> None:
        self.committed: dict[TopicPartition, int] = {}
        self.pending: dict[int, dict[TopicPartition, int]] = {}

    def add(self, producer_id: int, offsets: dict[TopicPartition, int]) -> None:
        """A producer commits offsets in its transaction; the last ones for a partition count."""
        self.pending.setdefault(producer_id, {}).update(offsets)

    def end_transaction(self, producer_id: int, commit: bool) -> None:
        """The marker is there: pending offsets are taken over or dropped.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/OffsetMetadataManager.java
            replayEndTransactionMarker
        Fidelity: exact
        """
        offsets = self.pending.pop(producer_id, {})
        if commit:
            self.committed.update(offsets)

    def fetch(self, name: TopicPartition, require_stable: bool) -> int | ErrorCode | None:
        """The committed offset, None without one; a consumer asks again while a transaction may still change it.

        Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/OffsetMetadataManager.java
            fetchOffsets
        Fidelity: exact
        """
        if require_stable and any(name in offsets for offsets in self.pending.values()):
            return ErrorCode.UNSTABLE_OFFSET_COMMIT
        return self.committed.get(name)
