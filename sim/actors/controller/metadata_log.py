"""The metadata log of one voter: appended in batches after a linger, committed by the quorum, fetched by brokers.

Source: raft/src/main/java/org/apache/kafka/raft/KafkaRaftClient.java, internals/BatchAccumulator.java
Fidelity: approximate — a flush costs nothing, no snapshots, no records without content when idle; a voter remembers
    its high watermark through a restart, and brokers are sent only what is committed
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadline, Deadlines
from sim.rules.controller.metadata import MetadataImage, MetadataRecord, PartitionChange, RemoveTopicRecord
from sim.rules.protocol.controller import FetchMetadataResponse
from sim.rules.protocol.messages import Message
from sim.rules.raft.election import LogEnd
from sim.rules.raft.replicated_log import MetadataBatch, ReplicatedLog
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.socket_server import Server, ServerRequest

__all__ = ["MAX_FETCH_WAIT", "MetadataLog", "MetadataRecord"]

MAX_FETCH_WAIT = 500 * MILLISECOND


class MetadataLog:
    """The log on the `disk`, what lingers before it gets there, the image of both, and that up to the last commit.

    What is written belongs to the `epoch`. `on_append` is called when what has lingered is in the log.
    """

    def __init__(self, controller: "Server", linger: int, on_append: Callable[[], None]) -> None:
        self._controller = controller
        self._linger = linger
        self._on_append = on_append
        self.epoch = 0
        self.disk = ReplicatedLog()
        self.image = MetadataImage()
        self.committed = MetadataImage()
        self.recover()

    def begin_with(self, records: Sequence[MetadataRecord]) -> None:
        """Write and commit at once, before the run begins."""
        image = self.image.applied(len(records), records)
        self.disk.append(MetadataBatch(self.epoch, image.offset, records, image))
        self.image = self.committed = image

    def begin_as(self, other: "MetadataLog") -> None:
        """Have the same log as another voter, all committed, before the run begins."""
        for batch in other.disk.batches_from(0):
            self.disk.append(batch)
        self.image = self.committed = other.committed

    def recover(self) -> None:
        """The process begins anew: what lingered is lost, and whoever waited is gone."""
        self.image = self.disk.image
        self._lingering: list[MetadataBatch] = []
        self._lingering_until = 0
        self._waiting: dict[ServerRequest, tuple[int, Deadline]] = {}
        self._patience = Deadlines(self._controller, MAX_FETCH_WAIT)
        self._unsettled: list[tuple[int, Callable[[], None], Callable[[], None]]] = []

    def append(self, records: Sequence[MetadataRecord]) -> None:
        """Write; it comes into the log when the first record of those that wait has lingered."""
        self.image = self.image.applied(self.image.offset + len(records), records)
        if not self._lingering:
            self._lingering_until = self._controller.now + self._linger
            self._controller.after(self._linger, self._linger_over)
        self._lingering.append(MetadataBatch(self.epoch, self.image.offset, records, self.image))

    def append_now(self, records: Sequence[MetadataRecord]) -> None:
        """Write without lingering."""
        self.append(records)
        self._drain()

    def replicate(self, batches: Sequence[MetadataBatch]) -> None:
        """Take over what the leader has written."""
        for batch in batches:
            self.disk.append(batch)
        self.image = self.disk.image

    def truncate(self, leader_end: LogEnd) -> None:
        """Cut off what the leader does not have. Raises ValueError if that was committed."""
        self.disk.truncate_to(leader_end)
        self.image = self.disk.image
        if self.disk.end_offset < self.committed.offset:
            raise ValueError(f"cut to {self.disk.end_offset}, below the high watermark {self.committed.offset}")

    def commit(self, high_watermark: int) -> None:
        """All below the high watermark is there for good: brokers get it, whoever waited for it goes on."""
        committed = self.disk.image_at(high_watermark)
        if committed is self.committed or committed.offset < self.committed.offset:
            return
        self.committed = committed
        settled = [callback for offset, callback, _ in self._unsettled if offset <= committed.offset]
        self._unsettled = [waiting for waiting in self._unsettled if waiting[0] > committed.offset]
        for request, (offset, deadline) in list(self._waiting.items()):
            deadline.cancel()
            self._answer(request, offset)
        for callback in settled:
            callback()

    def lose(self, refusal: Message) -> None:
        """The voter leads no longer: what lingers is lost, whoever waits is told."""
        self.image = self.disk.image
        self._lingering = []
        unsettled, self._unsettled = self._unsettled, []
        waiting, self._waiting = self._waiting, {}
        for _, _, failed in unsettled:
            failed()
        for request, (_, deadline) in waiting.items():
            deadline.cancel()
            request.reply(refusal)

    def when_settled(self, callback: Callable[[], None], failed: Callable[[], None]) -> None:
        """Call back when all that is written now is committed, at once if it is; or tell that it has failed."""
        if self.image is self.committed:
            callback()
        else:
            self._unsettled.append((self.image.offset, callback, failed))

    def fetch(self, request: "ServerRequest", offset: int) -> None:
        """Answer a broker that knows the log up to an offset: now, at the next commit, or empty after half a second."""
        if offset >= self.committed.offset:
            self._waiting[request] = offset, self._patience.book(self._answer, request, offset)
        else:
            self._answer(request, offset)

    def _answer(self, request: "ServerRequest", offset: int) -> None:
        self._waiting.pop(request, None)
        request.reply(FetchMetadataResponse(self.committed, self._changes_since(offset)))

    def _linger_over(self) -> None:
        if self._lingering and self._controller.now >= self._lingering_until:
            self._drain()

    def _drain(self) -> None:
        for batch in self._lingering:
            self.disk.append(batch)
        self._lingering = []
        self._on_append()

    def _changes_since(self, offset: int) -> list[PartitionChange | RemoveTopicRecord]:
        """Topics deleted, and the last change of each partition, as a broker that catches up applies them."""
        deleted: dict[str, RemoveTopicRecord] = {}
        latest: dict[TopicPartition, PartitionChange] = {}
        for record in self.disk.records_between(offset, self.committed.offset):
            if isinstance(record, PartitionChange):
                latest[record.partition] = record
            elif isinstance(record, RemoveTopicRecord):
                deleted[record.topic] = record
                latest = {name: change for name, change in latest.items() if name.topic != record.topic}
        return [*deleted.values(), *latest.values()]
