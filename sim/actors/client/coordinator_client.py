"""A client's way to the coordinator of its group or transactional id: found through any broker, asked over a
connection of its own.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/AbstractCoordinator.java lookupCoordinator,
    markCoordinatorUnknown
Fidelity: exact
"""

from collections.abc import Callable, Generator
from typing import Any

from simpy import Event

from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.network_client import NetworkClient
from sim.machine.actor import Actor
from sim.rules.errors import ErrorCode
from sim.rules.protocol.group import FindCoordinatorRequest, FindCoordinatorResponse
from sim.rules.protocol.messages import ErrorResponse, Message

__all__ = ["LOST_COORDINATOR", "RETRIABLE", "Calls", "CoordinatorClient", "error_of"]

LOST_COORDINATOR = (
    ErrorCode.NOT_COORDINATOR,
    ErrorCode.COORDINATOR_NOT_AVAILABLE,
    ErrorCode.NETWORK_EXCEPTION,
    ErrorCode.REQUEST_TIMED_OUT,
)
RETRIABLE = (*LOST_COORDINATOR, ErrorCode.COORDINATOR_LOAD_IN_PROGRESS, ErrorCode.UNKNOWN_TOPIC_OR_PARTITION)
Calls = Generator[Event, Any, Any]


class CoordinatorClient:
    """Requests to the coordinator of one group, or of one `transactional` id."""

    def __init__(
        self,
        owner: Actor,
        group_id: str,
        any_broker: NetworkClient,
        network: NetworkClient,
        metadata: ClientMetadata,
        transactional: bool = False,
    ) -> None:
        self._owner = owner
        self._group_id = group_id
        self._transactional = transactional
        self._any_broker = any_broker
        self._network = network
        self._metadata = metadata
        self._found: Event | None = None
        self.coordinator: int | None = None

    def call(self, body: Message, timeout_ms: int | None = None) -> Calls:
        """Ask the coordinator, looked up first if need be; returns the response, an ErrorResponse if there is none.

        An error that tells of a lost coordinator makes the next call look it up again.
        """
        if self.coordinator is None:
            yield self.look_up()
        if self.coordinator is None:
            return ErrorResponse(ErrorCode.COORDINATOR_NOT_AVAILABLE)
        answered = self._owner.clock.event()
        self.tell(body, answered.succeed, timeout_ms)
        return (yield answered)

    def tell(self, body: Message, callback: Callable[[Message], object], timeout_ms: int | None = None) -> None:
        """Ask the known coordinator and call back with the response."""
        asked = self.coordinator
        assert asked is not None

        def answered(response: Message) -> None:
            if error_of(response) in LOST_COORDINATOR and self.coordinator == asked:
                self.lose()
            callback(response)

        self._network.request(asked, body, answered, timeout_ms)

    def look_up(self) -> Event:
        """Ask some broker who the coordinator is, unless it is being asked; the event happens with the answer."""
        if self._found is not None:
            return self._found
        found = self._found = self._owner.clock.event()
        broker = self._metadata.any_broker()
        if broker is None:
            self._looked_up(ErrorResponse(ErrorCode.NETWORK_EXCEPTION))
        else:
            self._any_broker.request(
                broker, FindCoordinatorRequest(self._group_id, self._transactional), self._looked_up
            )
        return found

    def lose(self) -> None:
        """Hang up on the coordinator and look it up again at the next call."""
        lost, self.coordinator = self.coordinator, None
        if lost is not None:
            self._network.disconnect(lost)

    def _looked_up(self, response: Message) -> None:
        found, self._found = self._found, None
        if isinstance(response, FindCoordinatorResponse) and response.error is ErrorCode.NONE:
            self.coordinator = response.node_id
        else:
            self._metadata.request_update()
        if found is not None:
            found.succeed()


def error_of(response: Message) -> ErrorCode:
    """A response's error code, NONE for one that carries none."""
    found: ErrorCode = getattr(response, "error", ErrorCode.NONE)
    return found
