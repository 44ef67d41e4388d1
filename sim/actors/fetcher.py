"""A consumer's fetches: one session and at most one request per broker, and a buffer that poll() empties.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractFetch.java, FetchCollector.java,
    clients/src/main/java/org/apache/kafka/clients/FetchSessionHandler.java
Fidelity: approximate — a partition whose fetch failed rests for retry.backoff.ms unless it has a new leader; after a
    change of leader the first fetch itself tells whether the position still exists (Kafka asks OffsetForLeaderEpoch)
Left out: fetching from the nearest replica, read_committed.
"""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from sim.actors.client_metadata import ClientMetadata
from sim.actors.network_client import NetworkClient
from sim.actors.positions import Positions
from sim.actors.subscriptions import Ownership, Subscriptions
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.batch import RecordBatch
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode
from sim.rules.protocol import FetchData, FetchPartition, FetchRequest, FetchResponse, Message
from sim.rules.topics import TopicPartition

__all__ = ["Fetcher", "Slice"]

CONSUMER_REPLICA_ID = -1
NO_LEADER = -1
NO_SESSION = 0
Wanted = dict[TopicPartition, FetchPartition]


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
        self.known: Wanted = {}
        self.pending = False


class CompletedFetch:
    """One partition's batches in the buffer; void when the partition was sought or given up since."""

    __slots__ = ("batches", "next_offset", "ownership", "partition")

    def __init__(
        self, partition: TopicPartition, ownership: Ownership, next_offset: int, batches: list[RecordBatch]
    ) -> None:
        self.partition = partition
        self.ownership = ownership
        self.next_offset = next_offset
        self.batches = deque(batches)

    def take(self, limit: int, slices: list[Slice]) -> int:
        """Move up to so many records into `slices`, and the position past them; returns how many."""
        taken = 0
        batches, ownership = self.batches, self.ownership
        while batches and taken < limit:
            batch = batches[0]
            first = max(batch.base_offset, self.next_offset)
            end = min(batch.next_offset, first + limit - taken)
            if first < end:
                slices.append(Slice(self.partition, batch, first, end))
                taken += end - first
                self.next_offset = end
                ownership.position_epoch = batch.leader_epoch
            if end == batch.next_offset:
                batches.popleft()
        ownership.position = self.next_offset
        return taken


class Fetcher:
    """Keeps the buffer filled for the owned partitions."""

    def __init__(
        self,
        owner: Actor,
        config: ConsumerConfig,
        network: NetworkClient,
        metadata: ClientMetadata,
        subscriptions: Subscriptions,
        positions: Positions,
        wake: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._config = config
        self._network = network
        self._metadata = metadata
        self._subscriptions = subscriptions
        self._positions = positions
        self._wake = wake
        self._sessions: dict[int, Session] = {}
        self._buffer: deque[CompletedFetch] = deque()
        self._grouped_at = (-1, -1)
        self._by_leader: dict[int, list[tuple[TopicPartition, Ownership]]] = {}

    def collect(self, max_records: int) -> list[Slice]:
        """Take up to so many records from the buffer; positions move past them, paused partitions keep theirs."""
        slices: list[Slice] = []
        if self._subscriptions.revoking:
            return slices
        left = max_records
        buffer, owned = self._buffer, self._subscriptions.owned
        paused: list[CompletedFetch] = []
        while left > 0 and buffer:
            fetch = buffer[0]
            ownership = fetch.ownership
            valid = owned.get(fetch.partition) is ownership and ownership.position == fetch.next_offset
            if valid and ownership.paused:
                paused.append(buffer.popleft())
                continue
            if valid:
                left -= fetch.take(left, slices)
            if not valid or not fetch.batches:
                ownership.buffered = False
                buffer.popleft()
        buffer.extend(paused)
        return slices

    def send_fetches(self) -> None:
        """Ask each broker that leads owned partitions, unless it is being asked or its last answer is not used up."""
        if self._subscriptions.revoking:
            return
        for leader, members in self._grouped().items():
            if leader == NO_LEADER:
                self._metadata.request_update()
                continue
            session = self._sessions.get(leader)
            if session is None or not session.pending:
                wanted = self._wanted(members)
                if wanted:
                    if session is None:
                        session = self._sessions[leader] = Session()
                    self._fetch(leader, session, wanted)

    def _grouped(self) -> dict[int, list[tuple[TopicPartition, Ownership]]]:
        """The owned partitions by leader."""
        version = (self._metadata.version, self._subscriptions.version)
        if version != self._grouped_at:
            self._grouped_at, self._by_leader = version, {}
            for name, ownership in self._subscriptions.owned.items():
                self._by_leader.setdefault(self._metadata.leader(name), []).append((name, ownership))
        return self._by_leader

    def _wanted(self, members: list[tuple[TopicPartition, Ownership]]) -> Wanted:
        """What to fetch from one leader; nothing while records of it lie in the buffer that poll() may hand out."""
        wanted: Wanted = {}
        now, max_bytes = self._owner.now, self._config.max_partition_fetch_bytes
        for name, ownership in members:
            if ownership.position is None or ownership.paused:
                continue
            if ownership.buffered:
                return {}
            epoch = self._metadata.leader_epoch(name)
            if not ownership.is_blocked(now, epoch):
                last_epoch = -1 if ownership.validated_epoch == epoch else ownership.position_epoch
                wanted[name] = FetchPartition(ownership.position, max_bytes, epoch, last_epoch)
        return wanted

    def _fetch(self, leader: int, session: Session, wanted: Wanted) -> None:
        config = self._config
        changed = {name: partition for name, partition in wanted.items() if session.known.get(name) != partition}
        forgotten = [name for name in session.known if name not in wanted]
        session.known = wanted
        session.pending = True
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
        self._network.request(leader, request, lambda response: self._received(leader, session, response))

    def _received(self, leader: int, session: Session, response: Message) -> None:
        """An answer; a broker that cannot be reached or has forgotten the session gets a new one."""
        session.pending = False
        session.session_id = NO_SESSION
        if isinstance(response, FetchResponse) and response.error is ErrorCode.NONE:
            session.session_id = response.session_id
            for name, data in response.partitions.items():
                ownership = self._subscriptions.owned.get(name)
                wanted = session.known.get(name)
                if ownership is not None and wanted is not None and ownership.position == wanted.fetch_offset:
                    self._take(name, ownership, wanted, data)
        if session.session_id == NO_SESSION:
            self._sessions[leader] = Session()
        self._wake()

    def _take(self, name: TopicPartition, ownership: Ownership, wanted: FetchPartition, data: FetchData) -> None:
        if data.error is ErrorCode.NONE and data.diverging_epoch is None:
            ownership.high_watermark = data.high_watermark
            ownership.validated_epoch = wanted.current_leader_epoch
            if data.batches:
                ownership.buffered = True
                self._buffer.append(CompletedFetch(name, ownership, wanted.fetch_offset, data.batches))
        elif data.diverging_epoch is not None:
            self._positions.truncated(name, ownership, min(data.diverging_epoch[1], wanted.fetch_offset))
        elif data.error is ErrorCode.OFFSET_OUT_OF_RANGE:
            self._positions.out_of_range(name, ownership)
        else:
            self._metadata.hint(name, data.leader_id, data.leader_epoch)
            self._metadata.request_update()
            until = self._owner.now + self._config.retry_backoff_ms * MILLISECOND
            ownership.block(until, wanted.current_leader_epoch)
            self._owner.at(until, self._wake)
