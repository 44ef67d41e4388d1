"""What the controller announces of topics that change."""

from dataclasses import dataclass

__all__ = ["TOPIC_JOURNAL", "PartitionsCreated", "TopicConfigChanged", "TopicDeleted"]


@dataclass(frozen=True, slots=True)
class TopicDeleted:
    """A topic exists no longer."""

    topic: str


@dataclass(frozen=True, slots=True)
class PartitionsCreated:
    """A topic has more partitions from now on."""

    topic: str
    partition_count: int


@dataclass(frozen=True, slots=True)
class TopicConfigChanged:
    """A topic has a value of its own for a key, or with None none any more."""

    topic: str
    key: str
    value: str


TOPIC_JOURNAL: tuple[type, ...] = (TopicDeleted, PartitionsCreated, TopicConfigChanged)
