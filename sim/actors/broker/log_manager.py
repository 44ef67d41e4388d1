"""The logs of one broker in the background: retention, files on their way out, producers forgotten.

Source: core/src/main/scala/kafka/log/LogManager.scala
Fidelity: approximate — the log start offset is on disk at once, where Kafka writes it every minute; producers of all
    logs expire in one task
"""

from typing import TYPE_CHECKING

from sim.actors.broker.log_cleaner import LogCleaner
from sim.actors.broker.partition import Partition
from sim.machine.clock import MILLISECOND
from sim.rules.facts.storage import SegmentsDeleted
from sim.rules.storage.retention import RetentionPolicy, delete_old_segments
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["LogManager"]


class LogManager:
    """The background tasks of one life of a broker."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._awaiting_deletion_bytes = 0
        self.cleaner = LogCleaner(broker, self)

    def begin(self) -> None:
        """The process has started."""
        broker, config = self._broker, self._broker.config
        broker.after(config.log_initial_task_delay_ms * MILLISECOND, self._check_retention)
        broker.every(config.producer_id_expiration_check_interval_ms * MILLISECOND, self._expire_producers)
        if config.log_cleaner_enable:
            self.cleaner.begin()

    def bytes_on_disk(self) -> int:
        """The size of all logs and of the files that file.delete.delay.ms still keeps."""
        return sum(log.size_bytes for log in self._broker.storage.values()) + self._awaiting_deletion_bytes

    def truncated(self, name: TopicPartition, offset: int) -> None:
        """A log was cut back: what was cleaned above the cut is dirty when it comes again."""
        self.cleaner.truncated(name, offset)

    def delete_old_segments(self, partition: Partition) -> None:
        """Remove what retention condemns, on leaders and followers alike."""
        broker, policy, log = self._broker, retention_policy(partition), partition.log
        removed = delete_old_segments(log, partition.high_watermark.value, broker.now_ms, policy)
        if removed:
            size_bytes = sum(segment.size_bytes for segment in removed)
            batches = tuple(batch for segment in removed for batch in segment.batches)
            broker.announce(
                SegmentsDeleted(broker.node_id, partition.name, len(removed), size_bytes, log.log_start_offset, batches)
            )
            self.keep_files(size_bytes, partition.config.file_delete_delay_ms)
            broker.replicas.log_start_raised(partition)

    def keep_files(self, size_bytes: int, delay_ms: int) -> None:
        """Deleted files keep their place on the disk for file.delete.delay.ms."""
        self._awaiting_deletion_bytes += size_bytes
        self._broker.after(delay_ms * MILLISECOND, self._files_are_gone, size_bytes)

    def _files_are_gone(self, size_bytes: int) -> None:
        self._awaiting_deletion_bytes -= size_bytes

    def _check_retention(self) -> None:
        """Compacted logs are looked at by the cleaner, so that both never work on the same one."""
        for partition in list(self._broker.replicas.partitions.values()):
            if "compact" not in partition.config.cleanup_policy:
                self.delete_old_segments(partition)
        self._broker.after(self._broker.config.log_retention_check_interval_ms * MILLISECOND, self._check_retention)

    def _expire_producers(self) -> None:
        now_ms, expiration_ms = self._broker.now_ms, self._broker.config.producer_id_expiration_ms
        for partition in self._broker.replicas.partitions.values():
            partition.log.producers.expire(now_ms, expiration_ms)


def retention_policy(partition: Partition) -> RetentionPolicy:
    """What the topic's configuration says about deleting."""
    config = partition.config
    return RetentionPolicy.of(config.cleanup_policy, config.retention_ms, config.retention_bytes)
