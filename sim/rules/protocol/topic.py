"""Requests that change topics, as administrators send them to any broker, which forwards them to the controller.

Source: clients/src/main/resources/common/message/CreateTopicsRequest.json and its siblings
Fidelity: approximate — sizes are counted per topic and partition, not encoded
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sim.rules.controller.topic_configs import AlterConfigOp, ConfigEntry
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import HEADER_SIZE_BYTES, NAME_SIZE_BYTES, Message

__all__ = [
    "AlterConfigsResponse",
    "CreatePartitionsRequest",
    "CreatePartitionsResponse",
    "CreateTopicsRequest",
    "CreateTopicsResponse",
    "DeleteTopicsRequest",
    "DeleteTopicsResponse",
    "DescribeConfigsRequest",
    "DescribeConfigsResponse",
    "IncrementalAlterConfigsRequest",
    "NewPartitions",
    "NewTopic",
    "TopicError",
    "TopicErrors",
]

FORWARDING_TIMEOUT_MS = 30_000


@dataclass(frozen=True, slots=True)
class NewTopic:
    """A topic to create; -1 stands for num.partitions and default.replication.factor of the controller.

    `replica_assignments` lists the replicas of each partition, the preferred leader first, instead of both numbers.
    """

    name: str
    num_partitions: int = -1
    replication_factor: int = -1
    replica_assignments: Mapping[int, Sequence[int]] = field(default_factory=dict)
    config: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewPartitions:
    """How many partitions a topic is to have, and on demand the replicas of each one that is new."""

    total_count: int
    new_assignments: Sequence[Sequence[int]] | None = None


@dataclass(frozen=True, slots=True)
class TopicError:
    """What became of one topic: NONE, or an error and its reason in words."""

    error: ErrorCode
    message: str = ""


TopicErrors = dict[str, TopicError]


@dataclass(slots=True)
class _ForTopics(Message):
    topics: Mapping[str, object]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + 2 * NAME_SIZE_BYTES * len(self.topics)


@dataclass(slots=True)
class CreateTopicsRequest(Message):
    """Topics to create, each on its own; with `validate_only` nothing is created."""

    topics: Sequence[NewTopic]
    validate_only: bool = False

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        configs = sum(len(topic.config) for topic in self.topics)
        return HEADER_SIZE_BYTES + NAME_SIZE_BYTES * (len(self.topics) + 2 * configs)


@dataclass(slots=True)
class CreateTopicsResponse(_ForTopics):
    """What became of each topic."""

    topics: TopicErrors


@dataclass(slots=True)
class DeleteTopicsRequest(Message):
    """Topics to delete."""

    topics: Sequence[str]

    def size_bytes(self) -> int:
        """Bytes on the wire."""
        return HEADER_SIZE_BYTES + NAME_SIZE_BYTES * len(self.topics)


@dataclass(slots=True)
class DeleteTopicsResponse(_ForTopics):
    """What became of each topic."""

    topics: TopicErrors


@dataclass(slots=True)
class CreatePartitionsRequest(_ForTopics):
    """Topics that are to have more partitions."""

    topics: Mapping[str, NewPartitions]
    validate_only: bool = False


@dataclass(slots=True)
class CreatePartitionsResponse(_ForTopics):
    """What became of each topic."""

    topics: TopicErrors


@dataclass(slots=True)
class IncrementalAlterConfigsRequest(_ForTopics):
    """Changes of topics' configurations; those of one topic are made all or none."""

    topics: Mapping[str, Sequence[AlterConfigOp]]
    validate_only: bool = False


@dataclass(slots=True)
class AlterConfigsResponse(_ForTopics):
    """What became of each topic."""

    topics: TopicErrors


@dataclass(slots=True)
class DescribeConfigsRequest(_ForTopics):
    """Which configurations hold for these topics? `keys` None asks for all keys."""

    topics: Mapping[str, Sequence[str] | None]


@dataclass(slots=True)
class DescribeConfigsResponse(_ForTopics):
    """The entries of each topic, or UNKNOWN_TOPIC_OR_PARTITION."""

    topics: Mapping[str, Sequence[ConfigEntry] | ErrorCode]
