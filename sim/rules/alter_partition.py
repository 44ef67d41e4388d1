"""AlterPartition: when the controller refuses a leader's new ISR, and what the leader makes of a refusal.

Left out: reassignment, controlled shutdown.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sim.rules.election import PartitionRegistration
from sim.rules.errors import ErrorCode
from sim.rules.metadata import BrokerRegistration

__all__ = ["ProposedIsr", "Reaction", "alter_partition_refusal", "proposed_isr", "reaction_to_refusal"]

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
) -> ErrorCode | None:
    """Why the controller refuses a proposal of a broker for one partition, None when it accepts it.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java validateAlterPartitionData
    Fidelity: exact
    """
    if partition is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if proposal.leader_epoch > partition.leader_epoch or proposal.partition_epoch > partition.partition_epoch:
        return ErrorCode.NOT_CONTROLLER
    if proposal.leader_epoch < partition.leader_epoch:
        return ErrorCode.FENCED_LEADER_EPOCH
    if broker_id != partition.leader:
        return ErrorCode.INVALID_REQUEST
    if proposal.partition_epoch < partition.partition_epoch:
        return ErrorCode.INVALID_UPDATE_VERSION
    unique = len(set(proposal.isr)) == len(proposal.isr)
    if not unique or partition.leader not in proposal.isr or not set(proposal.isr) <= set(partition.replicas):
        return ErrorCode.INVALID_REQUEST
    members = zip(proposal.isr, proposal.broker_epochs, strict=True)
    if not all(_is_eligible(brokers.get(member), broker_epoch) for member, broker_epoch in members):
        return ErrorCode.INELIGIBLE_REPLICA
    return None


def _is_eligible(broker: BrokerRegistration | None, broker_epoch: int) -> bool:
    if broker is None or broker.fenced:
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
    ErrorCode.FENCED_LEADER_EPOCH,
    ErrorCode.INVALID_UPDATE_VERSION,
    ErrorCode.INVALID_REQUEST,
)
