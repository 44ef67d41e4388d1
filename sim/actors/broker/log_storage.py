"""How one life of a broker uses its disks: appends, flushes and reads, and what follows when a disk refuses.

An IOException takes its whole log directory offline until the broker is started again: a full disk is no different.

Source: core/src/main/scala/kafka/server/ReplicaManager.scala handleLogDirFailure,
    storage/src/main/java/org/apache/kafka/storage/internals/log/LocalLog.java maybeHandleIOException,
    LogDirFailureChannel.java
Fidelity: approximate — the directory is offline at once, where Kafka's LogDirFailureHandler takes it from a queue; an
    append of several partitions waits for the slowest of their disks
"""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.machine.clock import MILLISECOND
from sim.machine.devices import DiskError
from sim.rules.errors import ErrorCode
from sim.rules.facts.storage import LogDirectoryFailed
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["LogStorage", "Written"]

NEVER_MS = 9_223_372_036_854_775_807

Written = Iterable[tuple[TopicPartition, int, int]]
"""What is appended: the partition, bytes, records."""


class LogStorage:
    """The disks in the hands of one process."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._directories = broker.log_directories
        self._flushing: dict[TopicPartition, None] = {}

    def begin(self) -> None:
        """The process has started: logs are flushed from time to time, if the configuration wants that."""
        self._directories.begin()
        if self._directories.must_halt:
            self._broker.after(0, self._broker.stop)
        config = self._broker.config
        if config.log_flush_scheduler_interval_ms < NEVER_MS:
            self._broker.after(config.log_initial_task_delay_ms * MILLISECOND, self._flush_dirty_logs)

    def configured(self, partition: Partition) -> None:
        """A replica is here, or has got another configuration."""
        if partition.config.flush_messages < NEVER_MS:
            self._flushing[partition.name] = None
        else:
            self._flushing.pop(partition.name, None)

    @property
    def flushes(self) -> bool:
        """Whether flush.messages of some replica here asks for flushes."""
        return bool(self._flushing)

    def when_appended(self, size_bytes: int, written: Written, then: Callable[[], None]) -> None:
        """Go on when an append returns: at once, or later, and then the request handler has waited for it."""
        broker = self._broker
        returns = self.append(size_bytes, written)
        if returns == broker.now:
            then()
        else:
            broker.cpu.hold(returns)
            broker.at(returns, then)

    def append(self, size_bytes: int, written: Written) -> int:
        """When an append of so many bytes in all returns, with the flushes that flush.messages asks for."""
        disks = self._directories.disks
        if len(disks) == 1 and not self._flushing and not disks[0].refuses_writes:
            return disks[0].write(self._broker.now, size_bytes)
        return max(self.returns(written), default=self._broker.now)

    def returns(self, written: Written) -> list[int]:
        """When the append to each partition returns: one after the other where some are flushed.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java append
        Fidelity: approximate — without a flush the bytes of one request are one access to each disk
        """
        now, places = self._broker.now, self._directories.places
        parts = [(name, size_bytes, self._is_flush_due(name, count)) for name, size_bytes, count in written]
        if any(flush for _, _, flush in parts):
            times, time = [], now
            for name, size_bytes, flush in parts:
                if name in places:
                    time = self._write(places[name], size_bytes, time, flush=flush)
                times.append(time)
            return times
        shares: dict[int, int] = {}
        for name, size_bytes, _ in parts:
            if name in places:
                shares[places[name]] = shares.get(places[name], 0) + size_bytes
        ends = [self._write(place, share, now, flush=False) for place, share in shares.items()]
        return [max(ends, default=now)] * len(parts)

    def _is_flush_due(self, name: TopicPartition, count: int) -> bool:
        partition = self._broker.replicas.partitions.get(name) if name in self._flushing else None
        return partition is not None and partition.log.unflushed_messages + count >= partition.config.flush_messages

    def _write(self, place: int, size_bytes: int, begin: int, *, flush: bool) -> int:
        disk = self._directories.disks[place]
        try:
            written = disk.write(begin, size_bytes)
            return disk.flush(begin) if flush else written
        except DiskError:
            self.failed(place)
            return begin

    def read(self, name: TopicPartition, from_offset: int, size_bytes: int) -> int | ErrorCode:
        """When a read is done: now, unless it lies too far back for the page cache; or why there is none."""
        partition = self._broker.replicas.find(name)
        if isinstance(partition, ErrorCode):
            return partition
        behind = partition.log.size_bytes_between(from_offset, partition.log.log_end_offset)
        try:
            return self._directories.disk(name).read(self._broker.now, size_bytes, behind)
        except DiskError:
            self.failed(self._directories.places[name])
            return ErrorCode.KAFKA_STORAGE_ERROR

    def is_writable(self, name: TopicPartition) -> bool:
        """Whether a replica's disk takes a write; one that refuses takes its directory offline."""
        if not self._directories.disk(name).refuses_writes:
            return True
        self.failed(self._directories.places[name])
        return False

    def probe(self) -> None:
        """The checkpoint files are written, one in each directory: a disk that refuses is found out.

        Source: server-common/src/main/java/org/apache/kafka/server/common/CheckpointFile.java write
        Fidelity: exact
        """
        for number, disk in enumerate(self._directories.disks):
            if disk.refuses_writes:
                self.failed(number)

    def failed(self, directory: int) -> None:
        """Take a directory offline with its replicas, and tell the controller, or halt if the broker cannot go on.

        Source: core/src/main/scala/kafka/server/ReplicaManager.scala handleLogDirFailure
        Fidelity: exact
        """
        broker, directories = self._broker, self._directories
        if directory in directories.offline:
            return
        directories.offline[directory] = None
        names = broker.replicas.take_offline()
        broker.announce(LogDirectoryFailed(broker.node_id, directory, tuple(names)))
        if directories.must_halt:
            broker.after(0, broker.stop)
        else:
            broker.lifecycle.directory_failed(directory)

    def _flush_dirty_logs(self) -> None:
        """Flush each log that has gone without for flush.ms.

        Source: core/src/main/scala/kafka/log/LogManager.scala flushDirtyLogs
        Fidelity: exact
        """
        broker = self._broker
        for partition in list(broker.replicas.partitions.values()):
            write_back = partition.log.write_back
            if broker.now_ms - write_back.last_flush_ms >= partition.config.flush_ms:
                self._flush(partition)
        broker.after(broker.config.log_flush_scheduler_interval_ms * MILLISECOND, self._flush_dirty_logs)

    def _flush(self, partition: Partition) -> None:
        try:
            done = self._directories.disk(partition.name).flush(self._broker.now)
        except DiskError:
            self.failed(self._directories.places[partition.name])
            return
        end_offset, now_ms = partition.log.log_end_offset, self._broker.now_ms
        self._broker.at(done, partition.log.write_back.flushed, end_offset, now_ms)
