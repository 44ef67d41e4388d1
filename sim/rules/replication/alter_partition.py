"""AlterPartition: when the controller refuses a leader's new ISR, and what the leader makes of a refusal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sim.rules.controller.election import RECOVERED, RECOVERING, PartitionRegistration
from sim.rules.controller.metadata import BrokerRegistration
from sim.rules.errors import ErrorCode

__all__ = [
    "ProposedIsr",
    "Reaction",
    "alter_partition_answer",
    "alter_partition_refusal",
    "proposed_isr",
    "reaction_to_refusal",
]

UNKNOWN_BROKER_EPOCH = -1

Reaction = Literal["reset", "wait", "retry"]


@dataclass(frozen=True, slots=True)
class ProposedIsr:
    """An ISR as the leader of an epoch wants it, with the broker epoch under which it knows each member.

    Source: clients/src/main/resources/common/message/AlterPartitionRequest.json
    Fidelity: exact
    """

    leader_epoch: int
    partition_epoch: int
    isr: tuple[int, ...]
    broker_epochs: tuple[int, ...]
    leader_recovery_state: str = RECOVERED


def proposed_isr(
    partition: PartitionRegistration, isr: tuple[int, ...], broker_epochs: Mapping[int, int | None]
) -> ProposedIsr:
    """The proposal of a leader for its partition; a member whose broker epoch it does not know gets -1.

    Source: core/src/main/scala/kafka/cluster/Partition.scala addBrokerEpochToIsr
    Fidelity: exact
    """
    epochs = (broker_epochs.get(broker) for broker in isr)
    members = tuple(UNKNOWN_BROKER_EPOCH if epoch is None else epoch for epoch in epochs)
    return ProposedIsr(partition.leader_epoch, partition.partition_epoch, isr, members)


def alter_partition_refusal(
    partition: PartitionRegistration | None,
    broker_id: int,
    proposal: ProposedIsr,
    brokers: Mapping[int, BrokerRegistration],
    topic_exists: bool = True,
) -> ErrorCode | None:
    """Why the controller refuses a proposal of a broker for one partition, None when it accepts it.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
        alterPartition, validateAlterPartitionData
    Fidelity: exact
    """
    if partition is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION if topic_exists else ErrorCode.UNKNOWN_TOPIC_ID
    if proposal.leader_epoch > partition.leader_epoch or proposal.partition_epoch > partition.partition_epoch:
        return ErrorCode.NOT_CONTROLLER
    if proposal.leader_epoch < partition.leader_epoch:
        return ErrorCode.FENCED_LEADER_EPOCH
    if broker_id != partition.leader:
        return ErrorCode.INVALID_REQUEST
    if proposal.partition_epoch < partition.partition_epoch:
        return ErrorCode.INVALID_UPDATE_VERSION
    if not _is_possible(partition, proposal):
        return ErrorCode.INVALID_REQUEST
    members = zip(proposal.isr, proposal.broker_epochs, strict=True)
    if not all(_is_eligible(brokers.get(member), broker_epoch) for member, broker_epoch in members):
        return ErrorCode.INELIGIBLE_REPLICA
    return None


def alter_partition_answer(broker_id: int, changed: PartitionRegistration) -> ErrorCode:
    """The answer to an accepted proposal: its sender may have lost its lead to the reassignment that it completed.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java alterPartition
    Fidelity: exact
    """
    return ErrorCode.NONE if changed.leader == broker_id else ErrorCode.NEW_LEADER_ELECTED


def _is_possible(partition: PartitionRegistration, proposal: ProposedIsr) -> bool:
    """Whether the ISR is one of this partition's, with its leader, and alone with it while it recovers."""
    isr = proposal.isr
    if len(set(isr)) < len(isr) or partition.leader not in isr or not set(isr) <= set(partition.replicas):
        return False
    if proposal.leader_recovery_state == RECOVERED:
        return True
    return len(isr) == 1 and partition.leader_recovery_state == RECOVERING


def _is_eligible(broker: BrokerRegistration | None, broker_epoch: int) -> bool:
    if broker is None or broker.in_controlled_shutdown or broker.fenced:
        return False
    return broker_epoch in (UNKNOWN_BROKER_EPOCH, broker.broker_epoch)


def reaction_to_refusal(error: ErrorCode) -> Reaction:
    """What the leader does: go back to the committed ISR, wait for the metadata log, or ask again.

    Source: core/src/main/scala/kafka/cluster/Partition.scala handleAlterPartitionError
    Fidelity: exact
    """
    if error in (ErrorCode.OPERATION_NOT_ATTEMPTED, ErrorCode.INELIGIBLE_REPLICA):
        return "reset"
    return "wait" if error in _OVERTAKEN else "retry"


_OVERTAKEN = (
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.UNKNOWN_TOPIC_ID,
    ErrorCode.FENCED_LEADER_EPOCH,
    ErrorCode.INVALID_UPDATE_VERSION,
    ErrorCode.INVALID_REQUEST,
    ErrorCode.NEW_LEADER_ELECTED,
)
