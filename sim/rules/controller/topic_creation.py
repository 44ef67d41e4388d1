"""What becomes of a request to create a topic, or to give one more partitions: names, numbers, replicas.

Left out: policies, the quota of partition changes, partition directories.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence

from sim.rules.config import BrokerConfig
from sim.rules.controller.election import NO_LEADER, PartitionRegistration
from sim.rules.controller.metadata import BrokerRegistration
from sim.rules.controller.placement import UsableBroker, place_replicas
from sim.rules.errors import ErrorCode, InvalidReplicationFactorError, KafkaError
from sim.rules.protocol.topic import NewPartitions, NewTopic

__all__ = ["TopicRefusedError", "added_partitions", "new_partition", "new_topic_partitions", "require_new_topic_name"]

MAX_NAME_LENGTH = 249

Brokers = Mapping[int, BrokerRegistration]
RandomBelow = Callable[[int], int]


class TopicRefusedError(KafkaError):
    """Why a topic is not created, changed or deleted; `code` is Kafka's name of the reason."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def require_new_topic_name(name: str, existing: Collection[str]) -> None:
    """Raises TopicRefusedError for a name that no topic may have, or that one has, or nearly so.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java validateNewTopicNames,
        clients/src/main/java/org/apache/kafka/common/internals/Topic.java validate
    Fidelity: exact
    """
    if not name or name in (".", "..") or len(name) > MAX_NAME_LENGTH or not re.fullmatch(r"[a-zA-Z0-9._-]+", name):
        words = f"Topic name {name!r} is illegal: 1 to {MAX_NAME_LENGTH} of the characters a-z A-Z 0-9 . _ -"
        raise TopicRefusedError(ErrorCode.INVALID_TOPIC_EXCEPTION, words)
    if name in existing:
        raise TopicRefusedError(ErrorCode.TOPIC_ALREADY_EXISTS, f"Topic '{name}' already exists.")
    alike = next((other for other in existing if other.replace(".", "_") == name.replace(".", "_")), None)
    if alike is not None:
        words = f"Topic '{name}' collides with existing topic: {alike}"
        raise TopicRefusedError(ErrorCode.INVALID_TOPIC_EXCEPTION, words)


def new_topic_partitions(
    topic: NewTopic, config: BrokerConfig, brokers: Brokers, random_below: RandomBelow
) -> list[PartitionRegistration]:
    """The partitions of a new topic; brokers that are fenced or shut down may be replicas, but are not in sync.

    Raises TopicRefusedError.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java createTopic
    Fidelity: exact
    """
    if topic.replica_assignments:
        return _assigned(topic, brokers)
    if topic.replication_factor < -1 or topic.replication_factor == 0:
        words = "Replication factor must be larger than 0, or -1 to use the default value."
        raise TopicRefusedError(ErrorCode.INVALID_REPLICATION_FACTOR, words)
    if topic.num_partitions < -1 or topic.num_partitions == 0:
        words = "Number of partitions was set to an invalid non-positive value."
        raise TopicRefusedError(ErrorCode.INVALID_PARTITIONS, words)
    count = config.num_partitions if topic.num_partitions == -1 else topic.num_partitions
    factor = config.default_replication_factor if topic.replication_factor == -1 else topic.replication_factor
    return _placed(brokers, count, factor, random_below)


