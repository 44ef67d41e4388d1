"""A request whose way is told, for when somebody listens."""

from collections.abc import Callable, Iterable

from sim.actors.broker.socket_server import Server, ServerRequest
from sim.machine.actor import Actor
from sim.machine.connection import Connection
from sim.rules.errors import ErrorCode
from sim.rules.facts.requests import RequestSent
from sim.rules.protocol.messages import (
    FetchRequest,
    FetchResponse,
    Message,
    ProduceRequest,
    ProduceResponse,
)
from sim.rules.topics import TopicPartition

__all__ = ["HeardRequest"]


class HeardRequest(ServerRequest):
    """Announces itself when it is sent, and notes in its fact when it arrives, is answered and comes back."""

    __slots__ = ("fact",)

    def __init__(
        self,
        owner: Actor,
        server: Server,
        connection: Connection,
        body: Message,
        size_bytes: int,
        on_response: Callable[[Message], object],
        client_id: str,
    ) -> None:
        fact = self.fact = RequestSent(
            owner.name, client_id, server.name, _kind(body), _content(body), size_bytes, owner.now, _answer_wanted(body)
        )

        def returned(response: Message) -> None:
            fact.returned_at = owner.now
            on_response(response)

        super().__init__(server, connection, body, size_bytes, returned, client_id)
        owner.announce(fact)

    def arrive(self) -> None:
        """The last byte is at the server."""
        self.fact.arrived_at = self.server.now
        self.server.receive(self)

    def reply(self, body: Message, departure: int = 0) -> None:
        """Send the answer, and note when and what."""
        fact = self.fact
        fact.answered_at = max(departure, self.server.now)
        fact.response_bytes = body.size_bytes()
        fact.outcome = _outcome(body)
        super().reply(body, departure)


def _kind(body: Message) -> str:
    """The name that Kafka's RequestMetrics have for it."""
    if isinstance(body, FetchRequest):
        return "FetchConsumer" if body.replica_id < 0 else "FetchFollower"
    return type(body).__name__.removesuffix("Request")


def _answer_wanted(body: Message) -> bool:
    return not isinstance(body, ProduceRequest) or body.acks != 0


def _content(body: Message) -> str:
    if isinstance(body, ProduceRequest):
        count = sum(batch.count for _, batch in body.batches)
        return f"{_named(name for name, _ in body.batches)}: {count} record{'s' if count != 1 else ''}"
    return ""


def _outcome(body: Message) -> str:
    """What the answer brings: records, or an error."""
    if isinstance(body, FetchResponse):
        found = {name: data for name, data in body.partitions.items() if data.batches}
        count = sum(batch.count for data in found.values() for batch in data.batches)
        errors = [data.error.name for data in body.partitions.values() if data.error is not ErrorCode.NONE]
        told = f"{_named(found)}: {count} record{'s' if count != 1 else ''}" if count else "no record"
        return errors[0] if errors else told
    if isinstance(body, ProduceResponse):
        errors = [data.error.name for data in body.partitions.values() if data.error is not ErrorCode.NONE]
        return errors[0] if errors else "acknowledged"
    error = getattr(body, "error", None)
    return error.name if isinstance(error, ErrorCode) and error is not ErrorCode.NONE else ""


def _named(names: Iterable[TopicPartition]) -> str:
    found = [str(name) for name in names]
    return found[0] if len(found) == 1 else f"{len(found)} partitions"
