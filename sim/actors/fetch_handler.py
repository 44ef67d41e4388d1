"""A broker's answer to fetches, of followers and of consumers: read, or wait for something to read.

Source: core/src/main/scala/kafka/server/ReplicaManager.scala fetchMessages, readFromLog; DelayedFetch.scala
"""

from typing import TYPE_CHECKING

from sim.actors.fetch_session import FetchSession, ParkedFetch
from sim.actors.partition import Partition
from sim.actors.socket_server import ServerRequest
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.errors import ErrorCode, OffsetOutOfRangeError
from sim.rules.protocol import FetchData, FetchPartition, FetchRequest, FetchResponse
from sim.rules.topics import TopicPartition
from sim.rules.truncation import diverging_epoch

if TYPE_CHECKING:
    from sim.actors.broker import Broker

__all__ = ["FetchHandler"]


class FetchHandler:
    """Sessions and purgatory of one broker's fetches."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._sessions: dict[int, FetchSession] = {}
        self._next_session_id = 1
        self._waits: dict[int, Deadlines] = {}

    def handle(self, request: ServerRequest) -> None:
        """Answer a fetch now or when there is something to say."""
        body = request.body
        assert isinstance(body, FetchRequest)
        session = self._session(request, body)
        if session is None:
            request.reply(FetchResponse(ErrorCode.FETCH_SESSION_ID_NOT_FOUND, 0))
            return
        session.last_fetch_ms = self._broker.now_ms
        if body.replica_id >= 0:
            self._note_follower(body)
        response = FetchResponse(ErrorCode.NONE, session.session_id)
        urgent = self._read(session, body, response)
        if urgent or body.max_wait_ms == 0 or body.min_bytes == 0:
            self._reply(session, request, response)
        else:
            self._park(session, request, body, response)

    def leadership_changed(self, partition: Partition) -> None:
        """Answer every fetch that waits for this partition: it has a new leader, or none."""
        for session in (*partition.replicators, *partition.consumers):
            session.news[partition.name] = None
            session.wake()

    def _session(self, request: ServerRequest, body: FetchRequest) -> FetchSession | None:
        if body.session_epoch != 0:
            session = self._sessions.get(body.session_id)
        else:
            session = FetchSession(self._next_session_id, body.replica_id, request.connection, self._available_bytes)
            self._sessions[session.session_id] = session
            self._next_session_id += 1
        if session is not None:
            session.update(body)
            self._subscribe(session, body)
        return session

    def _subscribe(self, session: FetchSession, body: FetchRequest) -> None:
        for name in body.forgotten:
            self._unsubscribe(session, name)
        for name in body.partitions:
            partition = self._broker.replicas.partitions.get(name)
            if partition is not None:
                readers = partition.replicators if body.replica_id >= 0 else partition.consumers
                readers[:] = [reader for reader in readers if reader.connection.open and reader is not session]
                readers.append(session)

    def _unsubscribe(self, session: FetchSession, name: TopicPartition) -> None:
        partition = self._broker.replicas.partitions.get(name)
        if partition is not None:
            for readers in (partition.replicators, partition.consumers):
                if session in readers:
                    readers.remove(session)

    def _note_follower(self, body: FetchRequest) -> None:
        broker = self._broker
        for name, wanted in body.partitions.items():
            partition = broker.replicas.partitions.get(name)
            if partition is None or not partition.is_leader:
                continue
            if wanted.current_leader_epoch != partition.registration.leader_epoch:
                continue
            if partition.follower_fetched(body.replica_id, wanted.fetch_offset, broker.now_ms, body.replica_epoch):
                broker.isr.expand(partition, body.replica_id)

    def _park(self, session: FetchSession, request: ServerRequest, body: FetchRequest, response: FetchResponse) -> None:
        """Wait; what was read so far (watermarks, too few bytes) is read anew when the wait ends."""
        for name in response.partitions:
            session.news[name] = None

        def respond() -> None:
            answer = FetchResponse(ErrorCode.NONE, session.session_id)
            self._read(session, body, answer)
            self._reply(session, request, answer)

        waits = self._waits.get(body.max_wait_ms)
        if waits is None:
            waits = self._waits[body.max_wait_ms] = Deadlines(self._broker, body.max_wait_ms * MILLISECOND)
        session.parked = ParkedFetch(body.min_bytes, respond, waits.book(session.wake))

    def _reply(self, session: FetchSession, request: ServerRequest, response: FetchResponse) -> None:
        broker = self._broker
        size_bytes = sum(data.size_bytes for data in response.partitions.values())
        for name, data in response.partitions.items():
            session.told_watermarks[name] = data.high_watermark
        batch_count = sum(len(data.batches) for data in response.partitions.values())
        request.reply(response, broker.cpu.work(broker.now, broker.hardware.cost(batch_count, size_bytes // 8)))

    def _read(self, session: FetchSession, body: FetchRequest, response: FetchResponse) -> bool:
        """Fill a response from the partitions with news; True if it should go out at once."""
        urgent = False
        left_bytes = body.max_bytes
        found_bytes = 0
        for name in list(session.news):
            if left_bytes <= 0:
                break
            del session.news[name]
            data = self._read_partition(session, name, session.partitions[name], left_bytes, found_bytes == 0)
            if data is None:
                continue
            response.partitions[name] = data
            left_bytes -= data.size_bytes
            found_bytes += data.size_bytes
            urgent = urgent or data.error is not ErrorCode.NONE or data.diverging_epoch is not None
        return urgent or 0 < body.min_bytes <= found_bytes

    def _read_partition(
        self, session: FetchSession, name: TopicPartition, wanted: FetchPartition, left_bytes: int, first: bool
    ) -> FetchData | None:
        """One partition's data, error or new watermark; None when it has nothing to say."""
        partition = self._broker.replicas.partitions.get(name)
        error = fetch_error(partition, wanted)
        if partition is None or error is not None:
            known = partition.registration if partition is not None else None
            return FetchData(
                error or ErrorCode.UNKNOWN_TOPIC_OR_PARTITION,
                leader_id=known.leader if known else -1,
                leader_epoch=known.leader_epoch if known else -1,
            )
        watermark = partition.high_watermark.value
        is_follower = session.replica_id >= 0
        try:
            if wanted.last_fetched_epoch >= 0:
                diverging = diverging_epoch(
                    partition.log.leader_epochs,
                    partition.log.log_end_offset,
                    wanted.last_fetched_epoch,
                    wanted.fetch_offset,
                )
                if diverging is not None:
                    return FetchData(
                        ErrorCode.NONE, watermark, partition.log.log_start_offset, diverging_epoch=diverging
                    )
            bound = partition.log.log_end_offset if is_follower else watermark
            limit = min(wanted.max_bytes, left_bytes)
            batches, size_bytes = partition.log.read(wanted.fetch_offset, limit, bound, first)
        except OffsetOutOfRangeError:
            return FetchData(ErrorCode.OFFSET_OUT_OF_RANGE, watermark, partition.log.log_start_offset)
        if not batches and session.told_watermarks.get(name) == watermark:
            return None
        if batches:
            self._broker.read_from_disk(partition, wanted.fetch_offset, size_bytes)
        return FetchData(
            ErrorCode.NONE, watermark, partition.log.log_start_offset, batches, size_bytes if batches else 0
        )

    def _available_bytes(self, session: FetchSession) -> int:
        total = 0
        for name in session.news:
            partition = self._broker.replicas.partitions.get(name)
            if partition is not None and partition.is_leader:
                bound = partition.log.log_end_offset if session.replica_id >= 0 else partition.high_watermark.value
                total += partition.log.size_bytes_between(session.partitions[name].fetch_offset, bound)
        return total


def fetch_error(partition: Partition | None, wanted: FetchPartition) -> ErrorCode | None:
    """Why a fetch of this partition is refused here; None when it is not."""
    if partition is None:
        return ErrorCode.UNKNOWN_TOPIC_OR_PARTITION
    if wanted.current_leader_epoch >= 0:
        if wanted.current_leader_epoch < partition.registration.leader_epoch:
            return ErrorCode.FENCED_LEADER_EPOCH
        if wanted.current_leader_epoch > partition.registration.leader_epoch:
            return ErrorCode.UNKNOWN_LEADER_EPOCH
    return None if partition.is_leader else ErrorCode.NOT_LEADER_OR_FOLLOWER
