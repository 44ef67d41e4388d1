"""Bugs on purpose, in rules and actors: each a function that breaks one thing as a tired programmer would."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from sim.actors.broker import partition as partition_module
from sim.actors.broker import produce_handler, replica_fetcher
from sim.actors.broker.partition import Partition
from sim.actors.broker.replica_fetcher import ReplicaFetcher
from sim.actors.consumer.fetch_buffer import CompletedFetch
from sim.actors.consumer.subscriptions import Ownership
from sim.actors.controller.replication_control import ReplicationControl
from sim.actors.coordinators.coordinator_shard import CoordinatorShard
from sim.actors.coordinators.group_timers import GroupTimers
from sim.actors.coordinators.transaction_marker_channel import TransactionMarkerChannel
from sim.actors.producer.accumulator import Accumulator
from sim.actors.producer.sender import Sender
from sim.rules.errors import ErrorCode
from sim.rules.groups.groups import ClassicGroup
from sim.rules.producer.producer_state_entry import ProducerStateEntry
from sim.rules.storage.log import Log

__all__ = ["BUGS"]

Patch = pytest.MonkeyPatch


def follower_truncates_to_its_high_watermark(patch: Patch) -> None:
    """As before KIP-101: a new follower cuts what it has above its own high watermark, and forgets its epochs."""
    right = ReplicaFetcher.add

    def add(fetcher: ReplicaFetcher, partition: Partition) -> None:
        partition.log.truncate_to(partition.high_watermark.value)
        right(fetcher, partition)

    patch.setattr(ReplicaFetcher, "add", add)


def follower_does_not_truncate(patch: Patch) -> None:
    """What the leader does not have stays where it is."""
    patch.setattr(ReplicaFetcher, "_cut", lambda *_: None)


def high_watermark_is_the_leaders_end(patch: Patch) -> None:
    """Nobody is waited for."""
    patch.setattr(partition_module, "next_high_watermark", lambda watermark, end, *_: max(watermark, end))


def high_watermark_forgets_one_follower(patch: Patch) -> None:
    """The slowest follower in sync is left out."""
    right = partition_module.next_high_watermark

    def next_high_watermark(watermark: int, end: int, followers: list[int], *rest: int) -> int:
        return right(watermark, end, sorted(followers)[1:], *rest)

    patch.setattr(partition_module, "next_high_watermark", next_high_watermark)


def followers_join_the_isr_at_once(patch: Patch) -> None:
    """A fetch is enough, however far behind."""
    patch.setattr(partition_module, "may_join_isr", lambda *_: True)


def acks_all_is_acks_1(patch: Patch) -> None:
    """The append is answered when the leader has it."""
    right = produce_handler.ProduceHandler.append

    def append(handler: Any, batches: Any, acks: int, *rest: Any, **more: Any) -> None:
        right(handler, batches, min(1, abs(acks)), *rest, **more)

    patch.setattr(produce_handler.ProduceHandler, "append", append)


def anybody_is_elected(patch: Patch) -> None:
    """Every election is as an unclean one, in any topic, and the in-sync replicas do not come first."""
    right = ReplicationControl.change

    def change(control: Any, name: Any, partition: Any, election: Any, **rest: Any) -> Any:
        changed = right(control, name, partition, election, **rest)
        if changed is None or changed.leader == partition.leader or changed.leader < 0:
            return changed
        alive = rest.get("alive") or control.image.is_active
        last = next((broker for broker in reversed(partition.replicas) if alive(broker)), changed.leader)
        return changed.__class__(
            *(last if field == "leader" else getattr(changed, field) for field in changed.__slots__)
        )

    patch.setattr(ReplicationControl, "change", change)


def sequence_numbers_are_not_looked_at(patch: Patch) -> None:
    """A batch that is sent again is written again."""
    patch.setattr(ProducerStateEntry, "duplicate_of", lambda *_: None)
    patch.setattr(ProducerStateEntry, "expects", lambda *_: True)


def retries_go_to_the_end_of_the_queue(patch: Patch) -> None:
    """A batch that comes back stands behind those that came after it."""

    def insert(accumulator: Accumulator, batch: Any) -> None:
        accumulator._queues[batch.partition].append(batch)
        accumulator.choice.count(batch.partition, 1)

    patch.setattr(Accumulator, "_insert", insert)
    patch.setattr(ProducerStateEntry, "expects", lambda *_: True)


def producer_takes_not_leader_for_success(patch: Patch) -> None:
    """An error that may be retried is told as an acknowledgement."""
    right = Sender._retry

    def retry(sender: Sender, batch: Any, error: ErrorCode) -> None:
        if error is ErrorCode.NOT_LEADER_OR_FOLLOWER:
            sender._acknowledge(-1, batch, -1)
        else:
            right(sender, batch, error)

    patch.setattr(Sender, "_retry", retry)


def readers_see_open_transactions(patch: Patch) -> None:
    """The last stable offset is the high watermark."""
    patch.setattr(Log, "end_for_consumers", lambda _, watermark, __: watermark)


def aborted_transactions_are_not_told(patch: Patch) -> None:
    """A reader of committed data is not told what was aborted."""
    patch.setattr(Log, "aborted_transactions", lambda *_: [])


def a_marker_is_written_to_one_partition_only(patch: Patch) -> None:
    """The others are crossed out as if they had it."""
    right = TransactionMarkerChannel._send

    def send(channel: Any, completion: Any, partitions: tuple[Any, ...]) -> None:
        for name in partitions[1:]:
            completion.metadata.remove_partition(name)
        right(channel, completion, partitions[:1])

    patch.setattr(TransactionMarkerChannel, "_send", send)


def coordinator_loads_nothing(patch: Patch) -> None:
    """After a change of leader groups and offsets are unknown."""

    def load(shard: CoordinatorShard, _: Partition) -> None:
        shard.classic.loaded()
        shard.consumer.loaded()
        shard.share.loaded()

    patch.setattr(CoordinatorShard, "load", load)


def any_generation_may_commit(patch: Patch) -> None:
    """A member that the group has gone on without still moves its offsets."""
    patch.setattr(ClassicGroup, "validate_commit", lambda *_, **__: None)


def sessions_never_expire(patch: Patch) -> None:
    """A member that is dead keeps its partitions."""
    patch.setattr(GroupTimers, "expect_heartbeat", lambda *_: None)


def a_reader_skips_a_record(patch: Patch) -> None:
    """From a committed offset it goes on one record too late."""
    right = Ownership.seek

    def seek(ownership: Ownership, offset: int) -> None:
        right(ownership, offset + 1 if offset else offset)

    patch.setattr(Ownership, "seek", seek)


def a_fetch_hands_out_its_last_batch_only(patch: Patch) -> None:
    """What came before it in the same response is dropped."""
    right = CompletedFetch.__init__

    def init(fetch: CompletedFetch, *arguments: Any) -> None:
        right(fetch, *arguments)
        while len(fetch.batches) > 1:
            fetch.next_offset = fetch.batches.popleft().next_offset

    patch.setattr(CompletedFetch, "__init__", init)


def a_restart_loses_the_last_batch(patch: Patch) -> None:
    """The tail of a log is not read when its broker starts again."""
    right = Log.reopen

    def reopen(log: Log, *arguments: Any) -> None:
        batches = list(log.batches())
        if batches:
            log.truncate_to(batches[-1].base_offset)
        right(log, *arguments)

    patch.setattr(Log, "reopen", reopen)


def followers_acknowledge_one_batch_too_much(patch: Patch) -> None:
    """A follower that fetches from an offset is taken to have what it is about to get."""
    right = Partition.follower_fetched

    def fetched(partition: Partition, broker_id: int, fetch_offset: int, *rest: Any) -> bool:
        return right(partition, broker_id, partition.log.log_end_offset, *rest) or fetch_offset < 0

    patch.setattr(Partition, "follower_fetched", fetched)


def a_diverging_epoch_is_taken_for_data(patch: Patch) -> None:
    """A follower goes on behind its own tail."""
    patch.setattr(replica_fetcher, "truncation_offset", _keep_all)


class _Cut:
    def __init__(self, offset: int) -> None:
        self.offset = offset


def _keep_all(_: Any, log_end_offset: int, *__: Any) -> _Cut:
    return _Cut(log_end_offset)


BUGS: Mapping[str, Callable[[Patch], None]] = {
    bug.__name__: bug
    for bug in (
        follower_truncates_to_its_high_watermark,
        follower_does_not_truncate,
        high_watermark_is_the_leaders_end,
        high_watermark_forgets_one_follower,
        followers_join_the_isr_at_once,
        acks_all_is_acks_1,
        anybody_is_elected,
        sequence_numbers_are_not_looked_at,
        retries_go_to_the_end_of_the_queue,
        producer_takes_not_leader_for_success,
        readers_see_open_transactions,
        aborted_transactions_are_not_told,
        a_marker_is_written_to_one_partition_only,
        coordinator_loads_nothing,
        any_generation_may_commit,
        sessions_never_expire,
        a_reader_skips_a_record,
        a_fetch_hands_out_its_last_batch_only,
        a_restart_loses_the_last_batch,
        followers_acknowledge_one_batch_too_much,
        a_diverging_epoch_is_taken_for_data,
    )
}
