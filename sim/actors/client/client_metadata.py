"""What a client knows of the cluster: who leads what, asked from any broker and refreshed on error or age.

Source: clients/src/main/java/org/apache/kafka/clients/Metadata.java, NetworkClient.java DefaultMetadataUpdater
Fidelity: approximate — a response tells all topics, not only those the client uses; an older one is ignored as a whole
"""

from collections.abc import Callable, Sequence

from simpy import Event

from sim.actors.client.network_client import NetworkClient
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.config import ConsumerConfig, ProducerConfig
from sim.rules.config.admin import AdminConfig
from sim.rules.controller.metadata import MetadataImage, refresh_backoff_ms
from sim.rules.protocol.messages import Message, MetadataRequest, MetadataResponse
from sim.rules.topics import TopicPartition

__all__ = ["ClientMetadata"]

NO_BROKER_WAIT_MS = 50
JITTER = 0.2


class ClientMetadata:
    """The newest metadata a client has seen; `listen` is called after each response.

    `version` counts changes, so that what is derived from leaders can be kept until it rises.
    """

    def __init__(
        self,
        owner: Actor,
        network: NetworkClient,
        bootstrap: Sequence[int],
        config: ProducerConfig | ConsumerConfig | AdminConfig,
    ) -> None:
        self._owner = owner
        self._network = network
        self._bootstrap = list(bootstrap)
        self._backoffs_ms = (config.retry_backoff_ms, config.retry_backoff_max_ms)
        self._max_age = max(config.metadata_max_age_ms, config.retry_backoff_ms, 1) * MILLISECOND
        self._hints: dict[TopicPartition, tuple[int, int]] = {}
        self._leaders: dict[TopicPartition, tuple[int, int]] = {}
        self._listeners: list[Callable[[], None]] = []
        self._waiting: list[Event] = []
        self._asking = self.closed = False
        self._booked_at: int | None = None
        self._failure_count = self._equivalent_count = 0
        self._heard_at: int | None = None
        self._refreshed_at = owner.now
        self.image = MetadataImage()
        self.version = 0
        network.on_disconnect = self.request_update
        owner.at(owner.now + self._max_age, self._grow_old)

    def listen(self, callback: Callable[[], None]) -> None:
        """Call back after each later response."""
        self._listeners.append(callback)

    def next_update(self) -> Event:
        """Ask for an update; the event happens with the next response."""
        event = self._owner.clock.event()
        self._waiting.append(event)
        self.request_update()
        return event

    def close(self) -> None:
        """Ask nothing more."""
        self.closed = True

    def leader(self, partition: TopicPartition) -> int:
        """The leader of a partition, -1 when there is none or it is not known."""
        return (self._leaders.get(partition) or self._look_up(partition))[0]

    def leader_epoch(self, partition: TopicPartition) -> int:
        """The leader epoch that goes with `leader`, -1 when not known."""
        return (self._leaders.get(partition) or self._look_up(partition))[1]

    def _look_up(self, partition: TopicPartition) -> tuple[int, int]:
        """Leader and leader epoch, looked up once per update."""
        known = self._hints.get(partition)
        if known is None:
            registration = self.image.partitions.get(partition)
            known = (-1, -1) if registration is None else (registration.leader, registration.leader_epoch)
        self._leaders[partition] = known
        return known

    def hint(self, partition: TopicPartition, leader: int, leader_epoch: int) -> None:
        """Learn of a newer leader from an error response (KIP-951)."""
        if leader >= 0 and leader_epoch > self.leader_epoch(partition):
            self._hints[partition] = (leader, leader_epoch)
            self._changed()

    def brokers(self) -> list[int]:
        """Brokers that can be asked something: those alive, or the bootstrap list."""
        alive = [broker for broker in self.image.brokers if self.image.alive(broker)]
        return alive or self._bootstrap

    def any_broker(self) -> int | None:
        """The broker that is best asked now; the bootstrap list counts when nobody else is left, else None."""
        found = self._network.least_loaded(self.brokers())
        return self._network.least_loaded(self._bootstrap) if found is None else found

    def request_update(self, *, at_once: bool = False) -> None:
        """Ask for new metadata as soon as the backoff allows, or `at_once` for a topic not asked for before."""
        if at_once:
            self._heard_at = None
        if self.closed or self._asking:
            return
        due = max(self._owner.now, self._allowed_at())
        if self._booked_at is None or due < self._booked_at:
            self._booked_at = due
            self._owner.at(due, self._ask, due)

    def may_update(self) -> bool:
        """Whether an update asked for now would be sent at once, or has been: the backoff is over."""
        return self._asking or self._allowed_at() <= self._owner.now

    def _allowed_at(self) -> int:
        if self._heard_at is None:
            return self._owner.now
        jitter = self._owner.random.uniform(-JITTER, JITTER)
        wait_ms = refresh_backoff_ms(self._failure_count, self._equivalent_count, *self._backoffs_ms, jitter)
        return self._heard_at + wait_ms * MILLISECOND

    def _ask(self, booked_at: int) -> None:
        if self.closed or self._asking or booked_at != self._booked_at:
            return
        self._booked_at = None
        broker = self.any_broker()
        if broker is None:
            self._booked_at = self._owner.now + NO_BROKER_WAIT_MS * MILLISECOND
            self._owner.at(self._booked_at, self._ask, self._booked_at)
        else:
            self._asking = True
            self._network.request(broker, MetadataRequest(), self._answered)

    def _answered(self, answer: Message) -> None:
        self._asking = False
        self._heard_at = self._owner.now
        if not isinstance(answer, MetadataResponse):
            self._failure_count += 1
            self.request_update()
            return
        self._failure_count = 0
        self._equivalent_count = 0 if self._has_news(answer.image) else self._equivalent_count + 1
        self._refreshed_at = self._owner.now
        if answer.image.offset >= self.image.offset:
            self.image = answer.image
            self._drop_old_hints()
        waiting, self._waiting = self._waiting, []
        for event in waiting:
            event.succeed()
        self._changed()

    def _has_news(self, image: MetadataImage) -> bool:
        """Whether some partition has a newer leader epoch than known before."""
        if image is self.image:
            return False
        known = self.image.partitions
        return any(
            name not in known or registration.leader_epoch > known[name].leader_epoch
            for name, registration in image.partitions.items()
        )

    def _drop_old_hints(self) -> None:
        for partition, (_, epoch) in list(self._hints.items()):
            registration = self.image.partitions.get(partition)
            if registration is not None and registration.leader_epoch >= epoch:
                del self._hints[partition]

    def _changed(self) -> None:
        self.version += 1
        self._leaders.clear()
        for callback in self._listeners:
            callback()

    def _grow_old(self) -> None:
        """Ask again when metadata.max.age.ms has passed since the last response."""
        if self.closed:
            return
        due = self._refreshed_at + self._max_age
        if self._owner.now >= due:
            self.request_update()
            due = self._owner.now + self._max_age
        self._owner.at(due, self._grow_old)
