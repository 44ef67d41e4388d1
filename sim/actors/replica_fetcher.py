"""A follower's thread for one leader: fetch, append, fetch again; the fetch offset is the acknowledgement.

Source: core/src/main/scala/kafka/server/AbstractFetcherThread.scala, ReplicaFetcherThread.scala
"""

from typing import TYPE_CHECKING

from sim.actors.partition import Partition
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.facts import LogTruncated
from sim.rules.protocol import ErrorResponse, FetchData, FetchPartition, FetchRequest, FetchResponse, Message
from sim.rules.topics import TopicPartition
from sim.rules.truncation import truncation_offset

if TYPE_CHECKING:
    from sim.actors.broker import Broker

__all__ = ["ReplicaFetcher"]


class ReplicaFetcher:
    """Fetches every partition that this broker follows and one leader leads, in one incremental session."""

    def __init__(self, broker: "Broker", leader_id: int) -> None:
        self._broker = broker
        self._leader_id = leader_id
        self._partitions: dict[TopicPartition, Partition] = {}
        self._delayed_until: dict[TopicPartition, int] = {}
        self._changed: dict[TopicPartition, None] = {}
        self._forgotten: dict[TopicPartition, None] = {}
        self._session_id = 0
        self._session_epoch = 0
        self._busy = False
        self._retry_booked = False

    def add(self, partition: Partition) -> None:
        """Follow this leader for one more partition, or in a new epoch."""
        self._partitions[partition.name] = partition
        self._delayed_until.pop(partition.name, None)
        self._forgotten.pop(partition.name, None)
        self._changed[partition.name] = None
        self._fetch()

    def remove(self, partition: Partition) -> None:
        """Follow it no longer."""
        if self._partitions.pop(partition.name, None) is not None:
            self._changed.pop(partition.name, None)
            self._forgotten[partition.name] = None

    def _fetch(self) -> None:
        """Send the next fetch unless one is under way."""
        if not self._busy and any(name not in self._delayed_until for name in self._partitions):
            self._busy = True
            self._broker.replica_client.connect(self._leader_id, self._connected)

    def _connected(self, success: bool) -> None:
        if not success or not self._partitions:
            self._busy = False
            self._back_off(list(self._partitions))
            return
        config = self._broker.config
        if self._session_epoch == 0:
            self._changed = dict.fromkeys(self._partitions)
            self._forgotten.clear()
        wanted = {
            name: self._wanted(self._partitions[name]) for name in self._changed if name not in self._delayed_until
        }
        request = FetchRequest(
            self._broker.node_id,
            self._session_id,
            self._session_epoch,
            config.replica_fetch_wait_max_ms,
            config.replica_fetch_min_bytes,
            config.replica_fetch_response_max_bytes,
            wanted,
            tuple(self._forgotten),
            self._broker.epoch,
        )
        self._changed.clear()
        self._forgotten.clear()
        self._session_epoch += 1
        self._broker.replica_client.send(self._leader_id, request, self._received)

    def _wanted(self, partition: Partition) -> FetchPartition:
        latest = partition.log.leader_epochs.latest_epoch
        return FetchPartition(
            partition.log.log_end_offset,
            self._broker.config.replica_fetch_max_bytes,
            partition.registration.leader_epoch,
            -1 if latest is None else latest,
        )

    def _received(self, response: Message) -> None:
        if isinstance(response, ErrorResponse) or (
            isinstance(response, FetchResponse) and response.error is not ErrorCode.NONE
        ):
            self._session_id = self._session_epoch = 0
            self._busy = False
            self._back_off(list(self._partitions))
            return
        assert isinstance(response, FetchResponse)
        self._session_id = response.session_id
        if not response.partitions:
            self._done(response)
            return
        broker = self._broker
        size_bytes = sum(data.size_bytes for data in response.partitions.values())
        batch_count = sum(len(data.batches) for data in response.partitions.values())
        broker.disk.write(broker.now, size_bytes)
        broker.at(broker.cpu.work(broker.now, broker.hardware.cost(batch_count, size_bytes)), self._done, response)

    def _done(self, response: FetchResponse) -> None:
        for name, data in response.partitions.items():
            partition = self._partitions.get(name)
            if partition is not None:
                self._process(partition, data)
        self._busy = False
        self._fetch()

    def _process(self, partition: Partition, data: FetchData) -> None:
        if data.error is not ErrorCode.NONE:
            if data.error is ErrorCode.OFFSET_OUT_OF_RANGE:
                self._start_over(partition, data)
            self._back_off([partition.name])
            return
        if data.diverging_epoch is not None:
            self._truncate(partition, data.diverging_epoch)
        for batch in data.batches:
            if batch.base_offset >= partition.log.log_end_offset:
                partition.log.append_as_follower(batch)
        if data.batches or data.diverging_epoch is not None:
            self._changed[partition.name] = None
        partition.high_watermark.advance(min(data.high_watermark, partition.log.log_end_offset))

    def _truncate(self, partition: Partition, diverging_epoch: tuple[int, int]) -> None:
        log = partition.log
        cut = truncation_offset(log.leader_epochs, log.log_end_offset, *diverging_epoch)
        self._cut(partition, cut.offset)

    def _start_over(self, partition: Partition, data: FetchData) -> None:
        """The leader's log ends before, or begins after, what this replica has."""
        if partition.log.log_end_offset < data.log_start_offset:
            partition.log.truncate_fully_and_start_at(data.log_start_offset)
        else:
            self._cut(partition, min(partition.log.log_end_offset, max(data.high_watermark, data.log_start_offset)))

    def _cut(self, partition: Partition, offset: int) -> None:
        from_offset = partition.log.log_end_offset
        removed = partition.log.truncate_to(offset)
        partition.lower_high_watermark(partition.log.log_end_offset)
        if removed:
            epoch = partition.registration.leader_epoch
            self._broker.announce(
                LogTruncated(self._broker.node_id, partition.name, from_offset, offset, epoch, tuple(removed))
            )

    def _back_off(self, names: list[TopicPartition]) -> None:
        """Leave partitions alone for replica.fetch.backoff.ms."""
        until = self._broker.now + self._broker.config.replica_fetch_backoff_ms * MILLISECOND
        for name in names:
            self._delayed_until[name] = until
        if names and not self._retry_booked:
            self._retry_booked = True
            self._broker.at(until, self._backoff_over)

    def _backoff_over(self) -> None:
        self._retry_booked = False
        now = self._broker.now
        for name, until in list(self._delayed_until.items()):
            if until <= now:
                del self._delayed_until[name]
                if name in self._partitions:
                    self._changed[name] = None
        if self._delayed_until:
            self._retry_booked = True
            self._broker.at(min(self._delayed_until.values()), self._backoff_over)
        self._fetch()
