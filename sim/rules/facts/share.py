"""What is announced of share groups, beside the deliveries: what came back, what was given up."""

from dataclasses import dataclass

from sim.rules.topics import TopicPartition

__all__ = ["SHARE_JOURNAL", "ShareRecordsArchived", "ShareRecordsReturned"]


@dataclass(frozen=True, slots=True)
class ShareRecordsReturned:
    """Records that were held are available again, and will be delivered once more.

    `cause` is `released` by the member, its `session ended`, or the `lock timed out`; `spans` are first and last
    offsets.
    """

    group_id: str
    partition: TopicPartition
    cause: str
    count: int
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class ShareRecordsArchived:
    """Records that the group will not get again: rejected, or delivered as often as the limit allows."""

    group_id: str
    partition: TopicPartition
    cause: str
    count: int
    spans: tuple[tuple[int, int], ...]


SHARE_JOURNAL: tuple[type, ...] = (ShareRecordsReturned, ShareRecordsArchived)
