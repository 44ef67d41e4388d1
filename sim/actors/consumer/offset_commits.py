"""A consumer's commits: asked for, with or without waiting, automatic, and the last one before partitions go.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ConsumerCoordinator.java
Fidelity: exact
"""

from collections import deque
from collections.abc import Callable, Generator, Mapping
from typing import Any

from simpy import Event

from sim.actors.client.client_errors import (
    ClientTimeoutError,
    CommitFailedError,
    GroupJoinError,
    RebalanceInProgressError,
    RetriableCommitFailedError,
)
from sim.actors.client.coordinator_client import RETRIABLE, error_of
from sim.actors.consumer.group_member import NOBODY, GroupMember, MemberContext
from sim.machine.clock import MILLISECOND
from sim.rules.errors import ErrorCode
from sim.rules.facts.journal import OffsetsCommitted
from sim.rules.producer.batching import retry_backoff_ms
from sim.rules.protocol.group import OffsetAndMetadata, OffsetCommitRequest
from sim.rules.topics import TopicPartition

__all__ = ["OffsetCommits", "Offsets", "OnCommit"]

JITTER = 0.2
Offsets = Mapping[TopicPartition, int | OffsetAndMetadata]
OnCommit = Callable[[Offsets, Exception | None], object]
Outcome = Generator[Event, Any, ErrorCode]


class OffsetCommits:
    """Stores positions in the group."""

    def __init__(self, context: MemberContext, member: GroupMember) -> None:
        self._context = context
        self._owner = context.owner
        self._config = config = context.config
        self._subscriptions = context.subscriptions
        self._member = member
        self._told: dict[TopicPartition, int] = {}
        self._next_auto_commit = 0
        self._completed: deque[tuple[OnCommit, Offsets, Exception | None]] = deque()
        self._pending: dict[Event, None] = {}
        self._fenced = False
        self.automatic = config.enable_auto_commit and bool(context.group_id)
        self.restart_interval()

    def restart_interval(self) -> None:
        """The next automatic commit is due in auto.commit.interval.ms."""
        self._next_auto_commit = self._owner.now + self._config.auto_commit_interval_ms * MILLISECOND

    def commit(self, offsets: Offsets) -> Generator[Event, Any, None]:
        """Store offsets and wait for it. Raises CommitFailedError, RebalanceInProgressError, ClientTimeoutError."""
        timeout_ms = self._config.default_api_timeout_ms
        if not offsets:
            yield from self.finish(timeout_ms)
        error = yield from self.commit_within(offsets, timeout_ms)
        self.call_back()
        failure = self._failure(error)
        if failure is not None and error in RETRIABLE:
            failure = ClientTimeoutError(
                f"{self._context.client_id} could not commit within {timeout_ms} ms: {error.name}"
            )
        if failure is not None:
            raise failure

    def commit_async(self, offsets: Offsets, on_commit: OnCommit | None) -> None:
        """Store offsets without waiting; `on_commit` is called with the outcome in a later poll() or commit()."""
        done = self._owner.clock.event()
        self._pending[done] = None

        def attempt() -> Generator[Event, Any, None]:
            error = yield from self._commit_once(offsets)
            failure = self._failure(error)
            self._fenced = self._fenced or error is ErrorCode.FENCED_INSTANCE_ID
            if failure is not None and error in RETRIABLE:
                failure = RetriableCommitFailedError(str(failure))
            if on_commit is not None:
                self._completed.append((on_commit, offsets, failure))
            del self._pending[done]
            done.succeed()

        self._owner.spawn(attempt())

    def call_back(self) -> None:
        """Tell of the commits that have come to their end, in the order in which they did.

        Raises GroupJoinError once another process has taken this member's place, as such a commit has shown.
        """
        if self._fenced:
            raise GroupJoinError(ErrorCode.FENCED_INSTANCE_ID, self._context.group_id)
        while self._completed:
            on_commit, offsets, failure = self._completed.popleft()
            on_commit(offsets, failure)

    def finish(self, timeout_ms: int) -> Generator[Event, Any, None]:
        """Wait for the commits under way, but not for ever."""
        if self._pending:
            patience = self._owner.sleep(timeout_ms * MILLISECOND)
            yield self._owner.clock.all_of(list(self._pending)) | patience
        self.call_back()

    def commit_within(self, offsets: Offsets, patience_ms: int) -> Outcome:
        """Store offsets, again and again while the error can be retried; returns how the last attempt ended.

        Commits of the same moment that nobody waits for go first, lest they put newer offsets back.
        """
        yield self._owner.sleep(0)
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
        self._fenced = self._fenced or error is ErrorCode.FENCED_INSTANCE_ID
        if error in RETRIABLE:
            self._next_auto_commit = self._owner.now + self._config.retry_backoff_ms * MILLISECOND

    def _commit_once(self, offsets: Offsets) -> Outcome:
        if not offsets:
            return ErrorCode.NONE
        managed = self._subscriptions.managed
        identity = self._member.identity if managed else NOBODY
        if isinstance(identity, ErrorCode):
            return identity
        notes = {name: item.metadata for name, item in offsets.items() if isinstance(item, OffsetAndMetadata)}
        numbers = {name: item.offset if isinstance(item, OffsetAndMetadata) else item for name, item in offsets.items()}
        generation, member_id, instance_id = identity
        request = OffsetCommitRequest(self._context.group_id, generation, member_id, numbers, instance_id, notes)
        response = yield from self._context.coordinator.call(request)
        error = error_of(response)
        if error is ErrorCode.NONE:
            self._announce(numbers)
        return self._member.refused(error, identity) if managed else error

    def _failure(self, error: ErrorCode) -> Exception | None:
        """The exception that an application gets for an error."""
        client_id = self._context.client_id
        if error is ErrorCode.NONE:
            return None
        if error is ErrorCode.REBALANCE_IN_PROGRESS:
            return RebalanceInProgressError(f"{client_id} cannot commit now: its group rebalances")
        if error is ErrorCode.FENCED_INSTANCE_ID:
            return GroupJoinError(error, self._context.group_id)
        return CommitFailedError(f"{client_id} cannot commit: {error.name}")

    def _announce(self, offsets: Mapping[TopicPartition, int]) -> None:
        news = tuple(item for item in sorted(offsets.items()) if self._told.get(item[0]) != item[1])
        self._told.update(news)
        if news:
            self._owner.announce(OffsetsCommitted(self._context.group_id, self._context.client_id, news))
