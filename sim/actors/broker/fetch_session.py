"""A fetcher's incremental session on one broker: what it wants, and which partitions have news for it.

Source: core/src/main/scala/kafka/server/FetchSession.scala; KIP-227
Fidelity: approximate — sessions end with their connection and are never evicted; only partitions that may have
    something to say are looked at, where Kafka goes through all of them
"""

from collections.abc import Callable

from sim.machine.connection import Connection
from sim.machine.deadlines import Deadline
from sim.rules.protocol.messages import FetchPartition, FetchRequest
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

    `news` holds, in order, the partitions that may have something to say since they were last answered; `outside`
    those in whose ISR this follower is not, so that each of its fetches may be the one that lets it in; `served` those
    whose data, or error, went out last: who asks again from the same offset has not kept the data, and may be luckier.
    """

    __slots__ = (
        "connection",
        "epoch",
        "last_fetch_ms",
        "news",
        "outside",
        "parked",
        "partitions",
        "rack",
        "read_committed",
        "replica_epoch",
        "replica_id",
        "served",
        "session_id",
        "told",
        "told_watermarks",
    )

    def __init__(
        self,
        session_id: int,
        replica_id: int,
        connection: Connection,
        told: dict["FetchSession", None],
    ) -> None:
        self.session_id = session_id
        self.replica_id = replica_id
        self.replica_epoch = -1
        self.rack = ""
        self.read_committed = False
        self.connection = connection
        self.told = told
        self.partitions: dict[TopicPartition, FetchPartition] = {}
        self.told_watermarks: dict[TopicPartition, int] = {}
        self.news: dict[TopicPartition, None] = {}
        self.outside: dict[TopicPartition, None] = {}
        self.served: dict[TopicPartition, None] = {}
        self.epoch = 0
        self.parked: ParkedFetch | None = None
        self.last_fetch_ms = 0

    def update(self, request: FetchRequest) -> None:
        """Take in what a request changes about the session."""
        self.epoch += 1
        self.replica_epoch = request.replica_epoch
        self.rack = request.rack_id
        self.read_committed = request.read_committed
        for partition in request.forgotten:
            for known in (self.partitions, self.told_watermarks, self.news, self.outside, self.served):
                known.pop(partition, None)
        if request.partitions:
            self.partitions.update(request.partitions)
            self.news.update(dict.fromkeys(request.partitions))
        if self.served:
            self.news.update(self.served)
            self.served.clear()

    def tell(self, partition: TopicPartition) -> None:
        """A partition has news; a parked fetch is looked at when the request that brought them is through."""
        self.news[partition] = None
        if self.parked is not None:
            self.told[self] = None

    def wake(self) -> None:
        """Answer a parked fetch now."""
        parked, self.parked = self.parked, None
        if parked is not None:
            parked.deadline.cancel()
            parked.respond()
