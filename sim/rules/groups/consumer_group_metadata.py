"""What a consumer group knows of its topics: a hash that changes when they do, and the kind of its subscriptions."""

import hashlib
from collections.abc import Iterable, Mapping
from enum import Enum

from sim.rules.controller.metadata import MetadataImage
from sim.rules.groups.consumer_group_members import ConsumerGroupMember
from sim.rules.groups.consumer_group_records import ResolvedRegex
from sim.rules.topics import TopicPartition

__all__ = ["SubscriptionType", "group_metadata_hash", "subscribed_topics", "subscription_type", "topic_metadata_hash"]


class SubscriptionType(Enum):
    """Whether all members subscribe to the same topics.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/ModernGroup.java subscriptionType
    Fidelity: exact
    """

    HOMOGENEOUS = "Homogeneous"
    HETEROGENEOUS = "Heterogeneous"


def topic_metadata_hash(topic: str, image: MetadataImage) -> str:
    """A hash of a topic's name, partition count and the racks of its replicas; empty for an unknown topic.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/Utils.java computeTopicHash
    Fidelity: approximate — another hash function, without the topic's id
    """
    count = image.partition_counts.get(topic, 0)
    if not count:
        return ""
    racks = [_racks(TopicPartition(topic, number), image) for number in range(count)]
    return hashlib.sha256(repr((topic, count, racks)).encode()).hexdigest()[:16]


def _racks(partition: TopicPartition, image: MetadataImage) -> list[str]:
    registration = image.partitions.get(partition)
    replicas = () if registration is None else registration.replicas
    return sorted(image.brokers[replica].rack for replica in replicas if replica in image.brokers)


def group_metadata_hash(topic_hashes: Mapping[str, str]) -> str:
    """One hash of the hashes of all subscribed topics that exist; empty without any.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/Utils.java computeGroupHash
    Fidelity: approximate — another hash function
    """
    existing = [topic_hashes[topic] for topic in sorted(topic_hashes) if topic_hashes[topic]]
    return hashlib.sha256("".join(existing).encode()).hexdigest()[:16] if existing else ""


def subscribed_topics(members: Iterable[ConsumerGroupMember], resolved: Mapping[str, ResolvedRegex]) -> frozenset[str]:
    """Topics that any of these members subscribes to, by name or by a regular expression that is resolved.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/consumer/ConsumerGroup.java
        computeSubscribedTopicNames
    Fidelity: exact
    """
    subscriptions = {(member.subscribed_topic_names, member.subscribed_topic_regex) for member in members}
    by_regex = [resolved[regex].topics for _, regex in subscriptions if regex in resolved]
    return frozenset().union(*(names for names, _ in subscriptions), *by_regex)


def subscription_type(members: Iterable[ConsumerGroupMember]) -> SubscriptionType:
    """Whether the members may be dealt with alike: all the same names, or all the same regular expression and no name.

    Source: group-coordinator/src/main/java/org/apache/kafka/coordinator/group/modern/consumer/ConsumerGroup.java
        subscriptionType
    Fidelity: exact
    """
    subscriptions = {(member.subscribed_topic_names, member.subscribed_topic_regex) for member in members}
    alike = len(subscriptions) <= 1 and all(not regex or not names for names, regex in subscriptions)
    return SubscriptionType.HOMOGENEOUS if alike else SubscriptionType.HETEROGENEOUS
