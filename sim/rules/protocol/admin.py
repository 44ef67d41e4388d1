"""Requests of administrators that concern the data of partitions."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import HEADER_SIZE_BYTES, PARTITION_SIZE_BYTES, Message
from sim.rules.topics import TopicPartition

__all__ = [
    "INTERNAL_TOPICS",
    "INVALID_LOW_WATERMARK",
    "DeleteRecordsRequest",
    "DeleteRecordsResponse",
    "DeletedRecords",
]

INVALID_LOW_WATERMARK = -1
INTERNAL_TOPICS = ("__consumer_offsets", "__transaction_state", "__share_group_state")


@dataclass(slots=True)
class DeleteRecordsRequest(Message):
    """Delete the records below an offset, -1 for the high watermark; answered when every live replica has done it."""

    offsets: Mapping[TopicPartition, int]
    timeout_ms: int = 60_000

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.offsets)


@dataclass(slots=True)
class DeletedRecords:
    """One partition's result: the first offset that is left on every live replica."""

    error: ErrorCode
    low_watermark: int = INVALID_LOW_WATERMARK


@dataclass(slots=True)
class DeleteRecordsResponse(Message):
    """What became of each partition."""

    partitions: dict[TopicPartition, DeletedRecords] = field(default_factory=dict)

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + PARTITION_SIZE_BYTES * len(self.partitions)
