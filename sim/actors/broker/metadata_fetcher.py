"""A broker as an observer of the metadata quorum: it fetches the log from the leader, and knows who that is.

Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java pollFollowerAsObserver, pollUnattachedCommon;
    core/src/main/scala/kafka/server/metadata/BrokerMetadataPublisher.scala
Fidelity: approximate — what the metadata log says takes effect after a fixed time; a restarted broker looks for the
    leader anew; an answer that names no new leader is followed by the retry backoff, too
Left out: snapshots.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.actors.client.network_client import NetworkClient
from sim.actors.client.timed_requests import TimedRequests
from sim.machine.clock import MILLISECOND
from sim.rules.controller.metadata import MetadataImage, PartitionChange, RemoveTopicRecord
from sim.rules.protocol.controller import FetchMetadataRequest, FetchMetadataResponse
from sim.rules.protocol.messages import Message
from sim.rules.protocol.raft import QuorumResponse
from sim.rules.raft.quorum_state import QuorumState, Role, after_response

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["MetadataFetcher"]

METADATA_DELAYS = (2 * MILLISECOND, 18 * MILLISECOND)
"""From the arrival of metadata records to their effect, between these; in recordings of a cluster on two cores
followers left a leader that was about to hand over within 15 ms of the controller's commit."""

RESIGNATION_DELAYS = (45 * MILLISECOND, 75 * MILLISECOND)
"""How much longer a leader goes on that is none any more; estimated from the same recordings, where it went on for 55
to 100 ms after the commit, and lost with acks=1 what it took meanwhile."""


class MetadataFetcher:
    """One fetch at a time, from the leader if one is known, after a failure from any other voter, who may know it."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._voters = broker.controller_ids
        config = broker.config
        self._backoff = config.controller_quorum_retry_backoff_ms * MILLISECOND
        timeout_ms, backoff_ms = config.controller_quorum_request_timeout_ms, config.controller_quorum_retry_backoff_ms
        if len(self._voters) == 1:
            only = NetworkClient(broker, broker.directory, timeout_ms, backoff_ms, backoff_ms)
            self._send: Callable[[int, Message, Callable[[Message], object]], None] = only.request
            self._state = QuorumState(Role.FOLLOWER, 1, self._voters[0])
        else:
            self._send = TimedRequests(broker, broker.directory, timeout_ms, backoff_ms).send
            self._state = QuorumState(Role.UNATTACHED, 0)
        self._fetched = MetadataImage()
        self._chance = broker.machine.streams[f"{broker.name}/metadata"]
        self._published_at = 0
        self._waiting: list[Callable[[], None]] = []

    @property
    def leader_id(self) -> int | None:
        """The leader of the quorum, as far as is known here."""
        return self._state.leader_id

    def when_led(self, callback: Callable[[], None]) -> None:
        """Call back when a leader is known."""
        self._waiting.append(callback)

    def go_on(self) -> None:
        """Begin with the image that the broker has, and the first leader."""
        self._fetched = self._broker.image
        self._state = QuorumState(Role.FOLLOWER, 1, self._voters[0])
        self.fetch()

    def fetch(self) -> None:
        """Fetch from the leader, or from any voter."""
        leader_id = self._state.leader_id
        self._fetch_from(self._any(None) if leader_id is None else leader_id)

    def _any(self, but: int | None) -> int:
        return self._broker.random.choice([voter for voter in self._voters if voter != but])

    def _fetch_from(self, voter: int) -> None:
        request = FetchMetadataRequest(self._broker.node_id, self._fetched.offset, self._state.epoch)
        self._send(voter, request, lambda answer: self._answered(voter, answer))

    def _answered(self, voter: int, answer: Message) -> None:
        if isinstance(answer, FetchMetadataResponse):
            self._take(answer)
        elif isinstance(answer, QuorumResponse):
            after, _ = after_response(self._state, answer.error, answer.epoch, answer.leader_id)
            if after is self._state:
                self._broker.after(self._backoff, self._fetch_elsewhere, voter)
                return
            self._follow(after)
        elif len(self._voters) > 1:
            self._broker.after(self._backoff, self._fetch_elsewhere, voter)
            return
        self.fetch()

    def _fetch_elsewhere(self, failed: int) -> None:
        leader_id = self._state.leader_id
        self._fetch_from(self._any(failed) if leader_id in (None, failed) else leader_id)

    def _follow(self, state: QuorumState) -> None:
        self._state = state
        if state.leader_id is not None:
            waiting, self._waiting = self._waiting, []
            for callback in waiting:
                callback()

    def _take(self, answer: FetchMetadataResponse) -> None:
        """A new leader may not have committed yet what the old one had: that is no news."""
        if answer.image is not self._fetched and answer.image.offset >= self._fetched.offset:
            self._fetched = answer.image
            taken = self._broker.now + self._chance.randint(*METADATA_DELAYS)
            self._published_at = max(taken, self._published_at)
            self._broker.at(self._published_at, self._publish, answer)

    def _publish(self, answer: FetchMetadataResponse) -> None:
        """The image and all changes take effect; to hand a leadership over takes this broker longer.

        Source: core/src/main/scala/kafka/server/metadata/BrokerMetadataPublisher.scala
        Fidelity: approximate — how long it takes is drawn by chance
        """
        broker = self._broker
        before, broker.image = broker.image, answer.image
        at_once: list[PartitionChange | RemoveTopicRecord] = []
        resigned: list[PartitionChange | RemoveTopicRecord] = []
        for change in answer.changes:
            (resigned if broker.replicas.must_resign(change) else at_once).append(change)
        broker.replicas.apply(at_once)
        if resigned:
            broker.after(self._chance.randint(*RESIGNATION_DELAYS), self._resign, resigned)
        if before.topic_configs is not answer.image.topic_configs:
            broker.replicas.reconfigure()
        broker.groups.metadata_changed(answer.changes)
        broker.fetches.complete_actions()

    def _resign(self, changes: Sequence[PartitionChange | RemoveTopicRecord]) -> None:
        self._broker.replicas.apply(change for change in changes if self._broker.replicas.must_resign(change))
        self._broker.fetches.complete_actions()
