"""What a broker's machine does with written pages while, and after, the broker's process runs: write-back, power loss.

Source: Linux, Documentation/admin-guide/sysctl/vm.rst dirty_writeback_centisecs
Fidelity: approximate — see WriteBack
"""

from typing import TYPE_CHECKING

from sim.machine.clock import MILLISECOND
from sim.rules.facts.storage import UnflushedLost
from sim.rules.storage.write_back import DIRTY_WRITEBACK_MS

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["HostStorage"]


class HostStorage:
    """The operating system's part; it outlives the process."""

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._is_on = False

    def switch_on(self) -> None:
        """The machine runs from now on."""
        if not self._is_on:
            self._is_on = True
            self._book()

    def _book(self) -> None:
        clock = self._broker.clock
        clock.call_at(self._broker.now + DIRTY_WRITEBACK_MS * MILLISECOND, self._look)

    def _look(self) -> None:
        broker = self._broker
        for name, log in broker.storage.items():
            disk = broker.log_directories.disk(name)
            if not disk.failed and not disk.is_stalled(broker.now):
                log.write_back.look(log.log_end_offset, broker.now_ms)
        self._book()

    def lose_power(self) -> None:
        """Of every log only what is on the platter is left; checkpoints are flushed as they are written.

        Source: server-common/src/main/java/org/apache/kafka/server/common/CheckpointFile.java write
        Fidelity: approximate — so are the topic ids and the log start offsets
        """
        broker = self._broker
        for name, log in broker.storage.items():
            end_offset = log.log_end_offset
            removed = log.lose_power(broker.now_ms, broker.config.producer_id_expiration_ms)
            if removed:
                fact = UnflushedLost(broker.node_id, name, end_offset, log.log_end_offset, tuple(removed))
                broker.announce(fact)
