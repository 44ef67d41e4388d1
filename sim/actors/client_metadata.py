"""What a client knows of the cluster: who leads what, asked from any broker and refreshed on error or age.

Source: clients/src/main/java/org/apache/kafka/clients/Metadata.java, NetworkClient.java DefaultMetadataUpdater
Fidelity: approximate — a response tells all topics, not only those the client uses
"""

from collections.abc import Callable, Sequence

from sim.actors.network_client import NetworkClient
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.metadata import MetadataImage
from sim.rules.protocol import Message, MetadataRequest, MetadataResponse
from sim.rules.topics import TopicPartition

__all__ = ["ClientMetadata"]


class ClientMetadata:
    """The newest metadata a client has seen; `listen` is called after each update."""

    def __init__(
        self,
        owner: Actor,
        network: NetworkClient,
        bootstrap: Sequence[int],
        retry_backoff_ms: int,
        max_age_ms: int,
    ) -> None:
        self._owner = owner
        self._network = network
        self._bootstrap = list(bootstrap)
        self._retry_backoff = retry_backoff_ms * MILLISECOND
        self._hints: dict[TopicPartition, tuple[int, int]] = {}
        self._leaders: dict[TopicPartition, tuple[int, int]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._updating = False
        self._not_before = 0
        self.image = MetadataImage()
        self.version = 0
        network.on_disconnect = self.request_update
        owner.every(max_age_ms * MILLISECOND, self.request_update)

    def listen(self, callback: Callable[[], None]) -> None:
        """Call back after each later update."""
        self._listeners.append(callback)

    def leader(self, partition: TopicPartition) -> int:
        """The leader of a partition, -1 when there is none or it is not known."""
        return self._known(partition)[0]

    def leader_epoch(self, partition: TopicPartition) -> int:
        """The leader epoch that goes with `leader`, -1 when not known."""
        return self._known(partition)[1]

    def _known(self, partition: TopicPartition) -> tuple[int, int]:
        """Leader and leader epoch, looked up once per update."""
        known = self._leaders.get(partition) or self._hints.get(partition)
        if known is None:
            registration = self.image.partitions.get(partition)
            known = (-1, -1) if registration is None else (registration.leader, registration.leader_epoch)
        self._leaders[partition] = known
        return known

    def hint(self, partition: TopicPartition, leader: int, leader_epoch: int) -> None:
        """Learn of a newer leader from an error response (KIP-951)."""
        if leader >= 0 and leader_epoch > self.leader_epoch(partition):
            self._hints[partition] = (leader, leader_epoch)
            self._updated()

    def brokers(self) -> list[int]:
        """Brokers that can be asked something: those alive, or the bootstrap list."""
        alive = [broker for broker in self.image.brokers if self.image.alive(broker)]
        return alive or self._bootstrap

    def request_update(self) -> None:
        """Ask for new metadata soon; not more often than once per retry.backoff.ms."""
        if not self._updating:
            self._updating = True
            self._owner.at(max(self._owner.now, self._not_before), self._ask)

    def _ask(self) -> None:
        self._not_before = self._owner.now + self._retry_backoff
        self._network.request(self._network.least_loaded(self.brokers()), MetadataRequest(), self._answered)

    def _answered(self, answer: Message) -> None:
        self._updating = False
        if not isinstance(answer, MetadataResponse):
            self.request_update()
        elif answer.image.offset >= self.image.offset:
            self.image = answer.image
            for partition, (_, epoch) in list(self._hints.items()):
                registration = self.image.partitions.get(partition)
                if registration is not None and registration.leader_epoch >= epoch:
                    del self._hints[partition]
            self._updated()

    def _updated(self) -> None:
        self.version += 1
        self._leaders.clear()
        for callback in self._listeners:
            callback()
