"""The cleaner threads of one broker: take the dirtiest compacted log, read it, write it anew, take the next.

Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogCleaner.java
Fidelity: approximate — segments are swapped in together when all have been read; a thread takes time for the bytes it
    reads and writes, but none from the request handlers
Left out: log.cleaner.io.max.bytes.per.second, which by default is no limit.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from sim.actors.broker.partition import Partition
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.facts.storage import LogCleaned
from sim.rules.storage.cleaner import clean, offset_map_capacity
from sim.rules.storage.log_cleaner import LogToClean, cleanable_range, filthiest, log_to_clean
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker
    from sim.actors.broker.log_manager import LogManager

__all__ = ["LogCleaner"]


class LogCleaner:
    """Threads and their work in progress; where each log was last cleaned is on the broker's disk."""

    def __init__(self, broker: "Broker", logs: "LogManager") -> None:
        self._broker = broker
        self._logs = logs
        self._in_progress: dict[TopicPartition, Partition] = {}

    def begin(self) -> None:
        """Start log.cleaner.threads threads."""
        for _ in range(self._broker.config.log_cleaner_threads):
            self._work()

    def truncated(self, name: TopicPartition, offset: int) -> None:
        """A log was cut back: a round on it is in vain, and what was cleaned above the cut may come again.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/LogCleanerManager.java
            maybeTruncateCheckpoint, abortAndPauseCleaning
        Fidelity: exact
        """
        self._in_progress.pop(name, None)
        checkpoints = self._broker.cleaner_checkpoints
        if checkpoints.get(name, 0) > offset:
            checkpoints[name] = offset

    def _work(self) -> None:
        """One turn of a thread: clean the dirtiest log, or rest for log.cleaner.backoff.ms."""
        found = self._grab()
        if found is None:
            self._delete_old_segments()
            self._broker.after(self._broker.config.log_cleaner_backoff_ms * MILLISECOND, self._work)
            return
        broker, (partition, dirty) = self._broker, found
        self._in_progress[partition.name] = partition
        bytes_read = dirty.clean_bytes + 2 * dirty.cleanable_bytes
        read = broker.log_storage.read(partition.name, partition.log.log_start_offset, bytes_read)
        if isinstance(read, ErrorCode):
            read = broker.now
        worked = read + int(bytes_read * broker.hardware.byte_cost)
        broker.at(worked, self._swap_in, partition, dirty, broker.now_ms)

    def _compacted(self) -> Iterator[Partition]:
        for partition in list(self._broker.replicas.partitions.values()):
            if "compact" in partition.config.cleanup_policy and partition.name not in self._in_progress:
                yield partition

    def _grab(self) -> tuple[Partition, LogToClean] | None:
        """The log to clean next, if any is dirty enough."""
        now_ms, checkpoints = self._broker.now_ms, self._broker.cleaner_checkpoints
        candidates: list[tuple[Partition, LogToClean]] = []
        for partition in self._compacted():
            log, config = partition.log, partition.config
            stable_offset = log.last_stable_offset(partition.high_watermark.value)
            checkpoint = checkpoints.get(partition.name)
            cleanable = cleanable_range(log, checkpoint, stable_offset, now_ms, config.min_compaction_lag_ms)
            if cleanable.reset:
                checkpoints[partition.name] = cleanable.first_dirty_offset
            candidates.append((partition, log_to_clean(log, cleanable, now_ms, config.max_compaction_lag_ms)))
        index = filthiest((dirty, partition.config.min_cleanable_dirty_ratio) for partition, dirty in candidates)
        return None if index is None else candidates[index]

    def _swap_in(self, partition: Partition, dirty: LogToClean, began_ms: int) -> None:
        """All is read: put the cleaned segments in place, unless the log was cut or taken away meanwhile."""
        broker, name = self._broker, partition.name
        written = broker.now
        if self._in_progress.get(name) is partition and broker.replicas.writable(name) is partition:
            log, before_bytes = partition.log, partition.log.size_bytes
            bounds = dirty.first_dirty_offset, dirty.first_uncleanable_offset
            cleaning = clean(log, *bounds, began_ms, partition.config.delete_retention_ms, self._capacity())
            broker.cleaner_checkpoints[name] = cleaning.end_offset
            written = broker.log_storage.append(cleaning.bytes_written, [(name, cleaning.bytes_written, 0)])
            replaced_bytes = before_bytes - log.size_bytes + cleaning.bytes_written
            self._logs.keep_files(replaced_bytes, partition.config.file_delete_delay_ms)
            bounds = dirty.first_dirty_offset, cleaning.end_offset
            broker.announce(LogCleaned(broker.node_id, name, *bounds, before_bytes, log.size_bytes, cleaning.removed))
        self._in_progress.pop(name, None)
        self._delete_old_segments()
        broker.at(written, self._work)

    def _delete_old_segments(self) -> None:
        for partition in self._compacted():
            self._logs.delete_old_segments(partition)

    def _capacity(self) -> int:
        config = self._broker.config
        threads, load_factor = config.log_cleaner_threads, config.log_cleaner_io_buffer_load_factor
        return offset_map_capacity(config.log_cleaner_dedupe_buffer_size, threads, load_factor)
