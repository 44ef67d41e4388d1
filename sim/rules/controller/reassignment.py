"""Moving a partition to other brokers: which replicas are added, which removed, and when the move is complete."""

from collections.abc import Collection, Sequence
from typing import NamedTuple

from sim.rules.errors import ErrorCode

__all__ = [
    "Assignment",
    "Completion",
    "Reversion",
    "completed_reassignment",
    "reassigned",
    "reassignment_refusal",
    "reverted_reassignment",
]


class Assignment(NamedTuple):
    """The replicas of a partition in order of preference, with those on their way in and out among them.

    Source: metadata/src/main/java/org/apache/kafka/controller/PartitionReassignmentReplicas.java
    Fidelity: exact
    """

    replicas: tuple[int, ...]
    adding: tuple[int, ...] = ()
    removing: tuple[int, ...] = ()

    @property
    def is_reassigning(self) -> bool:
        """Whether replicas are on their way in or out."""
        return bool(self.adding or self.removing)


class Completion(NamedTuple):
    """A partition as it is when its reassignment is over."""

    replicas: tuple[int, ...]
    isr: tuple[int, ...]


class Reversion(NamedTuple):
    """A partition as it was before its reassignment; `unclean` when nobody of that time is still in sync."""

    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    unclean: bool


def reassigned(current: Assignment, target: Sequence[int]) -> Assignment:
    """The assignment that begins to move a partition to `target`, from wherever an earlier move has brought it.

    The target comes first, followed by the replicas that it lacks in ascending order. When the new move adds nothing,
    or removes nothing, what an unfinished one was adding or removing stays.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
        changePartitionReassignment; PartitionReassignmentReplicas.java
    Fidelity: exact
    """
    adding = tuple(sorted(set(target).difference(current.replicas)))
    removing = tuple(sorted(set(current.replicas).difference(target)))
    return Assignment((*target, *removing), adding or current.adding, removing or current.removing)


def completed_reassignment(assignment: Assignment, isr: Sequence[int]) -> Completion | None:
    """The replicas and the ISR once a reassignment is over; None while it is not, or there is none.

    It is over when every replica that stays is in the ISR, and then those that were to go are gone at once.

    Source: metadata/src/main/java/org/apache/kafka/controller/PartitionReassignmentReplicas.java
        maybeCompleteReassignment
    Fidelity: exact
    """
    if not assignment.is_reassigning:
        return None
    replicas = _without(assignment.replicas, assignment.removing)
    new_isr = _without(isr, assignment.removing)
    if assignment.removing and not (replicas and new_isr):
        return None
    return Completion(replicas, new_isr) if set(replicas) <= set(new_isr) else None


def reverted_reassignment(assignment: Assignment, isr: Sequence[int]) -> Reversion:
    """What a cancelled reassignment goes back to: without the replicas it added, with those it was to remove.

    If only added replicas are in sync, the first of the others must lead alone, which is an unclean election. Raises
    ValueError when the reassignment adds all replicas that there are.

    Source: metadata/src/main/java/org/apache/kafka/controller/PartitionReassignmentRevert.java
    Fidelity: exact
    """
    replicas = _without(assignment.replicas, assignment.adding)
    remaining = _without(isr, assignment.adding)
    if remaining:
        return Reversion(replicas, remaining, False)
    if not replicas:
        raise ValueError("a reassignment that adds all replicas cannot be reverted")
    return Reversion(replicas, replicas[:1], True)


def reassignment_refusal(
    current: Assignment,
    target: Sequence[int],
    registered: Collection[int],
    allow_replication_factor_change: bool = True,
) -> ErrorCode | None:
    """Why a partition cannot be moved to `target`, or None; a registered broker will do even if it is fenced.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
        validateManualPartitionAssignment, validatePartitionReplicationFactorUnchanged
    Fidelity: exact
    """
    if not target or len(set(target)) < len(target) or not all(broker in registered for broker in target):
        return ErrorCode.INVALID_REPLICA_ASSIGNMENT
    replication_factor = len({*current.replicas, *current.adding}.difference(current.removing))
    if not allow_replication_factor_change and replication_factor != len(target):
        return ErrorCode.INVALID_REPLICATION_FACTOR
    return None


def _without(replicas: Sequence[int], others: Collection[int]) -> tuple[int, ...]:
    return tuple(replica for replica in replicas if replica not in others)
