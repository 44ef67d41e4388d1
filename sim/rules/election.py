"""Who leads a partition: the controller's elections, with eligible leader replicas (KIP-966).

Left out: reassignment of replicas, log directories, metadata versions before 4.0.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Literal

__all__ = [
    "NO_LEADER",
    "RECOVERED",
    "RECOVERING",
    "Election",
    "PartitionRegistration",
    "change_partition",
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
    Fidelity: approximate — log directories and replicas being added or removed are left out
    """

    replicas: tuple[int, ...]
    isr: tuple[int, ...]
    leader: int
    leader_epoch: int = 0
    partition_epoch: int = 0
    elr: tuple[int, ...] = ()
    last_known_elr: tuple[int, ...] = ()
    leader_recovery_state: str = RECOVERED


def change_partition(
    partition: PartitionRegistration,
    *,
    alive: Callable[[int], bool],
    target_isr: Sequence[int] | None = None,
    election: Election = "online",
    min_insync_replicas: int,
    elr_enabled: bool = True,
    unclean_shutdown_replicas: Collection[int] = (),
    leader_recovery_state: str | None = None,
) -> PartitionRegistration | None:
    """The partition after its ISR or its brokers changed, with a leader elected if need be; None if nothing changes.

    `alive` tells which brokers may lead; `target_isr` is the wanted ISR, None for the present one. The leader epoch
    grows when the leader changes, the partition epoch with every change. `leader_recovery_state` is what a leader
    reports when it has recovered. The ELR is kept in ascending order, Kafka's is unordered.

    Source: metadata/src/main/java/org/apache/kafka/controller/PartitionChangeBuilder.java build
    Fidelity: exact
    """
    isr = partition.isr if target_isr is None else tuple(target_isr)
    elr = partition.elr
    if elr_enabled:
        elr = eligible_leader_replicas(partition, isr, min_insync_replicas, unclean_shutdown_replicas)
    leader, unclean = _elect(partition, isr, elr, alive, election, elr_enabled)
    recovery = partition.leader_recovery_state
    leader_changed = leader != partition.leader
    if leader_changed and (unclean or leader in elr):
        isr = (leader,)
        elr = () if unclean else tuple(replica for replica in elr if replica != leader)
        recovery = RECOVERING if unclean else recovery
    changed = replace(
        partition,
        isr=isr if isr or elr_enabled else partition.isr,
        leader=leader,
        leader_epoch=partition.leader_epoch + leader_changed,
        elr=elr if elr_enabled else (),
        last_known_elr=_last_known_leader(partition, leader) if elr_enabled else partition.last_known_elr,
        leader_recovery_state=_reported(leader_recovery_state, partition.leader_recovery_state, recovery),
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


def _elect(
    partition: PartitionRegistration,
    isr: Sequence[int],
    elr: Sequence[int],
    alive: Callable[[int], bool],
    election: Election,
    elr_enabled: bool,
) -> tuple[int, bool]:
    """The new leader and whether its election is unclean."""
    valid = isr or elr
    preferred = partition.replicas[:1] if election == "preferred" else ()
    for replica in (*preferred, partition.leader, *partition.replicas):
        if replica in valid and alive(replica):
            return replica, False
    if elr_enabled and not valid and len(partition.last_known_elr) == 1 and alive(partition.last_known_elr[0]):
        return partition.last_known_elr[0], True
    if election == "unclean":
        for replica in partition.replicas:
            if alive(replica):
                return replica, True
    return NO_LEADER, False


def _last_known_leader(partition: PartitionRegistration, leader: int) -> tuple[int, ...]:
    if leader == partition.leader:
        return partition.last_known_elr
    if leader != NO_LEADER:
        return ()
    return partition.last_known_elr or (partition.leader,)


def _reported(reported: str | None, before: str, after: str) -> str:
    return after if reported is None or reported == before else reported
