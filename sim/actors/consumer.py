"""The consumer as an application sees it.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/KafkaConsumer.java, internals/ClassicKafkaConsumer.java
Fidelity: approximate — a poll that finds nothing and may not wait takes 50 µs, otherwise the client's own work no time
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

from simpy import Event

from sim.actors.client_errors import (
    ClientClosedError,
    ClientTimeoutError,
    CommitFailedError,
    GroupJoinError,
    LogTruncationError,
    NoOffsetForPartitionError,
    RebalanceInProgressError,
)
from sim.actors.client_metadata import ClientMetadata
from sim.actors.consumer_records import ConsumerRecord, RebalanceListener, records_of
from sim.actors.coordinator_client import CoordinatorClient
from sim.actors.fetcher import Fetcher, Slice
from sim.actors.membership import Membership
from sim.actors.network_client import Directory, NetworkClient
from sim.actors.offset_commits import OffsetCommits
from sim.actors.positions import Positions
from sim.actors.subscriptions import Ownership, Subscriptions
from sim.machine.actor import Actor, OwnedProcess
from sim.machine.clock import MICROSECOND, MILLISECOND
from sim.machine.deadlines import Deadline, Deadlines
from sim.rules.config import ConsumerConfig
from sim.rules.facts import PartitionsAssigned, RecordsDelivered
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
]

EMPTY_POLL_COST = 50 * MICROSECOND
CLOSE_TIMEOUT_MS = 30_000
Poll = Generator[Event, Any, Any]


class Consumer:
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
    ) -> None:
        self.client_id = client_id
        self.group_id = group_id
        self.config = config
        self._owner = owner
        self._subscriptions = Subscriptions()
        self._listener = RebalanceListener()
        backoffs_ms = (config.reconnect_backoff_ms, config.reconnect_backoff_max_ms)
        self._network = NetworkClient(owner, directory, config.request_timeout_ms, *backoffs_ms)
        self._group_network = NetworkClient(owner, directory, config.request_timeout_ms, *backoffs_ms)
        self._metadata = metadata = ClientMetadata(
            owner,
            self._network,
            bootstrap,
            config.retry_backoff_ms,
            config.retry_backoff_max_ms,
            config.metadata_max_age_ms,
        )
        self._group_network.on_disconnect = metadata.request_update
        coordinator = CoordinatorClient(owner, group_id, self._network, self._group_network, metadata)
        self._membership = Membership(owner, group_id, client_id, config, coordinator, metadata, self._wake)
        self._commits = OffsetCommits(
            owner, group_id, client_id, config, self._subscriptions, self._membership, coordinator
        )
        self._positions = Positions(
            owner, group_id, config, self._network, metadata, self._subscriptions, coordinator, self._wake
        )
        self._fetcher = Fetcher(
            owner, config, self._network, metadata, self._subscriptions, self._positions, self._wake
        )
        self._timers: dict[int, Deadlines] = {}
        self._waiting: Event | None = None
        self._last_commit: OwnedProcess | None = None
        self._closed = False
        metadata.listen(self._wake)
        metadata.request_update()

    def subscribe(self, topics: Iterable[str], listener: RebalanceListener | None = None) -> None:
        """Share these topics with the other members of the group. Raises ValueError without a group."""
        self._need_group()
        self._subscriptions.topics = tuple(topics)
        self._listener = listener or self._listener

    def assign(self, partitions: Iterable[TopicPartition]) -> None:
        """Read exactly these partitions, outside of any group's management."""
        self._subscriptions.topics = ()
        self._subscriptions.assign(partitions)

    def assignment(self) -> list[TopicPartition]:
        """The partitions owned."""
        return list(self._subscriptions.owned)

    def position(self, partition: TopicPartition) -> int | None:
        """The next offset that poll() will return; None until it is known."""
        return self._owned(partition).position

    def high_watermark(self, partition: TopicPartition) -> int:
        """The high watermark of the last fetch, -1 before the first."""
        return self._owned(partition).high_watermark

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Read on from an offset."""
        self._owned(partition).seek(offset)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Return no records of these partitions until resumed; ownership stays, and so does what is buffered."""
        for partition in partitions:
            self._owned(partition).paused = True

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Undo `pause`."""
        for partition in partitions:
            self._owned(partition).paused = False

    def poll(
        self, timeout_ms: int = 1000, max_records: int | None = None
    ) -> Generator[Event, Any, list[ConsumerRecord]]:
        """Records in order per partition, at most max.poll.records; an empty list after the timeout.

        Rebalances, automatic commits and lost positions are dealt with here. Raises NoOffsetForPartitionError,
        OffsetOutOfRangeError and LogTruncationError with auto.offset.reset=none, GroupJoinError, ClientClosedError.
        """
        slices = yield from self.poll_slices(timeout_ms, max_records)
        return records_of(slices)

    def poll_slices(self, timeout_ms: int = 1000, max_records: int | None = None) -> Generator[Event, Any, list[Slice]]:
        """Like `poll`, but parts of batches instead of single records: the way of capacity runs."""
        if self._closed:
            raise ClientClosedError(f"{self.client_id} is closed")
        owner, membership = self._owner, self._membership
        began = owner.now
        deadline = began + timeout_ms * MILLISECOND
        limit = self.config.max_poll_records if max_records is None else max_records
        membership.poll_begins()
        alarm: Deadline | None = None
        while True:
            if self._subscriptions.topics:
                yield from self._stay_member()
            self._commits.commit_if_due()
            self._find_positions()
            slices = self._fetcher.collect(limit)
            self._fetcher.send_fetches()
            if slices or owner.now >= deadline:
                break
            if alarm is None:
                alarm = self._book_alarm(timeout_ms, deadline)
            self._waiting = owner.clock.event()
            yield self._waiting
        if alarm is not None:
            alarm.cancel()
        elif not slices and owner.now == began:
            yield owner.sleep(EMPTY_POLL_COST)
        membership.poll_ends()
        for piece in slices:
            owner.announce(RecordsDelivered(self.group_id, self.client_id, *piece))
        return slices

    def commit(self, offsets: Mapping[TopicPartition, int] | None = None) -> Generator[Event, Any, None]:
        """Store positions (or the given offsets) in the group, and wait for it.

        Raises CommitFailedError, RebalanceInProgressError (a CommitFailedError too) and, after
        default.api.timeout.ms, ClientTimeoutError.
        """
        self._need_group()
        yield from self._commits.commit(self._subscriptions.positions() if offsets is None else dict(offsets))

    def committed(self, partitions: Sequence[TopicPartition]) -> Generator[Event, Any, dict[TopicPartition, int]]:
        """The group's committed offsets; partitions without one are left out. Raises ClientTimeoutError."""
        self._need_group()
        return (yield from self._positions.committed(partitions))

    def close(self) -> Generator[Event, Any, None]:
        """Commit if automatic, give the partitions up, leave the group, hang up; waits 30 s at most for each answer."""
        if self._closed:
            return
        self._closed = True
        if self._commits.automatic:
            yield from self._commits.commit_within(self._subscriptions.positions(), CLOSE_TIMEOUT_MS)
        if self._subscriptions.topics:
            yield from self._give_up(lost=self._membership.generation < 0 or self._membership.is_rebalancing)
            yield from self._membership.leave()
        self._own(())
        self._metadata.close()
        self._network.close()
        self._group_network.close()

    def _need_group(self) -> None:
        if not self.group_id:
            raise ValueError(f"{self.client_id} has no group.id")

    def _owned(self, partition: TopicPartition) -> Ownership:
        ownership = self._subscriptions.owned.get(partition)
        if ownership is None:
            raise ValueError(f"{self.client_id} does not own {partition}")
        return ownership

    def _own(self, partitions: Iterable[TopicPartition]) -> None:
        before = tuple(self._subscriptions.owned)
        self._subscriptions.assign(partitions)
        after = tuple(self._subscriptions.owned)
        if before or after:
            self._owner.announce(PartitionsAssigned(self.group_id, self.client_id, self._membership.generation, after))

    def _stay_member(self) -> Poll:
        """Take part in a rebalance if there is one: eager, so everything is given up before joining."""
        membership = self._membership
        if membership.failure is not None:
            raise membership.failure
        if membership.assignment is not None:
            assigned, membership.assignment = membership.assignment, None
            self._own(assigned)
            self._commits.restart_interval()
            yield from _run(self._listener.on_partitions_assigned(assigned))
        if membership.topics != self._subscriptions.topics:
            membership.needs_join = True
        if membership.needs_join and not membership.is_rebalancing and self._has_committed():
            if membership.generation >= 0 or self._subscriptions.owned:
                yield from self._give_up(lost=membership.generation < 0)
            membership.begin_join(self._subscriptions.topics)

    def _has_committed(self) -> bool:
        """Before partitions are given up their positions are committed, if that is automatic; no reading meanwhile."""
        positions = self._subscriptions.positions()
        if not self._commits.automatic or not positions or self._membership.generation < 0:
            return True
        if self._last_commit is None:
            self._subscriptions.revoking = True
            self._last_commit = self._owner.spawn(self._commit_last(positions))
        if self._last_commit.is_alive:
            return False
        self._last_commit = None
        return True

    def _commit_last(self, positions: Mapping[TopicPartition, int]) -> Poll:
        yield from self._commits.commit_within(positions, self.config.max_poll_interval_ms)
        self._owner.after(0, self._wake)

    def _give_up(self, *, lost: bool) -> Poll:
        partitions = tuple(self._subscriptions.owned)
        tell = self._listener.on_partitions_lost if lost else self._listener.on_partitions_revoked
        yield from _run(tell(partitions))
        self._own(())

    def _find_positions(self) -> None:
        self._positions.find()
        failure, self._positions.failure = self._positions.failure, None
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


def _run(steps: Generator[Event, Any, Any] | None) -> Poll:
    """Run what a listener's method returned, if it is a generator."""
    if steps is not None:
        yield from steps
