"""The log directories of one broker, each on a disk of its own, and which replica lies in which (JBOD, KIP-858).

Source: core/src/main/scala/kafka/log/LogManager.scala
Fidelity: approximate — replicas are not moved between directories
"""

from sim.machine.devices import Disk, Hardware
from sim.rules.storage.log_directories import METADATA_DIRECTORY, next_log_directory
from sim.rules.topics import TopicPartition

__all__ = ["LogDirectories"]


class LogDirectories:
    """Disks and what lies on them outlive the process; which directories are offline is found out by each anew."""

    def __init__(self, count: int, hardware: Hardware) -> None:
        self.disks = tuple(Disk(hardware) for _ in range(count))
        self.places: dict[TopicPartition, int] = {}
        self.offline: dict[int, None] = {}

    def begin(self) -> None:
        """A process starts: a disk that has failed cannot even be locked.

        Source: core/src/main/scala/kafka/log/LogManager.scala createAndValidateLogDirs, lockLogDirs
        Fidelity: exact
        """
        self.offline = {number: None for number, disk in enumerate(self.disks) if disk.failed}

    def place(self, name: TopicPartition, wanted: int | None = None) -> int:
        """Where a replica lies; a new one in the directory that the controller knows, or the one with the fewest."""
        if name not in self.places:
            live = [number for number in range(len(self.disks)) if number not in self.offline]
            self.places[name] = next_log_directory(self.places.values(), live) if wanted is None else wanted
        return self.places[name]

    def disk(self, name: TopicPartition) -> Disk:
        """The disk of a replica that lies here."""
        return self.disks[self.places[name]]

    def is_offline(self, name: TopicPartition, wanted: int | None = None) -> bool:
        """Whether a replica cannot be used, as its directory has failed."""
        return bool(self.offline) and self.places.get(name, wanted) in self.offline

    @property
    def must_halt(self) -> bool:
        """Whether the broker cannot go on: no directory is left, or the metadata log is gone.

        Source: core/src/main/scala/kafka/log/LogManager.scala handleLogDirFailure,
            core/src/main/scala/kafka/server/ReplicaManager.scala handleLogDirFailure
        Fidelity: exact
        """
        return METADATA_DIRECTORY in self.offline or len(self.offline) == len(self.disks)
