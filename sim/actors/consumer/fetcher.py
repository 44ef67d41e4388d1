"""A consumer's fetches: one session and at most one request per broker, and a buffer that poll() empties.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractFetch.java, FetchCollector.java,
    clients/src/main/java/org/apache/kafka/clients/FetchSessionHandler.java
Fidelity: approximate — a partition whose fetch failed rests for retry.backoff.ms unless it has a new leader; after a
    change of leader the first fetch itself tells whether the position still exists (Kafka asks OffsetForLeaderEpoch)
"""

from collections.abc import Callable

from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.network_client import NetworkClient
from sim.actors.consumer.fetch_buffer import FetchBuffer, Slice
from sim.actors.consumer.positions import Positions
from sim.actors.consumer.subscriptions import Ownership, PreferredReplica, Subscriptions
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode
from sim.rules.protocol.messages import FetchData, FetchPartition, FetchRequest, FetchResponse, Message
from sim.rules.topics import TopicPartition

__all__ = ["Fetcher"]

CONSUMER_REPLICA_ID = -1
NO_LEADER = -1
NO_SESSION = 0
FOREVER = 1 << 63
Wanted = dict[TopicPartition, FetchPartition]


class Session:
    """What one broker has been told so far."""

    __slots__ = ("epoch", "known", "pending", "session_id")

    def __init__(self) -> None:
        self.session_id = 0
        self.epoch = 0
        self.known: Wanted = {}
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
        self._read_committed = config.isolation_level == "read_committed"
        self._sessions: dict[int, Session] = {}
        self._buffer = FetchBuffer(subscriptions)
        self.beside_buffered = False
        self._grouped_at = (-1, -1)
        self._grouped_until = 0
        self._by_leader: dict[int, list[tuple[TopicPartition, Ownership]]] = {}

    @property
    def advanced(self) -> bool:
        """Whether the last `collect` has moved a position, be it past records that nobody may see."""
        return self._buffer.advanced

    def collect(self, max_records: int) -> list[Slice]:
        """Take up to so many records from the buffer; positions move past them, paused partitions keep theirs."""
        return self._buffer.collect(max_records)

    def send_fetches(self) -> None:
        """Ask each broker that leads owned partitions, unless it is being asked or its last answer is not used up."""
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
        """The owned partitions by the broker that they are read from, worked out anew when that may have changed."""
        version = (self._metadata.version, self._subscriptions.version)
        if version != self._grouped_at or self._owner.now > self._grouped_until:
            self._grouped_at, self._grouped_until, self._by_leader = version, FOREVER, {}
            for name, ownership in self._subscriptions.owned.items():
                self._by_leader.setdefault(self._read_from(name, ownership), []).append((name, ownership))
        return self._by_leader

    def _read_from(self, name: TopicPartition, ownership: Ownership) -> int:
        """The replica that the leader has named, while that counts and it is alive; otherwise the leader."""
        preferred = ownership.preferred
        if preferred is not None:
            fits = preferred.leader_epoch == self._metadata.leader_epoch(name) and self._owner.now <= preferred.until
            if fits and self._metadata.image.alive(preferred.broker_id):
                self._grouped_until = min(self._grouped_until, preferred.until)
                return preferred.broker_id
            if fits:
                self._metadata.request_update()
            ownership.preferred = None
        return self._metadata.leader(name)

    def _prefer(self, name: TopicPartition, ownership: Ownership, broker_id: int) -> None:
        """Read from a follower for metadata.max.age.ms; a lease that runs is not made longer."""
        if ownership.preferred is None or ownership.preferred.broker_id != broker_id:
            until = self._owner.now + self._config.metadata_max_age_ms * MILLISECOND
            ownership.preferred = PreferredReplica(broker_id, self._metadata.leader_epoch(name), until)
            self._grouped_until = 0

    def _prefer_leader(self, ownership: Ownership) -> bool:
        """Read from the leader again; whether that is news."""
        preferred, ownership.preferred = ownership.preferred, None
        if preferred is not None:
            self._grouped_until = 0
        return preferred is not None

    def _wanted(self, members: list[tuple[TopicPartition, Ownership]]) -> Wanted:
        """What to fetch from one leader; nothing while records of it lie in the buffer that poll() may hand out.

        Before Kafka 4.0 partitions without any were fetched `beside_buffered` ones all the same (KAFKA-17182).
        """
        wanted: Wanted = {}
        now, max_bytes = self._owner.now, self._config.max_partition_fetch_bytes
        for name, ownership in members:
            if ownership.position is None or ownership.paused or ownership.on_hold:
                continue
            if ownership.buffered:
                if self.beside_buffered:
                    continue
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
            rack_id=config.client_rack,
            read_committed=self._read_committed,
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
        elif not isinstance(response, FetchResponse):
            for name in session.known:
                if name in self._subscriptions.owned:
                    self._prefer_leader(self._subscriptions.owned[name])
        if session.session_id == NO_SESSION:
            self._sessions[leader] = Session()
        self._wake()

    def _take(self, name: TopicPartition, ownership: Ownership, wanted: FetchPartition, data: FetchData) -> None:
        if data.error is ErrorCode.NONE and data.diverging_epoch is None:
            ownership.high_watermark = data.high_watermark
            ownership.validated_epoch = wanted.current_leader_epoch
            if data.preferred_read_replica >= 0:
                self._prefer(name, ownership, data.preferred_read_replica)
            elif data.batches:
                self._buffer.add(name, ownership, wanted.fetch_offset, data)
        elif data.diverging_epoch is not None:
            self._positions.truncated(name, ownership, min(data.diverging_epoch[1], wanted.fetch_offset))
        elif data.error is ErrorCode.OFFSET_OUT_OF_RANGE:
            if not self._prefer_leader(ownership):
                self._positions.out_of_range(name, ownership)
        else:
            self._prefer_leader(ownership)
            self._metadata.hint(name, data.leader_id, data.leader_epoch)
            self._metadata.request_update()
            until = self._owner.now + self._config.retry_backoff_ms * MILLISECOND
            ownership.block(until, wanted.current_leader_epoch)
            self._owner.at(until, self._wake)
