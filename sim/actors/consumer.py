"""The consumer as an application sees it.

Source: clients/src/main/java/org/apache/kafka/clients/consumer/KafkaConsumer.java, internals/ClassicKafkaConsumer.java
"""

from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

from simpy import Event

from sim.actors.client_metadata import ClientMetadata
from sim.actors.consumer_records import (
    CommitFailedError,
    ConsumerRecord,
    NoOffsetForPartitionError,
    RebalanceListener,
    records_of,
)
from sim.actors.fetcher import Fetcher, Slice
from sim.actors.membership import LOST_COORDINATOR, Membership
from sim.actors.network_client import Directory, NetworkClient
from sim.actors.subscriptions import Ownership, Subscriptions
from sim.machine.actor import Actor
from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadlines
from sim.rules.config import ConsumerConfig
from sim.rules.errors import ErrorCode
from sim.rules.facts import OffsetsCommitted, PartitionsAssigned, PositionReset, RecordsDelivered
from sim.rules.group_protocol import OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse
from sim.rules.protocol import ListOffsetsRequest, ListOffsetsResponse
from sim.rules.topics import TopicPartition

__all__ = ["CommitFailedError", "Consumer", "ConsumerRecord", "NoOffsetForPartitionError", "RebalanceListener"]

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
        self._fetch_network, self._group_network = (
            NetworkClient(
                owner,
                directory,
                config.request_timeout_ms,
                config.reconnect_backoff_ms,
                config.reconnect_backoff_max_ms,
            )
            for _ in range(2)
        )
        self._metadata = ClientMetadata(
            owner, self._group_network, bootstrap, config.retry_backoff_ms, config.metadata_max_age_ms
        )
        self._fetch_network.on_disconnect = self._metadata.request_update
        self._metadata.listen(self._wake)
        self._metadata.request_update()
        self._fetcher = Fetcher(owner, config, self._fetch_network, self._metadata, self._subscriptions, self._wake)
        self._membership = Membership(
            owner, group_id, client_id, config, self._group_network, self._metadata, self._wake
        )
        self._timeouts: dict[int, Deadlines] = {}
        self._told: dict[TopicPartition, int] = {}
        self._waiting: Event | None = None
        self._next_auto_commit = owner.now + config.auto_commit_interval_ms * MILLISECOND

    def subscribe(self, topics: Iterable[str], listener: RebalanceListener | None = None) -> None:
        """Share these topics with the other members of the group."""
        self._subscriptions.topics = tuple(topics)
        self._listener = listener or self._listener
        self._membership.needs_join = True

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
        self._owned(partition).position = offset
        self._fetcher.forget(partition)

    def pause(self, partitions: Iterable[TopicPartition]) -> None:
        """Return no records of these partitions until resumed; ownership stays."""
        for partition in partitions:
            self._owned(partition).paused = True

    def resume(self, partitions: Iterable[TopicPartition]) -> None:
        """Undo `pause`."""
        for partition in partitions:
            self._owned(partition).paused = False

    def poll(
        self, timeout_ms: int = 1000, max_records: int | None = None
    ) -> Generator[Event, Any, list[ConsumerRecord]]:
        """Records in order per partition, at most max.poll.records; an empty list after the timeout."""
        slices = yield from self.poll_slices(timeout_ms, max_records)
        return [record for piece in slices for record in records_of(piece)]

    def poll_slices(self, timeout_ms: int = 1000, max_records: int | None = None) -> Generator[Event, Any, list[Slice]]:
        """Like `poll`, but parts of batches instead of single records: the way of capacity runs."""
        membership = self._membership
        membership.last_poll = self._owner.now
        membership.polling = True
        deadline = self._owner.now + timeout_ms * MILLISECOND
        limit = self.config.max_poll_records if max_records is None else max_records
        while True:
            yield from self._stay_member()
            yield from self._auto_commit()
            yield from self._find_positions()
            slices = self._fetcher.collect(limit)
            self._fetcher.send_fetches()
            if slices or self._owner.now >= deadline:
                break
            yield from self._wait(timeout_ms, deadline)
        membership.last_poll = self._owner.now
        membership.polling = False
        for piece in slices:
            self._owner.announce(RecordsDelivered(self.group_id, self.client_id, *piece))
        return slices

    def commit(self, offsets: Mapping[TopicPartition, int] | None = None) -> Generator[Event, Any, None]:
        """Store positions (or the given offsets) in the group, and wait for it. Raises CommitFailedError."""
        wanted = dict(self._subscriptions.positions() if offsets is None else offsets)
        if not wanted:
            return
        while True:
            error = yield from self._commit_once(wanted)
            if error is ErrorCode.NONE:
                return
            if error not in LOST_COORDINATOR:
                self._membership.needs_join = True
                if error is not ErrorCode.REBALANCE_IN_PROGRESS:
                    self._membership.forget()
                raise CommitFailedError(f"{self.client_id} cannot commit: {error.name}")
            yield self._owner.sleep(self.config.retry_backoff_ms * MILLISECOND)

    def committed(self, partitions: Sequence[TopicPartition]) -> Generator[Event, Any, dict[TopicPartition, int]]:
        """The group's committed offsets; partitions without one are left out."""
        while True:
            response = yield from self._membership.call(OffsetFetchRequest(self.group_id, partitions))
            if isinstance(response, OffsetFetchResponse) and response.error is ErrorCode.NONE:
                return response.offsets
            yield self._owner.sleep(self.config.retry_backoff_ms * MILLISECOND)

    def close(self) -> Generator[Event, Any, None]:
        """Commit if automatic, leave the group, hang up."""
        if self.config.enable_auto_commit and not self._membership.needs_join:
            yield from self._commit_once(self._subscriptions.positions())
        if self._subscriptions.topics:
            yield from self._membership.leave()
        self._own(())
        self._fetch_network.close()
        self._group_network.close()

    def _owned(self, partition: TopicPartition) -> Ownership:
        ownership = self._subscriptions.owned.get(partition)
        if ownership is None:
            raise ValueError(f"{self.client_id} does not own {partition}")
        return ownership

    def _own(self, partitions: Iterable[TopicPartition]) -> None:
        before = tuple(self._subscriptions.owned)
        self._subscriptions.assign(partitions)
        self._fetcher.keep_owned()
        after = tuple(self._subscriptions.owned)
        if before or after:
            self._owner.announce(PartitionsAssigned(self.group_id, self.client_id, self._membership.generation, after))

    def _stay_member(self) -> Poll:
        """Take part in a rebalance if there is one: eager, so everything is given up first."""
        while self._subscriptions.topics and self._membership.needs_join:
            if self._subscriptions.owned:
                if self.config.enable_auto_commit and self._membership.member_id:
                    yield from self._commit_once(self._subscriptions.positions())
                self._listener.on_partitions_revoked(tuple(self._subscriptions.owned))
                self._own(())
            assigned = yield from self._membership.join(self._subscriptions.topics)
            self._own(assigned)
            self._listener.on_partitions_assigned(assigned)

    def _auto_commit(self) -> Poll:
        """Every auto.commit.interval.ms, store what earlier polls returned.

        Source: clients/src/main/java/org/apache/kafka/clients/consumer/internals/ConsumerCoordinator.java
        Fidelity: approximate — poll() waits for the answer, Kafka's does not
        """
        if self.config.enable_auto_commit and self._subscriptions.topics and self._owner.now >= self._next_auto_commit:
            self._next_auto_commit = self._owner.now + self.config.auto_commit_interval_ms * MILLISECOND
            yield from self._commit_once(self._subscriptions.positions())

    def _commit_once(self, offsets: Mapping[TopicPartition, int]) -> Generator[Event, Any, ErrorCode]:
        if not offsets:
            return ErrorCode.NONE
        membership = self._membership
        generation = membership.generation if self._subscriptions.topics else -1
        request = OffsetCommitRequest(self.group_id, generation, membership.member_id, dict(offsets))
        response = yield from membership.call(request)
        error: ErrorCode = response.error
        if isinstance(response, OffsetCommitResponse) and error is ErrorCode.NONE:
            news = tuple(item for item in sorted(offsets.items()) if self._told.get(item[0]) != item[1])
            self._told.update(news)
            self._owner.announce(OffsetsCommitted(self.group_id, self.client_id, news))
        return error

    def _find_positions(self) -> Poll:
        """Committed offsets first, then auto.offset.reset for partitions without one, or out of range."""
        missing = self._subscriptions.missing_positions()
        if not missing:
            return
        unknown = [name for name in missing if name not in self._fetcher.out_of_range]
        if unknown and self.group_id:
            found = yield from self.committed(unknown)
            for name, offset in found.items():
                if name in self._subscriptions.owned:
                    self._subscriptions.owned[name].position = offset
        missing = self._subscriptions.missing_positions()
        if missing:
            if self.config.auto_offset_reset == "none":
                raise NoOffsetForPartitionError(f"no offset for {', '.join(map(str, missing))}")
            yield from self._reset(missing)

    def _reset(self, partitions: Sequence[TopicPartition]) -> Poll:
        earliest = self.config.auto_offset_reset == "earliest"
        by_leader: dict[int, list[TopicPartition]] = {}
        for name in partitions:
            by_leader.setdefault(self._metadata.leader(name), []).append(name)
        for leader, names in by_leader.items():
            if leader < 0:
                continue
            answered = self._owner.clock.event()
            self._fetch_network.request(leader, ListOffsetsRequest(names, earliest), answered.succeed)
            response = yield answered
            if isinstance(response, ListOffsetsResponse):
                self._take_offsets(response.offsets)
        if self._subscriptions.missing_positions():
            self._metadata.request_update()
            yield self._owner.sleep(self.config.retry_backoff_ms * MILLISECOND)

    def _take_offsets(self, offsets: Mapping[TopicPartition, int]) -> None:
        for name, offset in offsets.items():
            ownership = self._subscriptions.owned.get(name)
            if ownership is not None and ownership.position is None:
                ownership.position = offset
                self._fetcher.out_of_range.pop(name, None)
                self._owner.announce(PositionReset(self.group_id, name, offset))

    def _wait(self, timeout_ms: int, deadline: int) -> Poll:
        """Until something comes in, or the poll's time is up."""
        self._waiting = self._owner.clock.event()
        timeouts = self._timeouts.get(timeout_ms)
        if timeouts is None:
            timeouts = self._timeouts[timeout_ms] = Deadlines(self._owner, timeout_ms * MILLISECOND)
        timer = timeouts.book(self._wake) if deadline > self._owner.now else None
        yield self._waiting
        if timer is not None:
            timer.cancel()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.succeed()
