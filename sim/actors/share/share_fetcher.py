"""A share consumer's requests to partition leaders: fetches, and what it says of the records that it got.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ShareConsumeRequestManager.java,
    ShareSessionHandler.java
Fidelity: approximate — a partition that could not be read rests for retry.backoff.ms
Left out: a second attempt at an acknowledgement that failed; the broker has tried again by itself.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping

from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.coordinator_client import error_of
from sim.actors.client.network_client import NetworkClient
from sim.actors.consumer.subscriptions import Subscriptions
from sim.actors.share.share_buffer import CompletedShareFetch
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.config import ShareConsumerConfig
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import Message
from sim.rules.protocol.share_group import (
    FINAL_EPOCH,
    INITIAL_EPOCH,
    AcknowledgeErrors,
    Acknowledgements,
    ShareAcknowledgeRequest,
    ShareAcknowledgeResponse,
    ShareFetchData,
    ShareFetchLimits,
    ShareFetchRequest,
    ShareFetchResponse,
    next_session_epoch,
)
from sim.rules.share.share_acknowledgement import AcknowledgeType, acknowledgement_batches
from sim.rules.topics import TopicPartition

__all__ = ["Outcomes", "Said", "ShareFetcher"]

Said = dict[TopicPartition, dict[int, AcknowledgeType]]
Outcomes = Callable[[int, Said, Mapping[TopicPartition, ErrorCode]], None]
LOST_LEADER = (
    ErrorCode.NOT_LEADER_OR_FOLLOWER,
    ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
    ErrorCode.KAFKA_STORAGE_ERROR,
)
NOTHING = ShareFetchLimits(0, 0, 0, 0, 0)


class ShareNode:
    """A broker: the session there, what waits to be said to it, and whether it is being asked."""

    __slots__ = ("epoch", "is_asked", "known", "queue", "said")

    def __init__(self) -> None:
        self.epoch = INITIAL_EPOCH
        self.known: dict[TopicPartition, None] = {}
        self.is_asked = False
        self.said: Said = {}
        self.queue: deque[tuple[Said, Outcomes, bool]] = deque()

    def add(self, said: Said) -> None:
        """To be said with the next fetch."""
        for name, offsets in said.items():
            self.said.setdefault(name, {}).update(offsets)


class ShareFetcher:
    """Sessions by broker, and a buffer of what they brought; `member_id` is empty while there is no membership.

    `told` is called with what became of acknowledgements that went with a fetch.
    """

    def __init__(
        self,
        owner: Actor,
        group_id: str,
        config: ShareConsumerConfig,
        network: NetworkClient,
        metadata: ClientMetadata,
        subscriptions: Subscriptions,
        member_id: Callable[[], str],
        wake: Callable[[], None],
        told: Outcomes,
    ) -> None:
        self._owner = owner
        self._group_id = group_id
        self._config = config
        self._network = network
        self._metadata = metadata
        self._subscriptions = subscriptions
        self._member_id = member_id
        self._wake = wake
        self._told = told
        self._nodes: dict[int, ShareNode] = {}
        self._wants_more = False
        self._limits = ShareFetchLimits(
            config.fetch_max_wait_ms,
            config.fetch_min_bytes,
            config.fetch_max_bytes,
            config.max_poll_records,
            config.max_poll_records,
        )
        self.buffer: deque[CompletedShareFetch] = deque()
        self.lock_timeout_ms: int | None = None

    def fetch(self, said: Mapping[int, Said]) -> None:
        """Ask for records, once, and say this on the way."""
        self._wants_more = True
        for node_id, acknowledgements in said.items():
            self._node(node_id).add(acknowledgements)
        self.go_on()

    def acknowledge(self, said: Mapping[int, Said], then: Outcomes) -> None:
        """Say this in requests of their own; `then` is called for each broker."""
        for node_id, acknowledgements in said.items():
            self._node(node_id).queue.append((acknowledgements, then, False))
        self.go_on()

    def end_sessions(self, said: Mapping[int, Said], then: Outcomes) -> int:
        """Say this, and give back all the rest; returns for how many brokers `then` will be called."""
        self._wants_more = False
        open_nodes = [node_id for node_id, node in self._nodes.items() if node.epoch != INITIAL_EPOCH]
        for node_id in open_nodes:
            node = self._nodes[node_id]
            node.add(said.get(node_id, {}))
            node.queue.append((node.said, then, True))
            node.said = {}
        self.go_on()
        return len(open_nodes)

    def go_on(self) -> None:
        """Send what can be sent: acknowledgements first, fetches while records are wanted."""
        if not self._member_id():
            return
        for node_id, node in list(self._nodes.items()):
            while node.queue and not node.is_asked:
                self._say(node_id, node)
        if self._wants_more:
            by_leader = self._by_leader()
            for leader, names in by_leader.items():
                if not self._node(leader).is_asked:
                    self._fetch(leader, self._node(leader), names)
            for node_id, node in list(self._nodes.items()):
                if node.said and not node.is_asked:
                    self._fetch(node_id, node, by_leader.get(node_id, ()))

    def _node(self, node_id: int) -> ShareNode:
        return self._nodes.setdefault(node_id, ShareNode())

    def _by_leader(self) -> dict[int, list[TopicPartition]]:
        found: dict[int, list[TopicPartition]] = {}
        for name, ownership in self._subscriptions.owned.items():
            leader = self._metadata.leader(name)
            if leader < 0:
                self._metadata.request_update()
            elif not ownership.is_blocked(self._owner.now, self._metadata.leader_epoch(name)):
                found.setdefault(leader, []).append(name)
        return found

    def _fetch(self, node_id: int, node: ShareNode, names: Iterable[TopicPartition]) -> None:
        said = node.said
        node.said = {}
        if node.epoch == INITIAL_EPOCH:
            node.known = {}
            if said:
                self._told(node_id, said, dict.fromkeys(said, ErrorCode.INVALID_SHARE_SESSION_EPOCH))
                said = {}
        wanted = dict.fromkeys(names)
        if node.epoch == INITIAL_EPOCH and not wanted:
            return
        added = tuple(name for name in wanted if name not in node.known)
        forgotten = tuple(name for name in node.known if name not in wanted)
        node.known = wanted
        is_renewal = _renews(said)
        request = ShareFetchRequest(
            self._group_id,
            self._member_id(),
            node.epoch,
            NOTHING if is_renewal else self._limits,
            added,
            forgotten,
            _batches(said),
            is_renewal,
        )
        node.is_asked = True
        self._network.request(node_id, request, lambda response: self._fetched(node_id, node, said, response))

    def _fetched(self, node_id: int, node: ShareNode, said: Said, response: Message) -> None:
        node.is_asked = False
        if isinstance(response, ShareFetchResponse) and response.error is ErrorCode.NONE:
            node.epoch = next_session_epoch(node.epoch)
            self.lock_timeout_ms = response.acquisition_lock_timeout_ms
            if said:
                self._told(node_id, said, self._outcome(said, response.acknowledge_errors))
            for name, data in response.partitions.items():
                self._take(node_id, name, data)
        else:
            self._reset(node_id, node)
            self._told(node_id, said, dict.fromkeys(said, error_of(response)))
        self.go_on()
        self._wake()

    def _outcome(self, said: Said, errors: AcknowledgeErrors) -> AcknowledgeErrors:
        """What an answer says of acknowledgements; nothing of one means that it does not count."""
        found = {name: errors.get(name, ErrorCode.INVALID_RECORD_STATE) for name in said}
        if any(error in LOST_LEADER for error in found.values()):
            self._metadata.request_update()
        return found

    def _take(self, node_id: int, name: TopicPartition, data: ShareFetchData) -> None:
        if data.acquired:
            self._wants_more = False
            self.buffer.append(CompletedShareFetch(node_id, name, data))
        elif data.error is not ErrorCode.NONE:
            self._metadata.hint(name, data.leader_id, data.leader_epoch)
            self._metadata.request_update()
            ownership = self._subscriptions.owned.get(name)
            if ownership is not None:
                until = self._owner.now + self._config.retry_backoff_ms * MILLISECOND
                ownership.block(until, self._metadata.leader_epoch(name))
                self._owner.at(until, self.go_on)

    def _reset(self, node_id: int, node: ShareNode) -> None:
        """The session is over: the next fetch opens another one."""
        fresh = self._nodes[node_id] = ShareNode()
        fresh.queue, fresh.said = node.queue, node.said

    def _say(self, node_id: int, node: ShareNode) -> None:
        said, then, is_last = node.queue.popleft()
        if node.epoch == INITIAL_EPOCH:
            then(node_id, said, dict.fromkeys(said, ErrorCode.INVALID_SHARE_SESSION_EPOCH))
            return
        epoch = FINAL_EPOCH if is_last else node.epoch
        request = ShareAcknowledgeRequest(self._group_id, self._member_id(), epoch, _batches(said), _renews(said))

        def answered(response: Message) -> None:
            node.is_asked = False
            if isinstance(response, ShareAcknowledgeResponse) and response.error is ErrorCode.NONE:
                node.epoch = next_session_epoch(node.epoch)
                then(node_id, said, self._outcome(said, response.acknowledge_errors))
            else:
                self._reset(node_id, node)
                then(node_id, said, dict.fromkeys(said, error_of(response)))
            if is_last:
                self._reset(node_id, node)
            self.go_on()

        node.is_asked = True
        self._network.request(node_id, request, answered)


def _batches(said: Said) -> Acknowledgements:
    return {name: acknowledgement_batches(offsets) for name, offsets in said.items()}


def _renews(said: Said) -> bool:
    return any(AcknowledgeType.RENEW in offsets.values() for offsets in said.values())
