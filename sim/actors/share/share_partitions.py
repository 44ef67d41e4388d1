"""A broker's answers to share fetches and acknowledgements, for the partitions that it leads (KIP-932).

Source: core/src/main/java/kafka/server/share/SharePartitionManager.java, DelayedShareFetch.java,
    core/src/main/scala/kafka/server/KafkaApis.scala handleShareFetchRequest, handleShareAcknowledgeRequest
Fidelity: approximate — a share partition stays in memory when a group has no session here any more
Left out: quotas of share fetches, a limit of sessions.
"""

from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.actors.broker.socket_server import ServerRequest
from sim.actors.share.share_fetches import ParkedShareFetch, ShareExchange
from sim.actors.share.share_leader import SharePartitionLeader
from sim.actors.share.share_persister import SharePersister
from sim.actors.share.share_sessions import ShareSession, ShareSessions
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.errors import ErrorCode
from sim.rules.protocol.share_group import (
    FINAL_EPOCH,
    Acknowledgements,
    ShareAcknowledgeRequest,
    ShareAcknowledgeResponse,
    ShareFetchData,
    ShareFetchRequest,
    ShareFetchResponse,
    acknowledgements_refusal,
)
from sim.rules.share.share_group_state import SharePartitionKey
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["SharePartitions"]