def added_partitions(
    topic: str,
    wanted: NewPartitions,
    present: Sequence[PartitionRegistration],
    brokers: Brokers,
    random_below: RandomBelow,
) -> list[PartitionRegistration]:
    """The partitions that a topic gets in addition, with as many replicas as its first one.

    Raises TopicRefusedError.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java createPartitions
    Fidelity: exact
    """
    count, factor = len(present), len(present[0].replicas)
    if wanted.total_count == count:
        raise TopicRefusedError(ErrorCode.INVALID_PARTITIONS, f"Topic already has {count} partition(s).")
    if wanted.total_count < count:
        words = f"The topic {topic} currently has {count} partition(s); {wanted.total_count} would not be an increase."
        raise TopicRefusedError(ErrorCode.INVALID_PARTITIONS, words)
    additional = wanted.total_count - count
    if wanted.new_assignments is None:
        return _placed(brokers, additional, factor, random_below)
    if len(wanted.new_assignments) != additional:
        words = (
            f"Attempted to add {additional} additional partition(s), but only {len(wanted.new_assignments)} "
            "assignment(s) were specified."
        )
        raise TopicRefusedError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, words)
    return [_manual(number, replicas, factor, brokers) for number, replicas in enumerate(wanted.new_assignments, count)]


def _placed(brokers: Brokers, count: int, factor: int, random_below: RandomBelow) -> list[PartitionRegistration]:
    refused = f"Unable to replicate the partition {factor} time(s): "
    usable = [UsableBroker(broker, brokers[broker].rack, brokers[broker].fenced) for broker in sorted(brokers)]
    try:
        placed = place_replicas(usable, count, factor, random_below)
    except InvalidReplicationFactorError as wrong:
        raise TopicRefusedError(ErrorCode.INVALID_REPLICATION_FACTOR, f"{refused}{wrong}") from wrong
    found = [new_partition(replicas, lambda broker: brokers[broker].is_active) for replicas in placed]
    if not all(partition.isr for partition in found):
        words = f"{refused}All brokers are currently fenced or in controlled shutdown."
        raise TopicRefusedError(ErrorCode.INVALID_REPLICATION_FACTOR, words)
    return found


def _assigned(topic: NewTopic, brokers: Brokers) -> list[PartitionRegistration]:
    """The partitions of a topic whose replicas somebody has chosen."""
    for given, words in ((topic.replication_factor, "replication factor"), (topic.num_partitions, "numPartitions")):
        if given != -1:
            told = f"A manual partition assignment was specified, but {words} was not set to -1."
            raise TopicRefusedError(ErrorCode.INVALID_REQUEST, told)
    assignments = topic.replica_assignments
    factor = len(next(iter(assignments.values())))
    found = {number: _manual(number, replicas, factor, brokers) for number, replicas in assignments.items()}
    if sorted(found) != list(range(len(found))):
        words = "partitions should be a consecutive 0-based integer sequence"
        raise TopicRefusedError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, words)
    return [found[number] for number in range(len(found))]


def _manual(number: int, replicas: Sequence[int], factor: int, brokers: Brokers) -> PartitionRegistration:
    unknown = [broker for broker in replicas if broker not in brokers]
    words = ""
    if not replicas:
        words = "The manual partition assignment includes an empty replica list."
    elif unknown:
        words = f"The manual partition assignment includes broker {unknown[0]}, but no such broker is registered."
    elif len(set(replicas)) < len(replicas):
        words = "The manual partition assignment includes a broker more than once."
    elif len(replicas) != factor:
        words = (
            f"The manual partition assignment includes a partition with {len(replicas)} replica(s), but this is not "
            f"consistent with previous partitions, which have {factor} replica(s)."
        )
    found = None if words else new_partition(replicas, lambda broker: brokers[broker].is_active)
    if found is not None and found.isr:
        return found
    words = words or (
        f"All brokers specified in the manual partition assignment for partition {number} are fenced or in "
        "controlled shutdown."
    )
    raise TopicRefusedError(ErrorCode.INVALID_REPLICA_ASSIGNMENT, words)


def new_partition(replicas: Sequence[int], is_active: Callable[[int], bool]) -> PartitionRegistration:
    """A partition as it begins: in sync are the replicas on active brokers, and the first of them leads.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java buildPartitionRegistration
    Fidelity: exact
    """
    isr = tuple(broker for broker in replicas if is_active(broker))
    return PartitionRegistration(tuple(replicas), isr, isr[0] if isr else NO_LEADER)
