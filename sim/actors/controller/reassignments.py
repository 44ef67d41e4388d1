"""Moving partitions to other brokers, as somebody asks the controller to.

Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java alterPartitionReassignments
Fidelity: exact
"""

from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.rules.controller.election import PartitionRegistration
from sim.rules.controller.metadata import PartitionChange
from sim.rules.controller.reassignment import Assignment, reassigned, reassignment_refusal, reverted_reassignment
from sim.rules.errors import ErrorCode
from sim.rules.protocol.controller import (
    AlterPartitionReassignmentsRequest,
    AlterPartitionReassignmentsResponse,
    ListPartitionReassignmentsRequest,
    ListPartitionReassignmentsResponse,
)
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.controller.controller import Controller
    from sim.actors.controller.replication_control import ReplicationControl

__all__ = ["Reassignments"]

Outcome = ErrorCode | PartitionRegistration | None


class Reassignments:
    """Begins, changes, cancels and lists reassignments; their end comes with the ISR change that completes them."""

    def __init__(self, controller: "Controller", replication: "ReplicationControl") -> None:
        self._controller = controller
        self._replication = replication

    def alter(self, request: ServerRequest, body: AlterPartitionReassignmentsRequest) -> None:
        """Take orders, each on its own; what is accepted goes to the metadata log as one batch."""
        answers: dict[TopicPartition, ErrorCode] = {}
        changes: list[PartitionChange] = []
        for name, target in body.partitions.items():
            outcome = self._outcome(name, target, body.allow_replication_factor_change)
            answers[name] = outcome if isinstance(outcome, ErrorCode) else ErrorCode.NONE
            if isinstance(outcome, PartitionRegistration):
                changes.append(PartitionChange(name, outcome))
        self._controller.write(changes)
        self._controller.reply(request, AlterPartitionReassignmentsResponse(answers))

    def list_ongoing(self, request: ServerRequest, body: ListPartitionReassignmentsRequest) -> None:
        """Tell which partitions are on the move."""
        partitions = self._replication.image.partitions
        names = partitions if body.partitions is None else [name for name in body.partitions if name in partitions]
        found = {name: partitions[name].assignment for name in names if partitions[name].assignment.is_reassigning}
        self._controller.reply(request, ListPartitionReassignmentsResponse(found))

    def _outcome(self, name: TopicPartition, target: tuple[int, ...] | None, allow_factor_change: bool) -> Outcome:
        partition = self._replication.image.partitions.get(name)
        if partition is None:
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        if target is None:
            return self._cancelled(name, partition)
        registered = self._replication.image.brokers
        refusal = reassignment_refusal(partition.assignment, target, registered, allow_factor_change)
        if refusal is not None:
            return refusal
        assignment = reassigned(partition.assignment, target)
        return self._replication.change(name, partition, "online", assignment=assignment)

    def _cancelled(self, name: TopicPartition, partition: PartitionRegistration) -> Outcome:
        if not partition.assignment.is_reassigning:
            return ErrorCode.NO_REASSIGNMENT_IN_PROGRESS
        reversion = reverted_reassignment(partition.assignment, partition.isr)
        allows_unclean = self._replication.allows_unclean(name.topic)
        if reversion.unclean and not allows_unclean:
            return ErrorCode.INVALID_REPLICA_ASSIGNMENT
        election = self._replication.online(name.topic)
        assignment = Assignment(reversion.replicas)
        return self._replication.change(name, partition, election, isr=reversion.isr, assignment=assignment)
