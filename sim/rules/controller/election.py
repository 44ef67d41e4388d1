"""Who leads a partition: the controller's elections, with eligible leader replicas (KIP-966).

Left out: metadata versions before 3.6, under which a smaller ISR raised the leader epoch.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from sim.rules.controller.reassignment import Assignment, completed_reassignment
from sim.rules.errors import ErrorCode

__all__ = [
    "NO_LEADER",
    "RECOVERED",
    "RECOVERING",
    "Election",
    "PartitionRegistration",
    "change_partition",
    "election_failure",
    "election_refusal",
    "eligible_leader_replicas",
]

Election = Literal["online", "preferred", "unclean"]

NO_LEADER = -1
RECOVERED = "RECOVERED"
RECOVERING = "RECOVERING"


@dataclass(frozen=True, slots=True)
class PartitionRegistration:
    """What the controller holds of one partition; replica lists are broker ids, `replicas` in order of preference.

    Source: metadata/src/main/java/org/apache/kafka/metadata/PartitionRegistration.java
    Fidelity: approximate — log directories are noted beside it (ReplicaDirectory)
    """

    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    leader: int
    leader_epoch: int = 0
    partition_epoch: int = 0
    elr: tuple[int, ...] = ()
    last_known_elr: tuple[int, ...] = ()
    leader_recovery_state: str = RECOVERED
    adding_replicas: tuple[int, ...] = ()
    removing_replicas: tuple[int, ...] = ()

    @property
    def assignment(self) -> Assignment:
        """The replicas, with those that a reassignment adds and removes."""
        return Assignment(self.replicas, self.adding_replicas, self.removing_replicas)

    @property
    def is_under_replicated(self) -> bool:
        """Whether fewer replicas are in sync than there are without those being added."""
        return len(self.isr) < len(self.replicas) - len(self.adding_replicas)


def change_partition(
    partition: PartitionRegistration,
    *,
    alive: Callable[[int], bool],
    target_isr: Sequence[int] | None = None,
    target_assignment: Assignment | None = None,
    election: Election = "online",
    min_insync_replicas: int,
    elr_enabled: bool = True,
    unclean_shutdown_replicas: Collection[int] = (),
    leader_recovery_state: str | None = None,
) -> PartitionRegistration | None:
    """The partition after its ISR, its brokers or its assignment changed; None if nothing changes.

    A reassignment that the ISR completes is brought to its end, and a leader is elected if need be. `alive` tells
    which brokers may lead; `target_isr` and `target_assignment` are what is wanted, None for what there is. The leader
    epoch grows when the leader changes or replicas go, the partition epoch with every change. `leader_recovery_state`
    is what a leader reports when it has recovered. The ELR is kept in ascending order, Kafka's is unordered.

    Source: metadata/src/main/java/org/apache/kafka/controller/PartitionChangeBuilder.java build
    Fidelity: exact
    """
    assignment, isr = _targets(partition, target_assignment, target_isr)
    elr = partition.elr
    if elr_enabled:
        elr = eligible_leader_replicas(partition, isr, min_insync_replicas, unclean_shutdown_replicas)
    leader, unclean = _elect(partition, assignment.replicas, isr, elr, alive, election, elr_enabled)
    recovery = partition.leader_recovery_state
    if leader != partition.leader and (unclean or leader in elr):
        isr = (leader,)
        elr = () if unclean else tuple(replica for replica in elr if replica != leader)
        recovery = RECOVERING if unclean else recovery
    new_epoch = leader != partition.leader or not set(partition.replicas) <= set(assignment.replicas)
    changed = replace(
        partition,
        replicas=assignment.replicas or partition.replicas,
        isr=isr if isr or elr_enabled else partition.isr,
        leader=leader,
        leader_epoch=partition.leader_epoch + new_epoch,
        elr=elr if elr_enabled else (),
        last_known_elr=_last_known_leader(partition, leader) if elr_enabled and new_epoch else partition.last_known_elr,
        leader_recovery_state=_reported(leader_recovery_state, partition.leader_recovery_state, recovery),
        adding_replicas=assignment.adding,
        removing_replicas=assignment.removing,
    )
    return None if changed == partition else replace(changed, partition_epoch=partition.partition_epoch + 1)


def eligible_leader_replicas(
    partition: PartitionRegistration,
    isr: Sequence[int],
    min_insync_replicas: int,
    unclean_shutdown_replicas: Collection[int] = (),
) -> tuple[int, ...]:
    """Replicas outside the ISR that still hold every committed record.

    Members that leave the ISR while it is below the minimum enter; all leave once the minimum is reached, one leaves
    when its broker shut down uncleanly.

    Source: metadata/src/main/java/org/apache/kafka/controller/PartitionChangeBuilder.java maybePopulateTargetElr
    Fidelity: exact
    """
    if len(isr) >= min_insync_replicas:
        return ()
    candidates = {*partition.elr, *partition.isr}.difference(isr, unclean_shutdown_replicas)
    return tuple(sorted(candidates))


def election_refusal(partition: PartitionRegistration, election: Election) -> ErrorCode | None:
    """Why an election by request does not take place: the preferred replica leads, or there is a leader at all.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java electLeader
    Fidelity: exact
    """
    if election == "preferred":
        needed = partition.leader != (partition.replicas[0] if partition.replicas else NO_LEADER)
    else:
        needed = partition.leader == NO_LEADER
    return None if needed else ErrorCode.ELECTION_NOT_NEEDED


def election_failure(election: Election) -> ErrorCode:
    """The answer to an election by request that has changed nothing.

    Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java electLeader
    Fidelity: exact
    """
    preferred = election == "preferred"
    return ErrorCode.PREFERRED_LEADER_NOT_AVAILABLE if preferred else ErrorCode.ELIGIBLE_LEADERS_NOT_AVAILABLE


def _targets(
    partition: PartitionRegistration, target_assignment: Assignment | None, target_isr: Sequence[int] | None
) -> tuple[Assignment, tuple[int, ...]]:
    """The wanted assignment and ISR, after the reassignment if the ISR completes it."""
    assignment = partition.assignment if target_assignment is None else target_assignment
    isr = partition.isr if target_isr is None else tuple(target_isr)
    completion = completed_reassignment(assignment, isr)
    return (assignment, isr) if completion is None else (Assignment(completion.replicas), completion.isr)


def _elect(
    partition: PartitionRegistration,
    replicas: Sequence[int],
    isr: Sequence[int],
    elr: Sequence[int],
    alive: Callable[[int], bool],
    election: Election,
    elr_enabled: bool,
) -> tuple[int, bool]:
    """The new leader and whether its election is unclean."""
    valid = isr or elr
    preferred = replicas[:1] if election == "preferred" else ()
    for replica in (*preferred, partition.leader, *replicas):
        if replica in valid and alive(replica):
            return replica, False
    if elr_enabled and not valid and len(partition.last_known_elr) == 1 and alive(partition.last_known_elr[0]):
        return partition.last_known_elr[0], True
    if election == "unclean":
        for replica in replicas:
            if alive(replica):
                return replica, True
    return NO_LEADER, False


def _last_known_leader(partition: PartitionRegistration, leader: int) -> tuple[int, ...]:
    """Who led last, in a new leader epoch: remembered while nobody leads, the first time it happens."""
    if leader != NO_LEADER:
        return ()
    return partition.last_known_elr or (partition.leader,)


def _reported(reported: str | None, before: str, after: str) -> str:
    return after if reported is None or reported == before else reported