class SharePartitions:
    """Share partitions, sessions, and the fetches that wait for records."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self.persister = SharePersister(broker)
        self._sessions = ShareSessions(self._release)
        self._leaders: dict[SharePartitionKey, SharePartitionLeader] = {}
        self._parked: dict[SharePartitionKey, dict[ParkedShareFetch, None]] = {}
        self._watched: dict[TopicPartition, None] = {}
        self._waits: dict[int, Deadlines] = {}

    def fetch(self, request: ServerRequest) -> None:
        """ShareFetch: take the acknowledgements, then answer with records, or wait for some."""
        body = request.body
        assert isinstance(body, ShareFetchRequest)
        session = self._sessions.fetch(request, body)
        if isinstance(session, ErrorCode):
            self._broker.reply(request, ShareFetchResponse(session))
            return
        exchange = self._exchange(request, body, session)
        limits = body.limits
        asks = bool(session.partitions) and limits.max_records > 0 and limits.max_bytes > 0
        if body.session_epoch == FINAL_EPOCH or body.is_renewal or not asks:
            exchange.fetched({})
        else:
            self._begin(ParkedShareFetch(exchange, session, limits, self._served(session, body.session_epoch)))

    def acknowledge(self, request: ServerRequest) -> None:
        """ShareAcknowledge; the last one of a session gives back what the member still holds."""
        body = request.body
        assert isinstance(body, ShareAcknowledgeRequest)
        session = self._sessions.acknowledge(body)
        if isinstance(session, ErrorCode):
            self._broker.reply(request, ShareAcknowledgeResponse(session))
            return
        exchange = self._exchange(request, body, session)
        exchange.fetched(None)

    def _exchange(
        self, request: ServerRequest, body: ShareFetchRequest | ShareAcknowledgeRequest, session: ShareSession
    ) -> ShareExchange:
        """Begin an answer: take the acknowledgements, and end the session if this is its last request."""
        lock_ms = self._broker.share_settings(body.group_id).limits.record_lock_duration_ms
        exchange = ShareExchange(self._broker, request, session, lock_ms)
        self._acknowledge(exchange, body.acknowledgements, is_renewal=body.is_renewal)
        if body.session_epoch == FINAL_EPOCH:
            self._end(session)
        return exchange

    def resigned(self, partition: Partition) -> None:
        """This broker leads a partition no longer: another one reads its states."""
        for key in [key for key in self._leaders if key.partition == partition.name]:
            self._leaders.pop(key).resign()

    def start_offsets(self, group_id: str) -> dict[TopicPartition, int]:
        """What observers read: where a group stands in the partitions that this broker serves to it."""
        return {
            key.partition: leader.records.start_offset
            for key, leader in self._leaders.items()
            if key.group_id == group_id and leader.records is not None
        }

    def _acknowledge(self, exchange: ShareExchange, said: Acknowledgements, *, is_renewal: bool) -> None:
        session = exchange.session
        for name, pieces in said.items():
            then = exchange.acknowledgement_of(name)
            leader = self._leaders.get(SharePartitionKey(session.group_id, name))
            refusal = acknowledgements_refusal(pieces, is_renewal=is_renewal)
            if refusal is not None or leader is None:
                then(refusal or ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
            else:
                leader.acknowledge(session.member_id, pieces, then)

    def _end(self, session: ShareSession) -> None:
        if self._sessions.end(session):
            self._release(session)

    def _release(self, session: ShareSession) -> None:
        """A session is over: what its member holds is free."""
        for name in session.partitions:
            leader = self._leaders.get(SharePartitionKey(session.group_id, name))
            if leader is not None:
                leader.release(session.member_id)

    def _served(self, session: ShareSession, epoch: int) -> list[TopicPartition]:
        """The session's partitions, beginning with another one each time.

        Source: server/src/main/java/org/apache/kafka/server/share/fetch/PartitionRotateStrategy.java
        """
        names = list(session.partitions)
        first = epoch % len(names) if epoch > 0 else 0
        return [*names[first:], *names[:first]]

    def _begin(self, fetch: ParkedShareFetch) -> None:
        """Answer now if there is something to say, otherwise wait for it."""
        for name in fetch.names:
            leader = self._leader(fetch.session.group_id, name)
            if isinstance(leader, ErrorCode):
                fetch.errors[name] = self._error(name, leader)
        if len(fetch.errors) == len(fetch.names):
            fetch.answer({})
        elif not self._try(fetch):
            self._park(fetch)

    def _leader(self, group_id: str, name: TopicPartition) -> SharePartitionLeader | ErrorCode:
        """The share partition, made if need be."""
        partition = self._broker.replicas.find(name)
        if isinstance(partition, ErrorCode):
            return partition
        if not partition.is_leader:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        key = SharePartitionKey(group_id, name)
        known = self._leaders.get(key)
        if known is not None:
            return known

        def failed(error: ErrorCode) -> None:
            if self._leaders.get(key) is made:
                del self._leaders[key]
            for fetch in list(self._parked.get(key, ())):
                fetch.errors[name] = self._error(name, error)
                if len(fetch.errors) == len(fetch.names):
                    self._finish(fetch, {})

        made = SharePartitionLeader(self._broker, key, partition, self.persister, lambda: self._look(key), failed)
        self._leaders[key] = made
        return made

    def _error(self, name: TopicPartition, error: ErrorCode) -> ShareFetchData:
        known = self._broker.image.partitions.get(name)
        if error is not ErrorCode.NOT_LEADER_OR_FOLLOWER or known is None:
            return ShareFetchData(error)
        return ShareFetchData(error, leader_id=known.leader, leader_epoch=known.leader_epoch)

    def _try(self, fetch: ParkedShareFetch, *, is_last: bool = False) -> bool:
        """Acquire and answer if there are bytes enough, or the time is over.

        Source: core/src/main/java/kafka/server/share/DelayedShareFetch.java tryComplete, onComplete
        """
        ready: list[tuple[SharePartitionLeader, int]] = []
        for name in fetch.names:
            leader = self._leaders.get(SharePartitionKey(fetch.session.group_id, name))
            offset = None if leader is None else leader.fetch_offset()
            if leader is not None and offset is not None:
                ready.append((leader, offset))
        available = sum(leader.available_bytes(offset) for leader, offset in ready)
        if not is_last and (not ready or available < fetch.limits.min_bytes):
            return False
        data: dict[TopicPartition, ShareFetchData] = {}
        left = fetch.limits.max_records
        for leader, offset in ready:
            max_bytes = min(fetch.limits.max_bytes, self._broker.config.fetch_max_bytes) // len(ready)
            found = leader.acquire(fetch.session.member_id, offset, max_bytes, left, fetch.limits.batch_size)
            left -= sum(piece.last_offset - piece.first_offset + 1 for piece in found.acquired)
            if found.acquired:
                data[leader.key.partition] = found
                fetch.session.served(leader.key.partition)
        self._finish(fetch, data)
        return True

    def _finish(self, fetch: ParkedShareFetch, data: dict[TopicPartition, ShareFetchData]) -> None:
        if fetch.deadline is not None:
            fetch.deadline.cancel()
        for name in fetch.names:
            self._parked.get(SharePartitionKey(fetch.session.group_id, name), {}).pop(fetch, None)
        fetch.answer(data)

    def _park(self, fetch: ParkedShareFetch) -> None:
        waits = self._waits.get(fetch.limits.max_wait_ms)
        if waits is None:
            length = fetch.limits.max_wait_ms * MILLISECOND
            waits = self._waits[fetch.limits.max_wait_ms] = Deadlines(self._broker, length)
        fetch.deadline = waits.book(lambda: self._try(fetch, is_last=True))
        for name in fetch.names:
            self._parked.setdefault(SharePartitionKey(fetch.session.group_id, name), {})[fetch] = None
            self._watch(name)

    def _watch(self, name: TopicPartition) -> None:
        """Look at the fetches that wait for a partition when its high watermark rises."""
        partition = self._broker.replicas.partitions.get(name)
        if name not in self._watched and partition is not None and partition.is_leader:
            self._watched[name] = None
            watermark = partition.high_watermark
            watermark.when(watermark.value + 1, lambda: self._broker.after(0, self._risen, name))

    def _risen(self, name: TopicPartition) -> None:
        del self._watched[name]
        keys = [key for key, fetches in self._parked.items() if key.partition == name and fetches]
        for key in keys:
            self._look(key)
        if any(self._parked[key] for key in keys):
            self._watch(name)

    def _look(self, key: SharePartitionKey) -> None:
        """There may be records for those who wait; the first who came is the first who gets some."""
        for fetch in list(self._parked.get(key, ())):
            if fetch in self._parked[key]:
                self._try(fetch)
