"""A consumer's questions about offsets that wait for an answer: by time, first and last of a partition.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/OffsetFetcher.java
Fidelity: exact
"""

from collections.abc import Generator, Mapping
from typing import Any

from simpy import Event

from sim.actors.client.client_errors import ClientTimeoutError
from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.network_client import NetworkClient
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.config import ConsumerConfig
from sim.rules.protocol.messages import ListOffsetsRequest, ListOffsetsResponse
from sim.rules.storage.offset_lookup import FoundOffset
from sim.rules.topics import TopicPartition

__all__ = ["OffsetQueries"]

Found = dict[TopicPartition, FoundOffset]


class OffsetQueries:
    """ListOffsets, sent to the leaders of the partitions and repeated where it fails."""

    def __init__(self, owner: Actor, config: ConsumerConfig, network: NetworkClient, metadata: ClientMetadata) -> None:
        self._owner = owner
        self._config = config
        self._network = network
        self._metadata = metadata

    def look_up(self, timestamps_ms: Mapping[TopicPartition, int]) -> Generator[Event, Any, Found]:
        """The offset for each time (or -1, -2: the last, the first). Raises ClientTimeoutError."""
        deadline = self._owner.now + self._config.default_api_timeout_ms * MILLISECOND
        found: Found = {}
        while True:
            answers = self._ask({name: time_ms for name, time_ms in timestamps_ms.items() if name not in found})
            for answer in answers:
                response = yield answer
                found.update(response.offsets if isinstance(response, ListOffsetsResponse) else {})
            if len(found) == len(timestamps_ms):
                return {name: found[name] for name in timestamps_ms}
            if self._owner.now >= deadline:
                raise ClientTimeoutError(f"no offsets of {next(name for name in timestamps_ms if name not in found)}")
            yield self._metadata.next_update()
            yield self._owner.sleep(self._config.retry_backoff_ms * MILLISECOND)

    def _ask(self, timestamps_ms: Mapping[TopicPartition, int]) -> list[Event]:
        by_leader: dict[int, dict[TopicPartition, int]] = {}
        for name, time_ms in timestamps_ms.items():
            by_leader.setdefault(self._metadata.leader(name), {})[name] = time_ms
        by_leader.pop(-1, None)
        committed_only = self._config.isolation_level == "read_committed"
        answers = []
        for leader, wanted in by_leader.items():
            answered = self._owner.clock.event()
            self._network.request(leader, ListOffsetsRequest(wanted, committed_only), answered.succeed)
            answers.append(answered)
        return answers
