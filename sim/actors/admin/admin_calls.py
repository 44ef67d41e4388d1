"""An admin client's way to brokers: any of them, those that lead partitions, and the coordinators of groups.

Source: clients/src/main/java/org/apache/kafka/clients/admin/KafkaAdminClient.java
Fidelity: approximate — metadata are kept and refreshed as a consumer's are; one call after the other waits
"""

from collections.abc import Callable, Generator, Iterable, Mapping
from typing import Any, TypeVar

from simpy import Event

from sim.actors.client.client_errors import AdminError, ClientTimeoutError
from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.coordinator_client import RETRIABLE, CoordinatorClient, error_of
from sim.actors.client.network_client import Directory, NetworkClient
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.config.admin import AdminConfig
from sim.rules.controller.metadata import MetadataImage
from sim.rules.errors import ErrorCode
from sim.rules.producer.batching import retry_backoff_ms
from sim.rules.protocol.group import LeaveGroupRequest
from sim.rules.protocol.messages import ErrorResponse, Message, MetadataRequest, MetadataResponse
from sim.rules.protocol.topic import TopicErrors

__all__ = ["AdminCalls", "Asking", "require_success", "require_topics"]

JITTER = 0.2
T = TypeVar("T")
Key = TypeVar("Key")
Asking = Generator[Event, Any, T]


class AdminCalls:
    """Requests that are sent again, with backoff, until default.api.timeout.ms has passed."""

    def __init__(
        self, owner: Actor, client_id: str, config: AdminConfig, directory: Directory, bootstrap: Iterable[int]
    ) -> None:
        self._owner = owner
        self.client_id = client_id
        self.config = config
        times_ms = (config.request_timeout_ms, config.reconnect_backoff_ms, config.reconnect_backoff_max_ms)
        self._network = NetworkClient(owner, directory, *times_ms, client_id=client_id)
        self._metadata = ClientMetadata(owner, self._network, list(bootstrap), config)

    def close(self) -> None:
        """Close all connections; no method may be called afterwards."""
        self._metadata.close()
        self._network.close()

    def _ask_any(self, body: Message) -> Asking[Any]:
        """A response of whichever broker; a request about topics goes on from there to the controller."""
        return (yield from self._repeat(lambda: self._send(self._metadata.any_broker(), body)))

    def _ask_broker(self, broker_id: int, body: Message) -> Asking[Any]:
        """A response of one broker."""
        return (yield from self._repeat(lambda: self._send(broker_id, body)))

    def _ask_coordinator(self, group_id: str, body: Message) -> Asking[Any]:
        """A response of the coordinator of a group."""
        coordinator = CoordinatorClient(self._owner, group_id, self._network, self._network, self._metadata)
        return (yield from self._repeat(lambda: coordinator.call(body), body))

    def _image(self) -> Asking[MetadataImage]:
        """The cluster as some broker sees it now."""
        response = yield from self._ask_any(MetadataRequest())
        assert isinstance(response, MetadataResponse)
        return response.image

    def _repeat(self, attempt: Callable[[], Asking[Message]], sent: Message | None = None) -> Asking[Message]:
        """Try until there is a response without an error that may pass. Raises ClientTimeoutError."""
        config = self.config
        deadline = self._owner.now + config.default_api_timeout_ms * MILLISECOND
        attempts = 0
        while True:
            response = yield from attempt()
            error = error_of(response)
            is_passing = isinstance(response, ErrorResponse) and not isinstance(sent, LeaveGroupRequest)
            if not (is_passing or error in RETRIABLE):
                return response
            jitter = self._owner.random.uniform(-JITTER, JITTER)
            wait_ms = retry_backoff_ms(attempts, config.retry_backoff_ms, config.retry_backoff_max_ms, jitter)
            if self._owner.now + wait_ms * MILLISECOND > deadline:
                words = f"{self.client_id}: no answer in {config.default_api_timeout_ms} ms: {error.name}"
                raise ClientTimeoutError(words)
            attempts += 1
            yield self._owner.sleep(wait_ms * MILLISECOND)

    def _send(self, broker_id: int | None, body: Message) -> Asking[Message]:
        if broker_id is None:
            return ErrorResponse(ErrorCode.NETWORK_EXCEPTION)
        answered = self._owner.clock.event()
        self._network.request(broker_id, body, answered.succeed)
        response: Message = yield answered
        return response


def require_success(results: Mapping[Key, ErrorCode]) -> None:
    """Raises AdminError for the first item that failed; the error holds what became of all."""
    for item, error in results.items():
        if error is not ErrorCode.NONE:
            raise AdminError(error, f"{item}: {error.name}", dict(results))


def require_topics(results: TopicErrors) -> None:
    """Raises AdminError for the first topic that failed; the error holds what became of all."""
    for topic, result in results.items():
        if result.error is not ErrorCode.NONE:
            errors = {name: known.error for name, known in results.items()}
            raise AdminError(result.error, f"{result.error.name}: {result.message or topic}", errors)
