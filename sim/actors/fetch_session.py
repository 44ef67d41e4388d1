"""A fetcher's incremental session on one broker: what it wants, and which partitions have news for it.

Source: server/src/main/java/org/apache/kafka/server/FetchSession.java; KIP-227
Fidelity: approximate — sessions are never evicted and end with their connection
"""

from collections.abc import Callable

from sim.machine.connection import Connection
from sim.machine.deadlines import Deadline
from sim.rules.protocol import FetchPartition, FetchRequest
from sim.rules.topics import TopicPartition

__all__ = ["FetchSession", "ParkedFetch"]


class ParkedFetch:
    """A fetch in purgatory: it is answered when enough bytes are there, or when its time is up."""

    __slots__ = ("deadline", "min_bytes", "respond")

    def __init__(self, min_bytes: int, respond: Callable[[], None], deadline: Deadline) -> None:
        self.min_bytes = min_bytes
        self.respond = respond
        self.deadline = deadline


class FetchSession:
    """One session; `replica_id` is -1 for a consumer.

    `news` holds, in order, the partitions that may have something to say since they were last answered.
    """

    __slots__ = (
        "available_bytes",
        "connection",
        "last_fetch_ms",
        "news",
        "parked",
        "partitions",
        "replica_id",
        "session_id",
        "told_watermarks",
    )

    def __init__(
        self,
        session_id: int,
        replica_id: int,
        connection: Connection,
        available_bytes: Callable[["FetchSession"], int],
    ) -> None:
        self.session_id = session_id
        self.replica_id = replica_id
        self.connection = connection
        self.available_bytes = available_bytes
        self.partitions: dict[TopicPartition, FetchPartition] = {}
        self.told_watermarks: dict[TopicPartition, int] = {}
        self.news: dict[TopicPartition, None] = {}
        self.parked: ParkedFetch | None = None
        self.last_fetch_ms = 0

    def update(self, request: FetchRequest) -> None:
        """Take in what a request changes about the session."""
        for partition in request.forgotten:
            self.partitions.pop(partition, None)
            self.news.pop(partition, None)
        self.partitions.update(request.partitions)
        self.news.update(dict.fromkeys(request.partitions))

    def tell(self, partition: TopicPartition) -> None:
        """A partition has news; a parked fetch is answered if that makes enough bytes."""
        self.news[partition] = None
        parked = self.parked
        if parked is not None and (parked.min_bytes <= 1 or self.available_bytes(self) >= parked.min_bytes):
            self.wake()

    def wake(self) -> None:
        """Answer a parked fetch now."""
        parked, self.parked = self.parked, None
        if parked is not None:
            parked.deadline.cancel()
            parked.respond()
