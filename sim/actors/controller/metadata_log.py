"""The metadata log of a quorum of one: appended in batches, committed after a linger, fetched by brokers.

Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java, internals/BatchAccumulator.java
Fidelity: approximate — one voter, a flush costs nothing, no snapshots, no records without content when idle
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadline, Deadlines
from sim.rules.controller.metadata import MetadataImage, MetadataRecord, PartitionChange, RemoveTopicRecord
from sim.rules.protocol.controller import FetchMetadataResponse
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.socket_server import Server, ServerRequest

__all__ = ["MetadataLog", "MetadataRecord"]

MAX_FETCH_WAIT = 500 * MILLISECOND


class MetadataLog:
    """Records, the image they lead to, and the image up to the last commit."""

    def __init__(self, controller: "Server", linger: int) -> None:
        self._controller = controller
        self._linger = linger
        self._records: list[MetadataRecord] = []
        self._waiting: dict[ServerRequest, tuple[int, Deadline]] = {}
        self._patience = Deadlines(controller, MAX_FETCH_WAIT)
        self._on_commit: list[Callable[[], None]] = []
        self._commit_booked = False
        self.image = MetadataImage()
        self.committed = MetadataImage()

    def begin_with(self, records: Sequence[MetadataRecord]) -> None:
        """Write and commit at once, before the run begins."""
        self._records += records
        self.image = self.committed = self.image.applied(len(self._records), records)

    def recover(self) -> None:
        """The process begins anew: what was not committed is lost, and whoever waited is gone."""
        del self._records[self.committed.offset :]
        self.image = self.committed
        self._commit_booked = False
        self._waiting.clear()
        self._on_commit.clear()

    def append(self, records: Sequence[MetadataRecord]) -> None:
        """Write; the commit follows when the first record of the batch has lingered."""
        self._records += records
        self.image = self.image.applied(len(self._records), records)
        if not self._commit_booked:
            self._commit_booked = True
            self._controller.after(self._linger, self._commit)

    def when_settled(self, callback: Callable[[], None]) -> None:
        """Call back when all that is written now is committed, at once if it is."""
        if self._commit_booked:
            self._on_commit.append(callback)
        else:
            callback()

    def fetch(self, request: "ServerRequest", offset: int) -> None:
        """Answer a broker that knows the log up to an offset: now, at the next commit, or empty after half a second."""
        if offset >= self.committed.offset:
            self._waiting[request] = offset, self._patience.book(self._answer, request, offset)
        else:
            self._answer(request, offset)

    def _answer(self, request: "ServerRequest", offset: int) -> None:
        self._waiting.pop(request, None)
        request.reply(FetchMetadataResponse(self.committed, self._changes_since(offset)))

    def _commit(self) -> None:
        self._commit_booked = False
        self.committed = self.image
        callbacks, self._on_commit = self._on_commit, []
        for request, (offset, deadline) in list(self._waiting.items()):
            deadline.cancel()
            self._answer(request, offset)
        for callback in callbacks:
            callback()

    def _changes_since(self, offset: int) -> list[PartitionChange | RemoveTopicRecord]:
        """Topics deleted, and the last change of each partition, as a broker that catches up applies them."""
        deleted: dict[str, RemoveTopicRecord] = {}
        latest: dict[TopicPartition, PartitionChange] = {}
        for record in self._records[offset : self.committed.offset]:
            if isinstance(record, PartitionChange):
                latest[record.partition] = record
            elif isinstance(record, RemoveTopicRecord):
                deleted[record.topic] = record
                latest = {name: change for name, change in latest.items() if name.topic != record.topic}
        return [*deleted.values(), *latest.values()]
