"""The consumer as an application sees it.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/KafkaConsumer.java, internals/ClassicKafkaConsumer.java
Fidelity: approximate — a poll that finds nothing and may not wait takes 50 µs, otherwise the client's own work the time
    that its hardware says
"""

from collections.abc import Generator, Iterable, Sequence
from typing import Any

from simpy import Event

from sim.actors.client.calls import Calls, topic_names, waits
from sim.actors.client.client_errors import (
    ClientClosedError,
    ClientTimeoutError,
    CommitFailedError,
    GroupJoinError,
    LogTruncationError,
    NoOffsetForPartitionError,
    RebalanceInProgressError,
    RetriableCommitFailedError,
    WakeupError,
)
from sim.actors.client.network_client import Directory
from sim.actors.consumer.consumer_parts import ConsumerParts
from sim.actors.consumer.consumer_queries import ConsumerQueries
from sim.actors.consumer.consumer_records import ConsumerRecord, RebalanceListener, records_of
from sim.actors.consumer.fetch_buffer import Slice
from sim.actors.consumer.group_member import NOBODY, ConsumerGroupMetadata
from sim.actors.consumer.offset_commits import Offsets, OnCommit
from sim.actors.consumer.partition_control import compiled_pattern
from sim.machine.actor import Actor
from sim.machine.clock import MICROSECOND, MILLISECOND
from sim.machine.deadlines import Deadline, Deadlines
from sim.machine.devices import ClientHardware
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode, IllegalStateError
from sim.rules.facts.client import ConsumerOpened, ConsumerSubscribed, PartitionsTaken, RecordsPolled
from sim.rules.facts.journal import RecordsDelivered
from sim.rules.topics import TopicPartition

__all__ = [
    "ClientClosedError",
    "ClientTimeoutError",
    "CommitFailedError",
    "Consumer",
    "ConsumerRecord",
    "GroupJoinError",
    "LogTruncationError",
    "NoOffsetForPartitionError",
    "RebalanceInProgressError",
    "RebalanceListener",
    "RetriableCommitFailedError",
    "WakeupError",
]

EMPTY_POLL_COST = 50 * MICROSECOND
CLOSE_TIMEOUT_MS = 30_000


