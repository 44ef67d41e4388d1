"""The name of a partition."""

from functools import lru_cache
from typing import NamedTuple

__all__ = ["TopicPartition", "partitions_of"]


class TopicPartition(NamedTuple):
    """One partition of one topic, printed as Kafka prints it: `payments-2`."""

    topic: str
    partition: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}"


@lru_cache(maxsize=4096)
def partitions_of(topic: str, count: int) -> tuple[TopicPartition, ...]:
    """The partitions of a topic in order; the same objects at every call, because large groups ask often.

    Source: clients/src/main/java/org/apache/kafka/common/TopicPartition.java
    Fidelity: exact
    """
    return tuple(TopicPartition(topic, number) for number in range(count))
