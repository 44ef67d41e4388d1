"""A leader's proposals to change its ISR, one at a time per partition, through the controller.

Source: core/src/main/scala/kafka/server/AlterPartitionManager.scala; Partition.scala maybeShrinkIsr, maybeExpandIsr
Fidelity: approximate — one partition per request, where Kafka batches those that are pending
"""

from typing import TYPE_CHECKING

from sim.actors.partition import Partition
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.protocol import AlterPartitionRequest, AlterPartitionResponse, Message

if TYPE_CHECKING:
    from sim.actors.broker import Broker

__all__ = ["IsrManager"]

RETRY = 50 * MILLISECOND


class IsrManager:
    """Shrinks and expands the ISRs of the partitions that one broker leads."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        interval_ms = broker.config.replica_lag_time_max_ms // 2
        broker.every(interval_ms * MILLISECOND, self._shrink_all)

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
        broker = self._broker
        partition.propose_isr(isr)
        known = partition.registration
        request = AlterPartitionRequest(
            broker.node_id, broker.epoch, partition.name, known.leader_epoch, known.partition_epoch, isr
        )
        broker.ask_controller(request, lambda answer: self._answered(partition, request, answer))

    def _answered(self, partition: Partition, request: AlterPartitionRequest, answer: Message) -> None:
        """A refusal drops the proposal; a lost answer is asked again; success waits for the metadata log.

        Kafka takes the new ISR from the answer; here it arrives with the metadata, at the same moment or later.
        """
        if partition.pending_isr is not request.new_isr or not partition.is_leader:
            return
        if isinstance(answer, AlterPartitionResponse):
            if answer.error is not ErrorCode.NONE:
                partition.forget_proposal()
            elif answer.partition_epoch > partition.registration.partition_epoch:
                self._broker.replicas.isr_confirmed(partition, answer.isr, answer.partition_epoch)
        else:
            self._broker.after(RETRY, self._ask_again, partition, request)

    def _ask_again(self, partition: Partition, request: AlterPartitionRequest) -> None:
        if partition.pending_isr is request.new_isr and partition.is_leader:
            self._propose(partition, request.new_isr)