class Consumer(ConsumerQueries):
    """Reads records; `yield from consumer.poll()` is the heart of every application that uses one.

    It lives in the process `owner` and dies with it.
    """

    def __init__(
        self,
        owner: Actor,
        client_id: str,
        group_id: str,
        config: ConsumerConfig,
        directory: Directory,
        bootstrap: Sequence[int],
        hardware: ClientHardware | None = None,
    ) -> None:
        parts = ConsumerParts(owner, client_id, group_id, config, directory, bootstrap, self._wake)
        super().__init__(owner, client_id, group_id, parts)
        self.config = config
        self.calls = Calls(owner, "consumer")
        self._hardware = hardware or ClientHardware()
        self._timers: dict[int, Deadlines] = {}
        self._waiting: Event | None = None
        self._closed = self._woken = False
        self.polling = False
        committed, begins = config.isolation_level == "read_committed", config.auto_offset_reset == "earliest"
        owner.announce(ConsumerOpened(owner.name, client_id, group_id, committed, begins))

    def subscribe(
        self, topics: Iterable[str] = (), listener: RebalanceListener | None = None, pattern: str | None = None
    ) -> None:
        """Share topics with the other members of the group: those named, or all that a regular expression matches.

        A topic that begins with `^` is a regular expression, too. Who names nothing subscribes to nothing; who has
        subscribed before gives it up with `unsubscribe`, which waits. Raises IllegalStateError without a group, and
        when partitions were assigned by hand, ValueError for a bad expression.
        """
        self._need_group()
        names = topic_names(topics)
        if not names and pattern is None:
            if self._subscriptions.managed:
                raise IllegalStateError("subscribe() names no topics: write `yield from consumer.unsubscribe()`")
            return
        self._subscriptions.subscribe(names, compiled_pattern(names, pattern))
        self._subscriptions.listener = listener or self._subscriptions.listener
        self._parts.member.subscription_changed()
        self._owner.announce(ConsumerSubscribed(self._owner.name, self.client_id, self._subscriptions.topics))

    @waits
    def unsubscribe(self) -> Generator[Event, Any, None]:
        """Give everything up and leave the group; the consumer may subscribe again."""
        if self._subscriptions.managed:
            yield from self._parts.member.leave(CLOSE_TIMEOUT_MS)
        self._subscriptions.unsubscribe()
        self._taken()

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read exactly these partitions, outside of any group's management.

        Raises IllegalStateError while subscribed.
        """
        if self._subscriptions.managed:
            raise IllegalStateError("Subscription to topics, partitions and pattern are mutually exclusive")
        self._subscriptions.assign(partitions)
        self._taken()

    def fetch_beside_buffered(self) -> None:
        """Ask a broker for more while records of its other partitions wait for poll(), as before Kafka 4.0."""
        self._parts.fetcher.beside_buffered = True

    @waits
    def poll(
        self, timeout_ms: int = 1000, max_records: int | None = None
    ) -> Generator[Event, Any, list[ConsumerRecord]]:
        """Records in order per partition, at most max.poll.records; an empty list after the timeout.

        Rebalances, automatic commits and lost positions are dealt with here. Raises NoOffsetForPartitionError,
        OffsetOutOfRangeError and LogTruncationError with auto.offset.reset=none, GroupJoinError, ClientClosedError,
        IllegalStateError with neither a subscription nor an assignment.
        """
        slices = yield from self.poll_slices(timeout_ms, max_records)
        return records_of(slices)

    def poll_slices(self, timeout_ms: int = 1000, max_records: int | None = None) -> Generator[Event, Any, list[Slice]]:
        """Like `poll`, but parts of batches instead of single records: the way of capacity runs."""
        if self._closed:
            raise ClientClosedError(f"{self.client_id} is closed")
        if not (self._subscriptions.managed or self._subscriptions.owned):
            raise IllegalStateError("Consumer is not subscribed to any topics or assigned any partitions")
        owner, parts = self._owner, self._parts
        began = owner.now
        deadline = began + timeout_ms * MILLISECOND
        limit = self.config.max_poll_records if max_records is None else max_records
        parts.member.poll_begins()
        self.polling = True
        parts.commits.call_back()
        alarm: Deadline | None = None
        try:
            while True:
                if self._woken:
                    self._woken = False
                    raise WakeupError(f"{self.client_id} was woken")
                if self._subscriptions.managed:
                    yield from parts.member.take_part()
                parts.commits.commit_if_due()
                self._find_positions()
                slices = parts.fetcher.collect(limit)
                parts.fetcher.send_fetches()
                if slices or parts.fetcher.advanced or owner.now >= deadline:
                    break
                if alarm is None:
                    alarm = self._book_alarm(timeout_ms, deadline)
                self._waiting = owner.clock.event()
                yield self._waiting
            if not slices and owner.now == began:
                yield owner.sleep(EMPTY_POLL_COST)
            work = self._work(slices)
            if work:
                yield owner.work(work)
        finally:
            if alarm is not None:
                alarm.cancel()
            parts.member.poll_ends()
        self.polling = False
        for piece in slices:
            owner.announce(RecordsDelivered(self.group_id, self.client_id, *piece))
        if slices and owner.machine.facts.wanted(RecordsPolled):
            owner.announce(RecordsPolled(owner.name, self.client_id, began, slices))
        return slices

    def wakeup(self) -> None:
        """Let a waiting poll(), or else the next one, raise WakeupError."""
        self._woken = True
        self._wake()

    @waits
    def commit(self, offsets: Offsets | None = None) -> Generator[Event, Any, None]:
        """Store positions (or the given offsets, perhaps with a note) in the group, and wait for it.

        Raises CommitFailedError, RebalanceInProgressError (a CommitFailedError too) and, after
        default.api.timeout.ms, ClientTimeoutError.
        """
        self._need_group()
        yield from self._parts.commits.commit(self._subscriptions.positions() if offsets is None else dict(offsets))

    def commit_async(self, offsets: Offsets | None = None, callback: OnCommit | None = None) -> None:
        """Store positions (or the given offsets) without waiting, and without a second attempt.

        A later poll() or commit() calls `callback(offsets, error)`, with None for an error if all went well.
        """
        self._need_group()
        self._parts.commits.commit_async(
            self._subscriptions.positions() if offsets is None else dict(offsets), callback
        )

    def consumer_group_metadata(self) -> ConsumerGroupMetadata:
        """Who commits, as a transaction that sends offsets has to say it."""
        identity = self._parts.member.identity
        return ConsumerGroupMetadata(self.group_id, *(NOBODY if isinstance(identity, ErrorCode) else identity))

    @waits
    def close(self, timeout_ms: int = CLOSE_TIMEOUT_MS, leave_group: bool | None = None) -> Generator[Event, Any, None]:
        """Commit if automatic, give the partitions up, leave the group, hang up; `timeout_ms` is for each answer.

        A static member says nothing to the group unless `leave_group` is true; false keeps any member silent.
        """
        if self._closed:
            return
        self._closed = True
        parts = self._parts
        if parts.commits.automatic:
            yield from parts.commits.commit_within(self._subscriptions.positions(), timeout_ms)
        yield from parts.commits.finish(timeout_ms)
        if self._subscriptions.managed:
            yield from parts.member.leave(timeout_ms, tell=leave_group)
        self._subscriptions.unsubscribe()
        parts.hang_up()

    def _work(self, slices: list[Slice]) -> int:
        hardware, owner = self._hardware, self._owner
        if hardware.polls_for_free and owner.heap is None:
            return 0
        counts = [(piece.next_offset - piece.first_offset, piece.batch) for piece in slices]
        size_bytes = int(sum(batch.size_bytes * count / batch.count for count, batch in counts))
        record_count = sum(count for count, _ in counts)
        if owner.heap is not None:
            owner.allocate(hardware.garbage_bytes(record_count, size_bytes))
        return hardware.poll_cost(len(counts), record_count, size_bytes)

    def _taken(self) -> None:
        owned = tuple(self._subscriptions.owned)
        self._owner.announce(PartitionsTaken(self._owner.name, self.client_id, owned, False))

    def _find_positions(self) -> None:
        positions = self._parts.positions
        positions.find()
        failure, positions.failure = positions.failure, None
        if failure is not None:
            raise failure

    def _book_alarm(self, timeout_ms: int, deadline: int) -> Deadline:
        """Wake up at the deadline; many polls with the same timeout share one timer."""
        if deadline - self._owner.now != timeout_ms * MILLISECOND:
            timers = Deadlines(self._owner, deadline - self._owner.now)
        elif timeout_ms in self._timers:
            timers = self._timers[timeout_ms]
        else:
            timers = self._timers[timeout_ms] = Deadlines(self._owner, timeout_ms * MILLISECOND)
        return timers.book(self._wake)

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.succeed()
