"""A consumer's commits: asked for, automatic, and the last one before partitions are given up.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ConsumerCoordinator.java
Fidelity: exact
"""

from collections.abc import Generator, Mapping
from typing import Any

from simpy import Event

from sim.actors.client_errors import ClientTimeoutError, CommitFailedError, RebalanceInProgressError
from sim.actors.coordinator_client import RETRIABLE, CoordinatorClient, error_of
from sim.actors.membership import Membership, MemberState
from sim.actors.subscriptions import Subscriptions
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.rules.batching import retry_backoff_ms
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode
from sim.rules.facts import OffsetsCommitted
from sim.rules.group_protocol import OffsetCommitRequest
from sim.rules.topics import TopicPartition

__all__ = ["OffsetCommits"]

JITTER = 0.2
Offsets = Mapping[TopicPartition, int]
Outcome = Generator[Event, Any, ErrorCode]


class OffsetCommits:
    """Stores positions in the group."""

    def __init__(
        self,
        owner: Actor,
        group_id: str,
        client_id: str,
        config: ConsumerConfig,
        subscriptions: Subscriptions,
        membership: Membership,
        coordinator: CoordinatorClient,
    ) -> None:
        self._owner = owner
        self._group_id = group_id
        self._client_id = client_id
        self._config = config
        self._subscriptions = subscriptions
        self._membership = membership
        self._coordinator = coordinator
        self._told: dict[TopicPartition, int] = {}
        self._next_auto_commit = 0
        self.automatic = config.enable_auto_commit and bool(group_id)
        self.restart_interval()

    def restart_interval(self) -> None:
        """The next automatic commit is due in auto.commit.interval.ms."""
        self._next_auto_commit = self._owner.now + self._config.auto_commit_interval_ms * MILLISECOND

    def commit(self, offsets: Offsets) -> Generator[Event, Any, None]:
        """Store offsets and wait for it. Raises CommitFailedError, RebalanceInProgressError, ClientTimeoutError."""
        error = yield from self.commit_within(offsets, self._config.default_api_timeout_ms)
        if error is ErrorCode.NONE:
            return
        if error in RETRIABLE:
            raise ClientTimeoutError(
                f"{self._client_id} could not commit within {self._config.default_api_timeout_ms} ms: {error.name}"
            )
        if error is ErrorCode.REBALANCE_IN_PROGRESS:
            raise RebalanceInProgressError(f"{self._client_id} cannot commit now: its group rebalances")
        raise CommitFailedError(f"{self._client_id} cannot commit: {error.name}")

    def commit_within(self, offsets: Offsets, patience_ms: int) -> Outcome:
        """Store offsets, again and again while the error can be retried; returns how the last attempt ended."""
        config = self._config
        deadline = self._owner.now + patience_ms * MILLISECOND
        attempts = 0
        while True:
            error = yield from self._commit_once(offsets)
            jitter = self._owner.random.uniform(-JITTER, JITTER)
            wait_ms = retry_backoff_ms(attempts, config.retry_backoff_ms, config.retry_backoff_max_ms, jitter)
            if error not in RETRIABLE or self._owner.now + wait_ms * MILLISECOND > deadline:
                return error
            attempts += 1
            yield self._owner.sleep(wait_ms * MILLISECOND)

    def commit_if_due(self) -> None:
        """Every auto.commit.interval.ms store, without waiting, what earlier polls returned."""
        if self.automatic and self._owner.now >= self._next_auto_commit:
            self.restart_interval()
            offsets = self._subscriptions.positions()
            if offsets:
                self._owner.spawn(self._commit_automatically(offsets))

    def _commit_automatically(self, offsets: Offsets) -> Generator[Event, Any, None]:
        error = yield from self._commit_once(offsets)
        if error in RETRIABLE:
            self._next_auto_commit = self._owner.now + self._config.retry_backoff_ms * MILLISECOND

    def _commit_once(self, offsets: Offsets) -> Outcome:
        membership = self._membership
        managed = bool(self._subscriptions.topics)
        if not offsets:
            return ErrorCode.NONE
        if managed and membership.state is not MemberState.STABLE:
            return ErrorCode.REBALANCE_IN_PROGRESS if membership.is_rebalancing else ErrorCode.UNKNOWN_MEMBER_ID
        generation, member_id = (membership.generation, membership.member_id) if managed else (-1, "")
        request = OffsetCommitRequest(self._group_id, generation, member_id, dict(offsets))
        response = yield from self._coordinator.call(request)
        error = error_of(response)
        if error is ErrorCode.NONE:
            self._announce(offsets)
        return membership.refused(error, generation) if managed else error

    def _announce(self, offsets: Offsets) -> None:
        news = tuple(item for item in sorted(offsets.items()) if self._told.get(item[0]) != item[1])
        self._told.update(news)
        if news:
            self._owner.announce(OffsetsCommitted(self._group_id, self._client_id, news))
