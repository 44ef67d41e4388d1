"""A leader's proposals to change its ISRs, through the controller: one request at a time, one proposal per partition.

Source: core/src/main/scala/kafka/server/AlterPartitionManager.scala; Partition.scala maybeShrinkIsr, maybeExpandIsr
Fidelity: exact
"""

from typing import TYPE_CHECKING

from sim.actors.broker.controller_channel import controller_channel
from sim.actors.broker.partition import Partition
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.protocol.controller import AlteredPartition, AlterPartitionRequest, AlterPartitionResponse
from sim.rules.protocol.messages import Message
from sim.rules.replication.alter_partition import ProposedIsr, reaction_to_refusal
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["IsrManager"]

RETRY = 50 * MILLISECOND


class IsrManager:
    """Shrinks and expands the ISRs of the partitions that one broker leads."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._channel = controller_channel(broker, broker.config.request_timeout_ms)
        self._unsent: dict[TopicPartition, tuple[Partition, ProposedIsr]] = {}
        self._in_flight = False
        broker.every(broker.config.replica_lag_time_max_ms // 2 * MILLISECOND, self._shrink_all)

    def expand(self, partition: Partition, broker_id: int) -> None:
        """Propose to take a follower in."""
        self._propose(partition, (*partition.isr, broker_id))

    def _shrink_all(self) -> None:
        now_ms = self._broker.now_ms
        for partition in self._broker.replicas.partitions.values():
            leaving = partition.out_of_sync(now_ms)
            if leaving:
                self._propose(partition, tuple(broker for broker in partition.isr if broker not in leaving))

    def _propose(self, partition: Partition, isr: tuple[int, ...]) -> None:
        self._submit(partition, partition.propose_isr(isr, self._broker.epoch))

    def _submit(self, partition: Partition, proposal: ProposedIsr) -> None:
        if partition.name in self._unsent:
            self._refused(partition, proposal, ErrorCode.OPERATION_NOT_ATTEMPTED)
            return
        self._unsent[partition.name] = partition, proposal
        self._send()

    def _send(self) -> None:
        """Send everything that waits, unless a request is under way."""
        if self._in_flight or not self._unsent:
            return
        self._in_flight = True
        broker = self._broker
        sent = dict(self._unsent)
        request = AlterPartitionRequest(
            broker.node_id, broker.epoch, {name: proposal for name, (_, proposal) in sent.items()}
        )
        self._channel.request(request, lambda answer: self._answered(sent, answer))

    def _answered(self, sent: dict[TopicPartition, tuple[Partition, ProposedIsr]], answer: Message) -> None:
        self._in_flight = False
        if not isinstance(answer, AlterPartitionResponse) or answer.error is not ErrorCode.NONE:
            self._broker.after(RETRY, self._send)
            return
        for name, (partition, proposal) in sent.items():
            del self._unsent[name]
            self._settle(partition, proposal, answer.partitions[name])
        self._broker.fetches.complete_actions()
        self._send()

    def _settle(self, partition: Partition, proposal: ProposedIsr, altered: AlteredPartition) -> None:
        """An answer counts only while its proposal does; after a newer word of the metadata log it is stale."""
        if partition.proposal is not proposal:
            return
        if altered.error is not ErrorCode.NONE:
            self._refused(partition, proposal, altered.error)
        elif altered.leader_epoch == partition.registration.leader_epoch:
            partition.isr_confirmed(altered.isr, altered.partition_epoch, self._broker.now_ms)

    def _refused(self, partition: Partition, proposal: ProposedIsr, error: ErrorCode) -> None:
        reaction = reaction_to_refusal(error)
        if reaction == "reset":
            partition.forget_proposal()
        elif reaction == "retry":
            self._submit(partition, proposal)
