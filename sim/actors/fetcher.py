"""A consumer's fetches: one session and at most one request per broker, and a buffer that poll() empties.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractFetch.java, FetchCollector.java
Fidelity: approximate — a partition whose fetch failed rests for retry.backoff.ms
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from sim.actors.client_metadata import ClientMetadata
from sim.actors.network_client import NetworkClient
from sim.actors.subscriptions import Subscriptions
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.batch import RecordBatch
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode
from sim.rules.protocol import FetchData, FetchPartition, FetchRequest, FetchResponse, Message
from sim.rules.topics import TopicPartition

__all__ = ["Fetcher", "Slice"]

CONSUMER_REPLICA_ID = -1


class Slice(NamedTuple):
    """Part of one batch: the records from `first_offset` up to, without, `next_offset`."""

    partition: TopicPartition
    batch: RecordBatch
    first_offset: int
    next_offset: int


class Session:
    """What one broker has been told so far."""

    __slots__ = ("epoch", "known", "pending", "session_id")

    def __init__(self) -> None:
        self.session_id = 0
        self.epoch = 0
        self.known: dict[TopicPartition, tuple[int, int]] = {}
        self.pending = False


class Fetcher:
    """Keeps the buffer filled for the owned partitions."""

    def __init__(
        self,
        owner: Actor,
        config: ConsumerConfig,
        network: NetworkClient,
        metadata: ClientMetadata,
        subscriptions: Subscriptions,
        wake: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._config = config
        self._network = network
        self._metadata = metadata
        self._subscriptions = subscriptions
        self._wake = wake
        self._sessions: dict[int, Session] = {}
        self._buffer: deque[tuple[TopicPartition, deque[RecordBatch]]] = deque()
        self.out_of_range: dict[TopicPartition, None] = {}

    def collect(self, max_records: int) -> list[Slice]:
        """Take up to so many records from the buffer; positions move past them. What is paused stays buffered."""
        slices: list[Slice] = []
        kept: list[tuple[TopicPartition, deque[RecordBatch]]] = []
        left = max_records
        while left > 0 and self._buffer:
            name, batches = self._buffer.popleft()
            ownership = self._subscriptions.owned.get(name)
            if ownership is None or ownership.position is None:
                continue
            if ownership.paused:
                kept.append((name, batches))
                continue
            taken = take(name, batches, ownership.position, left)
            slices += taken
            if taken:
                ownership.position = taken[-1].next_offset
                left -= sum(piece.next_offset - piece.first_offset for piece in taken)
            if batches:
                self._buffer.appendleft((name, batches))
        self._buffer.extendleft(reversed(kept))
        return slices

    def forget(self, partition: TopicPartition) -> None:
        """Drop what is buffered of a partition (seek, or revoked)."""
        self._buffer = deque(entry for entry in self._buffer if entry[0] != partition)

    def keep_owned(self) -> None:
        """Drop what is buffered of partitions that are not owned any more."""
        self._buffer = deque(entry for entry in self._buffer if entry[0] in self._subscriptions.owned)

    def send_fetches(self) -> None:
        """Ask each broker that leads owned partitions, unless it is being asked or its last answer is not used up."""
        buffered = dict.fromkeys(name for name, batches in self._buffer if batches)
        busy = {leader: None for leader, session in self._sessions.items() if session.pending}
        busy.update((self._metadata.leader(name), None) for name in buffered)
        wanted: dict[int, dict[TopicPartition, tuple[int, int]]] = {}
        for name, ownership in self._subscriptions.owned.items():
            if ownership.position is None or ownership.paused or name in buffered:
                continue
            leader = self._metadata.leader(name)
            if leader < 0:
                self._metadata.request_update()
            elif leader not in busy and ownership.blocked_until <= self._owner.now:
                epoch = self._metadata.leader_epoch(name)
                wanted.setdefault(leader, {})[name] = (ownership.position, epoch)
        for leader, partitions in wanted.items():
            self._fetch(leader, self._sessions.setdefault(leader, Session()), partitions)

    def _fetch(self, leader: int, session: Session, partitions: dict[TopicPartition, tuple[int, int]]) -> None:
        config = self._config
        changed = {
            name: FetchPartition(at[0], config.max_partition_fetch_bytes, at[1])
            for name, at in partitions.items()
            if session.known.get(name) != at
        }
        forgotten = [name for name in session.known if name not in partitions]
        session.known = partitions
        session.pending = True

        def connected(success: bool) -> None:
            if not success or not self._network.connected(leader):
                self._failed(leader, session)
                return
            request = FetchRequest(
                CONSUMER_REPLICA_ID,
                session.session_id,
                session.epoch,
                config.fetch_max_wait_ms,
                config.fetch_min_bytes,
                config.fetch_max_bytes,
                changed,
                forgotten,
            )
            session.epoch += 1
            self._network.send(leader, request, lambda response: self._received(leader, session, response))

        self._network.connect(leader, connected)

    def _failed(self, leader: int, session: Session) -> None:
        """The broker cannot be reached: begin a new session, look for new leaders, try again."""
        self._sessions[leader] = Session()
        self._metadata.request_update()
        until = self._owner.now + self._config.retry_backoff_ms * MILLISECOND
        for name in session.known:
            self._rest(name, until)
        self._wake()

    def _rest(self, name: TopicPartition, until: int) -> None:
        ownership = self._subscriptions.owned.get(name)
        if ownership is not None:
            ownership.blocked_until = until
            self._owner.at(until, self._wake)

    def _received(self, leader: int, session: Session, response: Message) -> None:
        if not isinstance(response, FetchResponse) or response.error is not ErrorCode.NONE:
            self._failed(leader, session)
            return
        session.pending = False
        session.session_id = response.session_id
        for name, data in response.partitions.items():
            self._take(name, data, session)
        self._wake()

    def _take(self, name: TopicPartition, data: FetchData, session: Session) -> None:
        ownership = self._subscriptions.owned.get(name)
        if ownership is None:
            return
        if session.known.get(name, (None,))[0] != ownership.position:
            return
        if data.error is ErrorCode.NONE:
            ownership.high_watermark = data.high_watermark
            if data.batches:
                self._buffer.append((name, deque(data.batches)))
        elif data.error is ErrorCode.OFFSET_OUT_OF_RANGE:
            ownership.position = None
            self.out_of_range[name] = None
        else:
            self._metadata.hint(name, data.leader_id, data.leader_epoch)
            self._metadata.request_update()
            self._rest(name, self._owner.now + self._config.retry_backoff_ms * MILLISECOND)


def take(name: TopicPartition, batches: deque[RecordBatch], position: int, limit: int) -> list[Slice]:
    """Up to `limit` records from `position` on; batches that are used up leave the queue."""
    slices: list[Slice] = []
    while limit > 0 and batches:
        batch = batches[0]
        first = max(batch.base_offset, position)
        count = min(limit, batch.next_offset - first)
        if count > 0:
            slices.append(Slice(name, batch, first, first + count))
            position = first + count
            limit -= count
        if position >= batch.next_offset:
            batches.popleft()
    return slices
