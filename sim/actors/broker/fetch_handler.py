"""A broker's answer to fetches, of followers and of consumers: read, or wait for something to read.

Source: core/src/main/scala/kafka/server/ReplicaManager.scala fetchMessages, readFromLog; DelayedFetch.scala
Fidelity: approximate — no tiered storage
Left out: a parked fetch of a segment that is not the last one is not answered early (DelayedFetch, case F).
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from sim.actors.broker.fetch_session import FetchSession, ParkedFetch
from sim.actors.broker.partition import Partition
from sim.actors.broker.read_replicas import fetch_error, preferred_replica, refusal
from sim.actors.broker.socket_server import ServerRequest
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.errors import ErrorCode, OffsetOutOfRangeError
from sim.rules.protocol.messages import FetchData, FetchPartition, FetchRequest, FetchResponse
from sim.rules.storage.truncation import diverging_epoch
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["FetchHandler"]

NO_SESSION = 0


class FetchHandler:
    """Sessions and purgatory of one broker's fetches."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._sessions: dict[int, FetchSession] = {}
        self._next_session_id = 1
        self._waits: dict[int, Deadlines] = {}
        self._told: dict[FetchSession, None] = {}

    def handle(self, request: ServerRequest) -> None:
        """Answer a fetch now or when there is something to say."""
        body = request.body
        assert isinstance(body, FetchRequest)
        session = self._session(request, body)
        if isinstance(session, ErrorCode):
            request.reply(FetchResponse(session, NO_SESSION))
            return
        if not session.partitions:
            self._close(session)
            request.reply(FetchResponse(ErrorCode.NONE, NO_SESSION))
            return
        session.last_fetch_ms = self._broker.now_ms
        if session.replica_id < 0:
            body.max_bytes = self._broker.quotas.fetch_max_bytes(request, body.max_bytes)
        response = FetchResponse(ErrorCode.NONE, session.session_id)
        urgent = self._read(session, body, response, first_time=True)
        if session.outside:
            self._look_at_outsiders(session, body)
        patient = body.max_wait_ms > 0 and body.min_bytes > 0
        if not urgent and (not patient or any(self._has_more(session, name) for name in session.news)):
            urgent = self._read(session, body, response, first_time=False)
        if urgent or not patient:
            self._reply(session, request, response)
        else:
            self._park(session, request, body, response)

    def leadership_changed(self, partition: Partition) -> None:
        """Answer every fetch that waits for this partition: it has a new leader, or none."""
        for session in (*partition.replicators, *partition.consumers):
            session.news[partition.name] = None
            session.wake()

    def partition_created(self, partition: Partition) -> None:
        """A replica is here, perhaps again: the sessions that name it hear of it from now on."""
        for session in self._sessions.values():
            if partition.name in session.partitions:
                self._subscribe(session, partition.name)
                session.tell(partition.name)

    def complete_actions(self) -> None:
        """Answer the parked fetches that have enough bytes now: once for all partitions of the request that is through.

        Source: core/src/main/scala/kafka/server/ReplicaManager.scala tryCompleteActions
        Fidelity: exact
        """
        while self._told:
            session = next(iter(self._told))
            del self._told[session]
            parked = session.parked
            if parked is None:
                continue
            may_wait = session.read_committed or self._broker.throttles.may_hold_back(session.replica_id)
            any_news = parked.min_bytes <= 1 and not may_wait
            if any_news or self._available_bytes(session) >= max(1, parked.min_bytes):
                session.wake()

    def look_at(self, sessions: Iterable[FetchSession]) -> None:
        """Answer parked fetches when the request is through, be it with nothing."""
        self._told.update(dict.fromkeys(sessions))

    def session_count(self) -> int:
        """How many sessions are kept."""
        return len(self._sessions)

    def _session(self, request: ServerRequest, body: FetchRequest) -> FetchSession | ErrorCode:
        """The session that a request belongs to, brought up to date; a full request opens a new one."""
        if body.session_epoch == 0:
            session = self._open(request, body)
        else:
            known = self._sessions.get(body.session_id)
            if known is None:
                return ErrorCode.FETCH_SESSION_ID_NOT_FOUND
            if known.epoch != body.session_epoch:
                return ErrorCode.INVALID_FETCH_SESSION_EPOCH
            session = known
        new = [name for name in body.partitions if name not in session.partitions] if body.partitions else []
        session.update(body)
        for name in body.forgotten:
            self._unsubscribe(session, name)
        for name in new:
            self._subscribe(session, name)
        return session

    def _open(self, request: ServerRequest, body: FetchRequest) -> FetchSession:
        """A new session; those whose client has hung up or died, and the one that this client had, are closed."""
        gone = [old for old in self._sessions.values() if not old.connection.open or old.session_id == body.session_id]
        for old in gone:
            self._close(old)
        is_deaf = self._broker.wakes_readers_at_append and body.replica_id < 0
        told: dict[FetchSession, None] = {} if is_deaf else self._told
        session = FetchSession(self._next_session_id, body.replica_id, request.connection, told)
        self._sessions[session.session_id] = session
        self._next_session_id += 1
        return session

    def _close(self, session: FetchSession) -> None:
        del self._sessions[session.session_id]
        for name in session.partitions:
            self._unsubscribe(session, name)

    def _subscribe(self, session: FetchSession, name: TopicPartition) -> None:
        partition = self._broker.replicas.partitions.get(name)
        if partition is not None:
            (partition.replicators if session.replica_id >= 0 else partition.consumers).append(session)

    def _unsubscribe(self, session: FetchSession, name: TopicPartition) -> None:
        partition = self._broker.replicas.partitions.get(name)
        if partition is not None:
            readers = partition.replicators if session.replica_id >= 0 else partition.consumers
            if session in readers:
                readers.remove(session)

    def _park(self, session: FetchSession, request: ServerRequest, body: FetchRequest, response: FetchResponse) -> None:
        """Wait; what was read so far (watermarks, too few bytes) is read anew when the wait ends."""
        for name in response.partitions:
            session.news[name] = None

        def respond() -> None:
            answer = FetchResponse(ErrorCode.NONE, session.session_id)
            self._read(session, body, answer, first_time=False)
            self._reply(session, request, answer)

        waits = self._waits.get(body.max_wait_ms)
        if waits is None:
            waits = self._waits[body.max_wait_ms] = Deadlines(self._broker, body.max_wait_ms * MILLISECOND)
        session.parked = ParkedFetch(body.min_bytes, respond, waits.book(session.wake))

    def _reply(self, session: FetchSession, request: ServerRequest, response: FetchResponse) -> None:
        broker = self._broker
        size_bytes, batch_count = response.volume()
        cost = broker.hardware.cost(batch_count, size_bytes // 8)
        worked = broker.cpu.work(broker.clock._now, cost)
        if session.replica_id < 0 and broker.quotas.enabled:
            throttle_ms = broker.quotas.fetched(request, response.size_bytes(), cost, broker.now_ms)
            if throttle_ms > 0:
                session.news.update(dict.fromkeys(response.partitions))
                response = FetchResponse(ErrorCode.NONE, session.session_id, throttle_time_ms=throttle_ms)
                if session.epoch == 1:
                    self._close(session)
                    response.session_id = NO_SESSION
        broker.throttles.sent(session.replica_id, response)
        request.reply(response, max(self._deliver(session, response), worked))

    def _deliver(self, session: FetchSession, response: FetchResponse) -> int:
        """Note what a response tells; returns when its data have been read."""
        read = self._broker.now
        for name, data in response.partitions.items():
            session.told_watermarks[name] = data.high_watermark
            if data.batches or data.error is not ErrorCode.NONE:
                session.served[name] = None
            if data.batches:
                done = self._broker.log_storage.read(name, session.partitions[name].fetch_offset, data.size_bytes)
                if isinstance(done, ErrorCode):
                    response.partitions[name] = FetchData(done)
                else:
                    read = max(read, done)
        return read

    def _read(self, session: FetchSession, body: FetchRequest, response: FetchResponse, first_time: bool) -> bool:
        """Fill a response from the partitions with news; True if it should go out at once.

        A follower's fetch counts once, when it comes in: after the read, so that the watermark it is told is the one
        before it.
        """
        urgent = False
        max_bytes = min(body.max_bytes, self._broker.config.fetch_max_bytes)
        left_bytes, news = max_bytes, session.news
        counts = first_time and session.replica_id >= 0
        for name in list(news):
            del news[name]
            wanted = session.partitions[name]
            data = self._read_partition(session, name, wanted, left_bytes, left_bytes == max_bytes)
            good = data.error is ErrorCode.NONE and data.diverging_epoch is None
            redirected = data.preferred_read_replica >= 0
            urgent = urgent or not good or redirected
            if data.size_bytes:
                left_bytes = max(0, left_bytes - data.size_bytes)
            if not good or data.size_bytes or redirected or session.told_watermarks.get(name) != data.high_watermark:
                response.partitions[name] = data
            if good and counts and name in body.partitions:
                self._note(session, self._broker.replicas.partitions[name], wanted)
            if good and not data.size_bytes and self._has_more(session, name):
                news[name] = None
        return urgent or max_bytes - left_bytes >= min(body.min_bytes, max_bytes)

    def _note(self, session: FetchSession, partition: Partition, wanted: FetchPartition) -> None:
        """Let a follower's fetch count: it may join the ISR, and the high watermark may rise."""
        broker, follower = self._broker, session.replica_id
        state = (wanted.fetch_offset, broker.now_ms, session.replica_epoch, wanted.log_start_offset)
        moved = partition.follower_fetched(follower, *state)
        broker.deletes.look()
        if partition.may_expand(follower):
            broker.isr.expand(partition, follower)
        if moved:
            partition.advance_high_watermark(broker.now_ms)
        if follower in partition.isr:
            session.outside.pop(partition.name, None)
        else:
            session.outside[partition.name] = None

    def _look_at_outsiders(self, session: FetchSession, body: FetchRequest) -> None:
        """A fetch counts for partitions that it does not name, too; it matters where the follower is not in sync."""
        for name in list(session.outside):
            partition, wanted = self._broker.replicas.partitions[name], session.partitions[name]
            if name not in body.partitions and self._refusal(session, partition, wanted) is None:
                self._note(session, partition, wanted)

    def _refusal(self, session: FetchSession, partition: Partition, wanted: FetchPartition) -> ErrorCode | None:
        error = fetch_error(partition, wanted, session.replica_id < 0)
        if error is None and session.replica_id >= 0:
            error = partition.followers.refuses_fetch(session.replica_id, session.replica_epoch)
        return error

    def _read_partition(
        self, session: FetchSession, name: TopicPartition, wanted: FetchPartition, left_bytes: int, first: bool
    ) -> FetchData:
        """One partition's data, watermark, or error."""
        partition = self._broker.replicas.find(name)
        if isinstance(partition, ErrorCode):
            return FetchData(partition)
        error = self._refusal(session, partition, wanted)
        if error is not None:
            return refusal(partition, error)
        log, watermark = partition.log, partition.high_watermark.value
        preferred = preferred_replica(self._broker, session, partition, wanted.fetch_offset) if session.rack else None
        if preferred is not None:
            return FetchData(ErrorCode.NONE, watermark, log.log_start_offset, preferred_read_replica=preferred)
        end = partition.end_for(session)
        if wanted.fetch_offset == end and wanted.last_fetched_epoch in (-1, log.leader_epochs.latest_epoch):
            return FetchData(ErrorCode.NONE, watermark, log.log_start_offset)
        try:
            offset, epoch = wanted.fetch_offset, wanted.last_fetched_epoch
            if epoch >= 0:
                diverging = diverging_epoch(log.leader_epochs, log.log_end_offset, epoch, offset, log.log_start_offset)
                if diverging is not None:
                    return FetchData(ErrorCode.NONE, watermark, log.log_start_offset, diverging_epoch=diverging)
            if self._broker.throttles.holds_back(partition, session.replica_id):
                return FetchData(ErrorCode.NONE, watermark, log.log_start_offset)
            limit = min(wanted.max_bytes, left_bytes)
            return partition.read(session, wanted.fetch_offset, end, limit, first)
        except OffsetOutOfRangeError as refused:
            return FetchData(refused.code, log_start_offset=log.log_start_offset, log_end_offset=log.log_end_offset)

    def _has_more(self, session: FetchSession, name: TopicPartition) -> bool:
        """Whether a read would find data, or that the replica is gone."""
        partition = self._broker.replicas.partitions.get(name)
        return partition is None or session.partitions[name].fetch_offset < partition.end_for(session)

    def _available_bytes(self, session: FetchSession) -> int:
        total = 0
        for name in session.news:
            partition = self._broker.replicas.partitions.get(name)
            if partition is None or self._broker.throttles.holds_back(partition, session.replica_id):
                continue
            if partition.is_leader or session.replica_id < 0:
                wanted = session.partitions[name]
                available = partition.log.size_bytes_between(wanted.fetch_offset, partition.end_for(session))
                total += min(available, wanted.max_bytes)
        return total
