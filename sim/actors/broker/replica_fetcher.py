"""A follower's thread for one leader: fetch, append, fetch again; the fetch offset is the acknowledgement.

Source: core/src/main/scala/kafka/server/AbstractFetcherThread.scala, ReplicaFetcherThread.scala,
    RemoteLeaderEndPoint.scala
Fidelity: approximate — an offset out of range is settled from the refusal itself, where Kafka asks the leader for its
    first and last offset; the session outlives the last partition
"""

from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.actors.client.network_client import NetworkClient
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import LogTruncated
from sim.rules.protocol.messages import ErrorResponse, FetchData, FetchPartition, FetchRequest, FetchResponse, Message
from sim.rules.storage.batch import RecordBatch
from sim.rules.storage.retention import increment_log_start_offset
from sim.rules.storage.truncation import truncation_offset
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["ReplicaFetcher"]

FETCHER_START = 4 * MILLISECOND
"""From following a leader to the first fetch: a thread starts, and connects. In recordings a follower came before its
leader knew of its own election, and left it alone for replica.fetch.backoff.ms, in about a quarter of all elections."""


class ReplicaFetcher:
    """Fetches every partition that this broker follows and one leader leads, in one incremental session."""

    def __init__(self, broker: "Broker", leader_id: int) -> None:
        self._broker = broker
        self._network = NetworkClient(broker, broker.directory, broker.config.request_timeout_ms, 0, 0)
        self._leader_id = leader_id
        self._partitions: dict[TopicPartition, Partition] = {}
        self._delayed_until: dict[TopicPartition, int] = {}
        self._session: dict[TopicPartition, FetchPartition] = {}
        self._changed: dict[TopicPartition, None] = {}
        self._forgotten: dict[TopicPartition, None] = {}
        self._session_id = 0
        self._session_epoch = 0
        self._held: dict[TopicPartition, None] = {}
        self._behind: dict[TopicPartition, bool] = {}
        self._busy = False
        self._retry_booked = self._look_booked = False

    def add(self, partition: Partition) -> None:
        """Follow this leader for one more partition, or in a new epoch."""
        name = partition.name
        self._partitions[name] = partition
        self._delayed_until.pop(name, None)
        self._held.pop(name, None)
        self._behind.pop(name, None)
        self._want(name)
        self._broker.after(FETCHER_START, self._fetch)

    def remove(self, partition: Partition) -> None:
        """Follow it no longer."""
        if self._partitions.pop(partition.name, None) is not None:
            self._held.pop(partition.name, None)
            self._want_not(partition.name)

    def log_start_raised(self, partition: Partition) -> None:
        """The own log begins later: the next fetch says so."""
        name = partition.name
        if name in self._partitions and name not in self._delayed_until and name not in self._held:
            self._want(partition.name)

    def _want(self, name: TopicPartition) -> None:
        self._forgotten.pop(name, None)
        self._changed[name] = None

    def _want_not(self, name: TopicPartition) -> None:
        self._changed.pop(name, None)
        self._forgotten[name] = None

    def _fetch(self) -> None:
        """Send the next fetch unless one is under way or every partition is left alone for a while."""
        delayed = self._delayed_until
        if self._busy or not self._partitions or (delayed and all(name in delayed for name in self._partitions)):
            return
        self._busy = True
        self._network.connect(self._leader_id, self._connected)

    def _connected(self, success: bool) -> None:
        if not success:
            self._failed()
            return
        self._hold_back()
        if self._session_epoch == 0:
            self._session.clear()
            self._forgotten.clear()
            resting = (self._delayed_until, self._held)
            self._changed = {name: None for name in self._partitions if not any(name in names for names in resting)}
        wanted = {name: self._wanted(self._partitions[name]) for name in self._changed}
        forgotten = tuple(name for name in self._forgotten if self._session.pop(name, None) is not None)
        self._session.update(wanted)
        self._changed.clear()
        self._forgotten.clear()
        if not self._session and not forgotten:
            self._busy = False
            self._look_again()
            return
        config = self._broker.config
        request = FetchRequest(
            self._broker.node_id,
            self._session_id,
            self._session_epoch,
            config.replica_fetch_wait_max_ms,
            config.replica_fetch_min_bytes,
            config.replica_fetch_response_max_bytes,
            wanted,
            forgotten,
            self._broker.epoch,
        )
        self._session_epoch += 1
        self._network.send(self._leader_id, request, self._received)

    def _hold_back(self) -> None:
        """Leave throttled partitions out of the session while this broker has copied too much of them.

        One that had all that was committed, when data came last, stays in it.
        """
        throttle, now_ms = self._broker.throttles.follower, self._broker.now_ms
        if not throttle.enabled:
            return
        for name, partition in self._partitions.items():
            waits = throttle.holds_back(partition, not self._behind.get(name, True), now_ms)
            if waits and name not in self._held:
                self._held[name] = None
                self._want_not(name)
            elif name in self._held and not waits:
                del self._held[name]
                if name not in self._delayed_until:
                    self._want(name)

    def _look_again(self) -> None:
        """Every partition waits: look again after replica.fetch.backoff.ms."""
        if self._held and not self._look_booked:
            self._look_booked = True
            self._broker.after(self._broker.config.replica_fetch_backoff_ms * MILLISECOND, self._looked)

    def _looked(self) -> None:
        self._look_booked = False
        self._fetch()

    def _wanted(self, partition: Partition) -> FetchPartition:
        latest = partition.log.leader_epochs.latest_epoch
        return FetchPartition(
            partition.log.log_end_offset,
            self._broker.config.replica_fetch_max_bytes,
            partition.registration.leader_epoch,
            -1 if latest is None else latest,
            partition.log.log_start_offset,
        )

    def _failed(self) -> None:
        """The leader cannot be reached, or has gone: a new session after replica.fetch.backoff.ms."""
        self._session_id = self._session_epoch = 0
        self._busy = False
        self._back_off(list(self._partitions))

    def _received(self, response: Message) -> None:
        if isinstance(response, ErrorResponse):
            self._failed()
            return
        assert isinstance(response, FetchResponse)
        if response.error is not ErrorCode.NONE or not response.session_id:
            self._session_id = self._session_epoch = 0
        else:
            self._session_id = response.session_id
        if response.partitions:
            broker, fetched = self._broker, response.partitions.items()
            size_bytes, batch_count = response.volume()
            parts = ((name, data.size_bytes, sum(batch.count for batch in data.batches)) for name, data in fetched)
            written = broker.log_storage.append(size_bytes, parts)
            broker.channel.received(size_bytes)
            worked = broker.cpu.work(broker.now, broker.hardware.copying_cost(batch_count, size_bytes))
            broker.at(max(written, worked), self._done, response)
        else:
            self._done(response)

    def _done(self, response: FetchResponse) -> None:
        for name, data in response.partitions.items():
            partition, wanted = self._partitions.get(name), self._session.get(name)
            if partition is not None and wanted is not None and self._is_current(partition, wanted):
                self._process(partition, wanted, data)
        self._broker.fetches.complete_actions()
        self._busy = False
        self._fetch()

    def _is_current(self, partition: Partition, wanted: FetchPartition) -> bool:
        """Whether an answer still fits: the epoch or the log may have changed since the request."""
        return (
            partition.name not in self._delayed_until
            and wanted.fetch_offset == partition.log.log_end_offset
            and wanted.current_leader_epoch == partition.registration.leader_epoch
        )

    def _process(self, partition: Partition, wanted: FetchPartition, data: FetchData) -> None:
        if data.error is ErrorCode.OFFSET_OUT_OF_RANGE:
            self._start_over(partition, data)
            self._want(partition.name)
        elif data.error is ErrorCode.FENCED_LEADER_EPOCH:
            self.remove(partition)
        elif data.error is not ErrorCode.NONE:
            self._back_off([partition.name])
        elif data.diverging_epoch is not None:
            log = partition.log
            cut = truncation_offset(log.leader_epochs, log.log_end_offset, *data.diverging_epoch)
            self._cut(partition, cut.offset)
            self._want(partition.name)
        else:
            self._append(partition, wanted, data)

    def _append(self, partition: Partition, wanted: FetchPartition, data: FetchData) -> None:
        """Batches of a later epoch than the one asked for are left for the next fetch."""
        for batch in data.batches:
            if batch.leader_epoch <= wanted.current_leader_epoch:
                partition.log.append_as_follower(batch)
        if data.batches:
            self._want(partition.name)
            partition.log.flush_if_due(partition.config.flush_messages, self._broker.now_ms)
        self._count(partition, data)
        partition.take_high_watermark(data.high_watermark)
        if data.log_start_offset > partition.log.log_start_offset:
            increment_log_start_offset(partition.log, data.log_start_offset, partition.high_watermark.value)
            self.log_start_raised(partition)

    def _count(self, partition: Partition, data: FetchData) -> None:
        """What was copied of a throttled partition, and whether there is more that is committed."""
        throttle, name = self._broker.throttles.follower, partition.name
        if throttle.covers(partition):
            throttle.record(data.size_bytes, self._broker.now_ms)
            if data.batches or name not in self._behind:
                self._behind[name] = data.high_watermark > partition.log.log_end_offset

    def _start_over(self, partition: Partition, data: FetchData) -> None:
        """The leader's log ends before, or begins after, what this replica has."""
        end_offset = partition.log.log_end_offset
        if data.log_end_offset < end_offset:
            self._cut(partition, data.log_end_offset)
        elif data.log_start_offset > end_offset:
            removed = partition.log.truncate_fully_and_start_at(data.log_start_offset)
            self._tell_of_truncation(partition, end_offset, data.log_start_offset, removed)

    def _cut(self, partition: Partition, offset: int) -> None:
        log, broker = partition.log, self._broker
        end_offset = log.log_end_offset
        removed = log.truncate_to(offset, broker.now_ms, broker.config.producer_id_expiration_ms)
        self._tell_of_truncation(partition, end_offset, offset, removed)

    def _tell_of_truncation(self, partition: Partition, before: int, offset: int, removed: list[RecordBatch]) -> None:
        partition.take_high_watermark(partition.high_watermark.value)
        self._broker.logs.truncated(partition.name, offset)
        if removed:
            broker, epoch = self._broker, partition.registration.leader_epoch
            broker.announce(LogTruncated(broker.node_id, partition.name, before, offset, epoch, tuple(removed)))

    def _back_off(self, names: list[TopicPartition]) -> None:
        """Leave partitions alone, and out of the session, for replica.fetch.backoff.ms."""
        until = self._broker.now + self._broker.config.replica_fetch_backoff_ms * MILLISECOND
        for name in names:
            self._delayed_until.setdefault(name, until)
            self._want_not(name)
        if names and not self._retry_booked:
            self._retry_booked = True
            self._broker.at(until, self._backoff_over)

    def _backoff_over(self) -> None:
        self._retry_booked = False
        now = self._broker.now
        for name, until in list(self._delayed_until.items()):
            if until <= now:
                del self._delayed_until[name]
                if name in self._partitions and name not in self._held:
                    self._want(name)
        if self._delayed_until:
            self._retry_booked = True
            self._broker.at(min(self._delayed_until.values()), self._backoff_over)
        self._fetch()
