"""What a group coordinator announces of committed offsets; too much to write, so no part of the journal."""

from dataclasses import dataclass

from sim.rules.topics import TopicPartition

__all__ = ["CommitAccepted", "OffsetsForgotten"]


@dataclass(frozen=True, slots=True)
class CommitAccepted:
    """A coordinator writes the offsets that somebody commits; generation -1 is of no member, but an administrator."""

    group_id: str
    member_id: str
    generation: int
    offsets: tuple[tuple[TopicPartition, int], ...]


@dataclass(frozen=True, slots=True)
class OffsetsForgotten:
    """A group has no committed offsets of these partitions any more: on request, or as the topic is gone."""

    group_id: str
    partitions: tuple[TopicPartition, ...]
