"""Topics that the brokers create for themselves when they are first needed.

Left out: a topic that cannot have as many replicas as configured is created with as many as there are brokers.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from sim.rules.config import BrokerConfig
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import Message
from sim.rules.share.share_group_state import SHARE_GROUP_STATE_TOPIC
from sim.rules.transactions.transaction_log import TRANSACTION_STATE_TOPIC

__all__ = ["CreateInternalTopicRequest", "CreateInternalTopicResponse", "InternalTopic", "internal_topics"]

_SHARE_STATE_PARTITION_COUNT = 50
_SHARE_STATE_REPLICATION_FACTOR = 3
_SHARE_STATE_MIN_ISR = 2
_SHARE_STATE_SEGMENT_BYTES = 104_857_600
_TRANSACTION_STATE_SEGMENT_BYTES = 104_857_600


@dataclass(frozen=True, slots=True)
class InternalTopic:
    """Partitions, replicas and configuration of a topic that the brokers use themselves."""

    name: str
    partition_count: int
    replication_factor: int
    config: Mapping[str, object]


@dataclass(slots=True)
class CreateInternalTopicRequest(Message):
    """A broker asks the controller for an internal topic.

    Source: clients/src/main/resources/common/message/CreateTopicsRequest.json
    Fidelity: approximate — a name only: the controller knows the rest
    """

    name: str


@dataclass(slots=True)
class CreateInternalTopicResponse(Message):
    """The topic exists, or does not."""

    error: ErrorCode


def internal_topics(config: BrokerConfig) -> dict[str, InternalTopic]:
    """The topics that are created on demand, by name.

    Source: core/src/main/scala/kafka/server/AutoTopicCreationManager.scala creatableTopic,
        share-coordinator/src/main/java/org/apache/kafka/coordinator/share/ShareCoordinatorService.java
        shareGroupStateTopicConfigs, core/src/main/scala/kafka/coordinator/transaction/TransactionStateManager.scala
        transactionTopicConfigs
    Fidelity: exact
    """
    share = InternalTopic(
        SHARE_GROUP_STATE_TOPIC,
        _SHARE_STATE_PARTITION_COUNT,
        _SHARE_STATE_REPLICATION_FACTOR,
        {
            "cleanup.policy": "delete",
            "min.insync.replicas": _SHARE_STATE_MIN_ISR,
            "retention.ms": -1,
            "segment.bytes": _SHARE_STATE_SEGMENT_BYTES,
        },
    )
    transactions = InternalTopic(
        TRANSACTION_STATE_TOPIC,
        config.transaction_state_log_num_partitions,
        config.transaction_state_log_replication_factor,
        {
            "cleanup.policy": "compact",
            "min.insync.replicas": config.transaction_state_log_min_isr,
            "segment.bytes": _TRANSACTION_STATE_SEGMENT_BYTES,
            "unclean.leader.election.enable": False,
        },
    )
    return {topic.name: topic for topic in (share, transactions)}
