"""Where a consumer begins to read: committed offsets first, then auto.offset.reset.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ConsumerCoordinator.java
    initWithCommittedOffsetsIfNeeded, OffsetFetcher.java resetPositionsIfNeeded, OffsetFetcherUtils.java
Fidelity: exact
Left out: the leader epoch of a committed offset.
"""

from collections.abc import Callable, Generator, Sequence
from functools import partial
from typing import Any

from simpy import Event

from sim.actors.client.client_errors import ClientTimeoutError, LogTruncationError, NoOffsetForPartitionError
from sim.actors.client.client_metadata import ClientMetadata
from sim.actors.client.coordinator_client import Calls, CoordinatorClient
from sim.actors.client.network_client import NetworkClient
from sim.actors.consumer.subscriptions import Ownership, Subscriptions
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode, OffsetOutOfRangeError
from sim.rules.facts.journal import PositionReset
from sim.rules.protocol.group import OffsetAndMetadata, OffsetFetchRequest, OffsetFetchResponse
from sim.rules.protocol.messages import ListOffsetsRequest, ListOffsetsResponse, Message
from sim.rules.storage.offset_lookup import reset_timestamp_ms
from sim.rules.topics import TopicPartition

__all__ = ["Positions"]

Members = list[tuple[TopicPartition, Ownership]]
Committed = dict[TopicPartition, OffsetAndMetadata]


class Positions:
    """Looks for missing positions, without holding poll() up; `failure` is what poll() has to raise."""

    def __init__(
        self,
        owner: Actor,
        group_id: str,
        config: ConsumerConfig,
        network: NetworkClient,
        metadata: ClientMetadata,
        subscriptions: Subscriptions,
        coordinator: CoordinatorClient,
        wake: Callable[[], None],
    ) -> None:
        self._owner = owner
        self._group_id = group_id
        self._config = config
        self._network = network
        self._metadata = metadata
        self._subscriptions = subscriptions
        self._coordinator = coordinator
        self._wake = wake
        self._asking_group = False
        self._committed_only = config.isolation_level == "read_committed"
        self.failure: Exception | None = None

    def find(self) -> None:
        """Ask for what is missing and not yet asked for."""
        missing = self._subscriptions.without_position()
        if not missing:
            return
        unknown = [(name, ownership) for name, ownership in missing if ownership.reset is None]
        if self._group_id and unknown:
            if not self._asking_group:
                self._asking_group = True
                self._owner.spawn(self._ask_group(unknown))
        else:
            for _, ownership in unknown:
                ownership.reset = self._config.auto_offset_reset
        undecided = ", ".join(str(name) for name, ownership in missing if ownership.reset == "none")
        if undecided:
            self.failure = NoOffsetForPartitionError(f"no offset for {undecided}")
        self._reset([(name, ownership) for name, ownership in missing if ownership.reset not in (None, "none")])

    def committed(self, partitions: Sequence[TopicPartition]) -> Generator[Event, Any, Committed]:
        """The group's committed offsets, asked for until default.api.timeout.ms is over. Raises ClientTimeoutError."""
        deadline = self._owner.now + self._config.default_api_timeout_ms * MILLISECOND
        while True:
            request = OffsetFetchRequest(self._group_id, partitions, self._committed_only)
            response = yield from self._coordinator.call(request)
            if isinstance(response, OffsetFetchResponse) and response.error is ErrorCode.NONE:
                notes = response.metadata
                return {n: OffsetAndMetadata(offset, notes.get(n, "")) for n, offset in response.offsets.items()}
            if self._owner.now >= deadline:
                raise ClientTimeoutError(f"no answer on the offsets of group {self._group_id}")
            yield self._owner.sleep(self._config.retry_backoff_ms * MILLISECOND)

    def out_of_range(self, name: TopicPartition, ownership: Ownership) -> None:
        """The log does not reach to the position, or begins after it."""
        if self._config.auto_offset_reset == "none":
            self.failure = OffsetOutOfRangeError(f"position {ownership.position} of {name} is out of range")
        else:
            ownership.needs(self._config.auto_offset_reset)

    def truncated(self, name: TopicPartition, ownership: Ownership, offset: int) -> None:
        """The leader's log parts from the one read before at this offset."""
        if self._config.auto_offset_reset == "none":
            self.failure = LogTruncationError(f"position {ownership.position} of {name}: the log now ends at {offset}")
        else:
            self._go_to(name, ownership, offset)

    def _ask_group(self, members: Members) -> Calls:
        names = [name for name, _ in members]
        response = yield from self._coordinator.call(OffsetFetchRequest(self._group_id, names, self._committed_only))
        if isinstance(response, OffsetFetchResponse) and response.error is ErrorCode.NONE:
            for name, ownership in members:
                if ownership.position is None and ownership.reset is None:
                    if name in response.offsets:
                        ownership.seek(response.offsets[name])
                    else:
                        ownership.reset = self._config.auto_offset_reset
        else:
            yield self._owner.sleep(self._config.retry_backoff_ms * MILLISECOND)
        self._asking_group = False
        self._wake()

    def _reset(self, members: Members) -> None:
        now = self._owner.now
        by_leader: dict[tuple[int, str], Members] = {}
        for name, ownership in members:
            if not ownership.is_blocked(now, self._metadata.leader_epoch(name)):
                key = self._metadata.leader(name), ownership.reset or ""
                by_leader.setdefault(key, []).append((name, ownership))
        for (leader, policy), asked in by_leader.items():
            if leader < 0:
                self._metadata.request_update()
                continue
            self._block(asked, self._config.request_timeout_ms)
            timestamp_ms = reset_timestamp_ms(policy, self._owner.now_ms)
            request = ListOffsetsRequest(dict.fromkeys((name for name, _ in asked), timestamp_ms), self._committed_only)
            self._network.request(leader, request, partial(self._listed, asked))

    def _listed(self, asked: Members, response: Message) -> None:
        offsets = response.offsets if isinstance(response, ListOffsetsResponse) else {}
        failed = [member for member in asked if member[0] not in offsets]
        for name, ownership in asked:
            if name in offsets and offsets[name].offset >= 0 and ownership.position is None:
                self._go_to(name, ownership, offsets[name].offset)
        if failed:
            self._metadata.request_update()
            self._block(failed, self._config.retry_backoff_ms)
            self._owner.after(self._config.retry_backoff_ms * MILLISECOND, self._wake)
        self._wake()

    def _block(self, members: Members, wait_ms: int) -> None:
        until = self._owner.now + wait_ms * MILLISECOND
        for name, ownership in members:
            ownership.block(until, self._metadata.leader_epoch(name))

    def _go_to(self, name: TopicPartition, ownership: Ownership, offset: int) -> None:
        ownership.seek(offset)
        if self._subscriptions.owned.get(name) is ownership:
            self._owner.announce(PositionReset(self._group_id, name, offset))
