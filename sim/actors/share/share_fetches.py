"""A share fetch on its way through a broker: it waits for records, and for the writes of its acknowledgements.

Source: server/src/main/java/org/apache/kafka/server/share/fetch/ShareFetch.java,
    core/src/main/scala/kafka/server/KafkaApis.scala combineShareFetchAndShareAcknowledgeResponses
Fidelity: exact
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sim.actors.broker.socket_server import ServerRequest
from sim.actors.share.share_sessions import ShareSession
from sim.machine.deadlines import Deadline
from sim.rules.errors import ErrorCode
from sim.rules.protocol.share_group import (
    ShareAcknowledgeResponse,
    ShareFetchData,
    ShareFetchLimits,
    ShareFetchResponse,
)
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["ParkedShareFetch", "ShareExchange"]

Fetched = dict[TopicPartition, ShareFetchData]


class ShareExchange:
    """A request with acknowledgements: answered when their writes are through, and records are there if it fetches."""

    def __init__(self, broker: "Broker", request: ServerRequest, session: ShareSession, lock_timeout_ms: int) -> None:
        self._broker = broker
        self._request = request
        self._lock_timeout_ms = lock_timeout_ms
        self._errors: dict[TopicPartition, ErrorCode] = {}
        self._data: Fetched | None = None
        self._left = 1
        self.session = session

    def acknowledgement_of(self, name: TopicPartition) -> Callable[[ErrorCode], None]:
        """What has to be called with the outcome of one partition's acknowledgements."""
        self._left += 1

        def done(error: ErrorCode) -> None:
            self._errors[name] = error
            self._done()

        return done

    def fetched(self, data: Fetched | None) -> None:
        """Records, or none, have been found; None for a request that wants none."""
        self._data = data
        self._done()

    def _done(self) -> None:
        self._left -= 1
        if self._left:
            return
        if self._data is None:
            answer = ShareAcknowledgeResponse(ErrorCode.NONE, self._errors, self._lock_timeout_ms)
            self._broker.reply(self._request, answer)
        else:
            self._answer(self._data)

    def _answer(self, data: Fetched) -> None:
        """Send records, at the price of reading them."""
        broker, size_bytes, batch_count, read = self._broker, 0, 0, self._broker.now
        for name, found in data.items():
            found_bytes = sum(batch.size_bytes for batch in found.batches)
            size_bytes += found_bytes
            batch_count += len(found.batches)
            if found.batches:
                done = broker.log_storage.read(name, found.batches[0].base_offset, found_bytes)
                if isinstance(done, ErrorCode):
                    data[name] = ShareFetchData(done)
                else:
                    read = max(read, done)
        worked = broker.cpu.work(broker.now, broker.hardware.cost(batch_count, size_bytes // 8))
        answer = ShareFetchResponse(ErrorCode.NONE, data, self._errors, self._lock_timeout_ms)
        self._request.reply(answer, max(read, worked))


class ParkedShareFetch:
    """A fetch that waits for enough bytes of some of these partitions; `errors` are those that cannot be read."""

    __slots__ = ("_exchange", "deadline", "errors", "limits", "names", "session")

    def __init__(
        self, exchange: ShareExchange, session: ShareSession, limits: ShareFetchLimits, names: Sequence[TopicPartition]
    ) -> None:
        self._exchange = exchange
        self.session = session
        self.limits = limits
        self.names = names
        self.errors: Fetched = {}
        self.deadline: Deadline | None = None

    def answer(self, data: Fetched) -> None:
        """The wait is over."""
        self._exchange.fetched({**self.errors, **data})
