"""A broker with several log directories tells the controller which replica lies where (KIP-858).

Source: server/src/main/java/org/apache/kafka/server/AssignmentsManager.java
Fidelity: approximate — a refusal of one partition is not tried again; no jitter between attempts
Left out: a broker with one directory, as in Kafka, has nothing to tell.
"""

from typing import TYPE_CHECKING

from sim.actors.broker.controller_channel import controller_channel
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.producer.batching import retry_backoff_ms
from sim.rules.protocol.controller import AssignReplicasToDirsRequest, AssignReplicasToDirsResponse
from sim.rules.protocol.messages import Message
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["DirectoryAssignments"]

FIRST_BACKOFF_MS, LONGEST_BACKOFF_MS = 100, 10_000


class DirectoryAssignments:
    """What one life of a broker has to tell; one request is under way at a time."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._channel = controller_channel(broker, broker.config.request_timeout_ms)
        self._ready: dict[TopicPartition, int] = {}
        self._in_flight = False
        self._failures = 0

    def placed(self, name: TopicPartition, directory: int) -> None:
        """A replica lies in a directory; the controller hears of it unless it knows."""
        broker = self._broker
        if len(broker.log_directories.disks) > 1 and broker.image.directory(name, broker.node_id) != directory:
            self._ready[name] = directory
            broker.after(0, self._send)

    def _send(self) -> None:
        if self._in_flight or not self._ready:
            return
        self._in_flight = True
        sent, self._ready = self._ready, {}
        broker = self._broker
        request = AssignReplicasToDirsRequest(broker.node_id, broker.epoch, sent)
        self._channel.request(request, lambda answer: self._answered(sent, answer))

    def _answered(self, sent: dict[TopicPartition, int], answer: Message) -> None:
        self._in_flight = False
        if isinstance(answer, AssignReplicasToDirsResponse) and answer.error is ErrorCode.NONE:
            self._failures = 0
            self._send()
            return
        self._ready = {**sent, **self._ready}
        backoff_ms = retry_backoff_ms(self._failures, FIRST_BACKOFF_MS, LONGEST_BACKOFF_MS, 0.0)
        self._failures += 1
        self._broker.after(backoff_ms * MILLISECOND, self._send)
