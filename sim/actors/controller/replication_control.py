"""The part of the controller that keeps the partitions: their ISRs and leaders as brokers come and go.

Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
Fidelity: approximate — partitions of a directory are found among all, where Kafka keeps an index
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.rules.config import TopicConfig
from sim.rules.controller.election import (
    NO_LEADER,
    Election,
    PartitionRegistration,
    change_partition,
    election_failure,
    election_refusal,
)
from sim.rules.controller.metadata import MetadataImage, PartitionChange
from sim.rules.controller.reassignment import Assignment
from sim.rules.errors import ErrorCode
from sim.rules.protocol.controller import (
    AlteredPartition,
    AlterPartitionRequest,
    AlterPartitionResponse,
    ElectLeadersRequest,
    ElectLeadersResponse,
)
from sim.rules.replication.alter_partition import ProposedIsr, alter_partition_answer, alter_partition_refusal
from sim.rules.replication.high_watermark import effective_min_insync_replicas
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.controller.controller import Controller

__all__ = ["NOBODY", "ReplicationControl"]

NOBODY = -1
MAX_ELECTIONS_PER_IMBALANCE = 1000

Partitions = Iterable[tuple[TopicPartition, PartitionRegistration]]


class ReplicationControl:
    """Decides what becomes of partitions; what it returns as changes the caller writes to the metadata log."""

    def __init__(self, controller: "Controller", topic_config: Callable[[str], TopicConfig]) -> None:
        self._controller = controller
        self._topic_config = topic_config

    @property
    def image(self) -> MetadataImage:
        """Everything written, committed or not yet."""
        return self._controller.image

    def has_leaderships(self, broker_id: int) -> bool:
        """Whether a broker leads any partition."""
        return any(partition.leader == broker_id for partition in self.image.partitions.values())

    def allows_unclean(self, topic: str) -> bool:
        """Whether a topic would rather lose records than be without a leader."""
        return self._topic_config(topic).unclean_leader_election_enable

    def broker_gone(self, broker_id: int) -> list[PartitionChange]:
        """A broker is fenced, or shuts down: it leaves every ISR and leads nothing."""
        found = self._partitions_where(lambda partition: broker_id in partition.isr)
        return self._without_brokers(found, removed=broker_id)

    def broker_crashed(self, broker_id: int) -> list[PartitionChange]:
        """A broker registers after an unclean end: its disk may lack what it once had, so it is not even eligible."""
        in_sync = self._partitions_where(lambda partition: broker_id in partition.isr)
        eligible = self._partitions_where(lambda partition: broker_id in partition.elr)
        return self._without_brokers([*in_sync, *eligible], unclean=broker_id)

    def broker_back(self, broker_id: int) -> list[PartitionChange]:
        """A broker is unfenced: it may lead what has no leader."""
        leaderless = self._partitions_where(lambda partition: partition.leader == NO_LEADER)
        return self._without_brokers(leaderless, added=broker_id)

    def directories_gone(self, broker_id: int, directories: Collection[int]) -> list[PartitionChange]:
        """Log directories of a broker are offline: its replicas in them leave every ISR and lead nothing."""
        in_sync = self._partitions_where(lambda partition: broker_id in partition.isr)
        found = [(name, known) for name, known in in_sync if self.image.directory(name, broker_id) in directories]
        return self._without_brokers(found, removed=broker_id)

    def alter_partitions(self, request: ServerRequest, body: AlterPartitionRequest) -> None:
        """Decide about the ISRs that a leader proposes."""
        broker = self.image.brokers.get(body.broker_id)
        if broker is None or broker.broker_epoch != body.broker_epoch:
            request.reply(AlterPartitionResponse(ErrorCode.STALE_BROKER_EPOCH))
            return
        altered: dict[TopicPartition, AlteredPartition] = {}
        changes: list[PartitionChange] = []
        for name, proposal in body.partitions.items():
            altered[name] = self._alter(name, body.broker_id, proposal, changes)
        self._controller.write(changes)
        self._controller.reply(request, AlterPartitionResponse(ErrorCode.NONE, altered))

    def _alter(
        self, name: TopicPartition, broker_id: int, proposal: ProposedIsr, changes: list[PartitionChange]
    ) -> AlteredPartition:
        partition = self.image.partitions.get(name)
        known = name.topic in self.image.partition_counts
        refusal = alter_partition_refusal(partition, broker_id, proposal, self.image.brokers, known)
        if partition is None or refusal is not None:
            return AlteredPartition(refusal or ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
        recovery = proposal.leader_recovery_state
        changed = self.change(name, partition, self.online(name.topic), isr=proposal.isr, recovery=recovery)
        if changed is not None:
            changes.append(PartitionChange(name, changed))
            partition = changed
        answer = alter_partition_answer(broker_id, partition)
        if answer is not ErrorCode.NONE:
            return AlteredPartition(answer)
        return AlteredPartition(answer, partition.isr, partition.leader_epoch, partition.partition_epoch)

    def elect_leaders(self, request: ServerRequest, body: ElectLeadersRequest) -> None:
        """Elect as somebody asks; asked for all partitions, say nothing of those that need no election."""
        names = tuple(self.image.partitions) if body.partitions is None else body.partitions
        changes: list[PartitionChange] = []
        answers = {name: self._elect(name, body.election, changes) for name in names}
        if body.partitions is None:
            answers = {name: error for name, error in answers.items() if error is not ErrorCode.ELECTION_NOT_NEEDED}
        self._controller.write(changes)
        self._controller.reply(request, ElectLeadersResponse(answers))

    def _elect(self, name: TopicPartition, election: Election, changes: list[PartitionChange]) -> ErrorCode:
        partition = self.image.partitions.get(name)
        if partition is None:
            return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
        refusal = election_refusal(partition, election)
        if refusal is not None:
            return refusal
        changed = self.change(name, partition, election)
        if changed is None:
            return election_failure(election)
        changes.append(PartitionChange(name, changed))
        return ErrorCode.NONE

    def elect_preferred(self) -> bool:
        """Give partitions back to their first replica, however few; True when there may be more to do."""
        imbalanced = self._partitions_where(lambda partition: partition.leader != partition.replicas[0])
        return self._sweep([name for name, _ in imbalanced], "preferred")

    def elect_unclean(self) -> bool:
        """Elect in partitions without leader whose topic allows a loss; True when there may be more to do."""
        leaderless = self._partitions_where(lambda partition: partition.leader == NO_LEADER)
        return self._sweep([name for name, _ in leaderless if self.allows_unclean(name.topic)], "unclean")

    def _sweep(self, names: Sequence[TopicPartition], election: Election) -> bool:
        changes: list[PartitionChange] = []
        for name in names:
            if len(changes) == MAX_ELECTIONS_PER_IMBALANCE:
                break
            self._elect(name, election, changes)
        self._controller.write(changes)
        return len(changes) == MAX_ELECTIONS_PER_IMBALANCE

    def change(
        self,
        name: TopicPartition,
        partition: PartitionRegistration,
        election: Election,
        *,
        isr: Sequence[int] | None = None,
        assignment: Assignment | None = None,
        alive: Callable[[int], bool] | None = None,
        unclean: int = NOBODY,
        recovery: str | None = None,
    ) -> PartitionRegistration | None:
        """A partition after a change, by the rule; None if it stays as it is."""
        return change_partition(
            partition,
            alive=alive or partial(self.image.may_lead, name),
            target_isr=isr,
            target_assignment=assignment,
            election=election,
            min_insync_replicas=self._min_insync_replicas(name.topic),
            unclean_shutdown_replicas=() if unclean == NOBODY else (unclean,),
            leader_recovery_state=recovery,
        )

    def online(self, topic: str) -> Election:
        """How a leader is elected when nobody asks for anything special."""
        return "unclean" if self.allows_unclean(topic) else "online"

    def _min_insync_replicas(self, topic: str) -> int:
        """As Kafka's, it counts the replicas of partition 0 for the whole topic, also while these are on the move."""
        replicas = self.image.partitions[TopicPartition(topic, 0)].replicas
        return effective_min_insync_replicas(self._topic_config(topic).min_insync_replicas, len(replicas))

    def _partitions_where(self, concerned: Callable[[PartitionRegistration], bool]) -> Partitions:
        return [(name, partition) for name, partition in self.image.partitions.items() if concerned(partition)]

    def _without_brokers(
        self, partitions: Partitions, removed: int = NOBODY, added: int = NOBODY, unclean: int = NOBODY
    ) -> list[PartitionChange]:
        """What follows for partitions when a broker goes, comes, or comes back after an unclean end.

        Source: metadata/src/main/java/org/apache/kafka/controller/ReplicationControlManager.java
            generateLeaderAndIsrUpdates
        """

        def alive(name: TopicPartition, broker: int) -> bool:
            is_active = broker == added or self.image.is_active(broker)
            return broker not in (removed, unclean) and is_active and self.image.has_online(name, broker)

        changes = []
        for name, partition in partitions:
            isr = tuple(broker for broker in partition.isr if broker not in (removed, unclean))
            election = self.online(name.topic)
            changed = self.change(name, partition, election, isr=isr, alive=partial(alive, name), unclean=unclean)
            if changed is not None:
                changes.append(PartitionChange(name, changed))
        return changes
