"""One replica of a partition on one broker and, while it leads, what it knows of its followers.

Source: core/src/main/scala/kafka/cluster/Partition.scala
Fidelity: approximate — no replica moves from one log directory to another
"""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from sim.actors.broker.followers import AliveEpoch, Followers
from sim.machine.watermark import Watermark
from sim.rules.config.topic import TopicConfig
from sim.rules.controller.election import PartitionRegistration
from sim.rules.errors import ErrorCode
from sim.rules.producer.producer_state_entry import AppendOrigin, VerificationState
from sim.rules.protocol.messages import FetchData
from sim.rules.replication.alter_partition import ProposedIsr, proposed_isr
from sim.rules.replication.high_watermark import acks_all_refusal, follower_high_watermark, next_high_watermark
from sim.rules.replication.isr import may_join_isr
from sim.rules.storage.batch import RecordBatch
from sim.rules.storage.cleaner import has_keys
from sim.rules.storage.log import AppendResult, Log
from sim.rules.storage.offset_lookup import EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, FoundOffset, offset_for_timestamp
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.actors.broker.fetch_session import FetchSession

__all__ = ["Partition"]

QUIET_MS = 500  # a follower level with the log fetches again within replica.fetch.wait.max.ms, without naming it


class Partition:
    """A replica: its log survives the process, the rest is learnt anew from metadata and fetches.

    `changed` is called when log, high watermark or registration may be others than before.
    """

    __slots__ = (
        "broker_id",
        "changed",
        "config",
        "consumers",
        "epoch_start_offset",
        "followers",
        "high_watermark",
        "last_append_ms",
        "log",
        "name",
        "proposal",
        "registration",
        "replicators",
    )

    def __init__(
        self,
        name: TopicPartition,
        broker_id: int,
        log: Log,
        config: TopicConfig,
        replica_lag_time_max_ms: int,
        alive_epoch: AliveEpoch,
        checkpoint: int,
        changed: Callable[[], None] = lambda: None,
    ) -> None:
        self.name = name
        self.broker_id = broker_id
        self.changed = changed
        self.log = log
        self.config = config
        self.registration = PartitionRegistration((), (), -1, -1, -1)
        self.high_watermark = Watermark(follower_high_watermark(checkpoint, log.log_start_offset, log.log_end_offset))
        log.on_high_watermark_updated(self.high_watermark.value)
        self.followers = Followers(alive_epoch, replica_lag_time_max_ms)
        self.proposal: ProposedIsr | None = None
        self.epoch_start_offset: int | None = None
        self.last_append_ms = 0
        self.replicators: list[FetchSession] = []
        self.consumers: list[FetchSession] = []

    @property
    def is_leader(self) -> bool:
        """Whether this broker leads the partition, as far as it knows."""
        return self.registration.leader == self.broker_id

    @property
    def isr(self) -> tuple[int, ...]:
        """The committed in-sync replicas, as far as this broker knows."""
        return self.registration.isr

    @property
    def maximal_isr(self) -> tuple[int, ...]:
        """The ISR and whoever is about to join it; a member about to leave still counts."""
        isr = self.registration.isr
        if self.proposal is None:
            return isr
        return isr + tuple(broker for broker in self.proposal.isr if broker not in isr)

    def lead(self, registration: PartitionRegistration, now_ms: int) -> None:
        """Take over, or go on, as leader of the epoch in the registration."""
        was_leader = self.is_leader
        new_epoch = registration.leader_epoch > self.registration.leader_epoch
        self.registration = registration
        self.followers.assign([broker for broker in registration.replicas if broker != self.broker_id])
        if new_epoch:
            self.epoch_start_offset = self.log.log_end_offset
            self.log.leader_epochs.assign(registration.leader_epoch, self.epoch_start_offset)
            self.followers.begin_epoch(registration.isr, now_ms, self.log.log_end_offset, not was_leader)
        self._commit_isr(now_ms)

    def isr_confirmed(self, isr: tuple[int, ...], partition_epoch: int, now_ms: int) -> None:
        """The controller has accepted a new ISR; the metadata log will repeat it. An older answer changes nothing."""
        if partition_epoch >= self.registration.partition_epoch:
            self.registration = replace(self.registration, isr=isr, partition_epoch=partition_epoch)
            self._commit_isr(now_ms)

    def _commit_isr(self, now_ms: int) -> None:
        self.proposal = None
        self.changed()
        self.followers.bound_by(self.maximal_isr)
        for session in self.replicators:
            if session.replica_id not in self.registration.isr:
                session.outside[self.name] = None
        self.advance_high_watermark(now_ms)

    def follow(self, registration: PartitionRegistration) -> list[Callable[[], None]]:
        """Stop leading, if it did; returns the callbacks of those who waited for the high watermark."""
        self.registration = registration
        self.proposal = None
        self.epoch_start_offset = None
        self.followers.resign()
        self.changed()
        return self.high_watermark.abandon()

    def take_high_watermark(self, leader_high_watermark: int) -> None:
        """As a follower: what the leader says, or after a truncation what is left of it."""
        log = self.log
        value = follower_high_watermark(leader_high_watermark, log.log_start_offset, log.log_end_offset)
        log.on_high_watermark_updated(value)
        self.changed()
        if value < self.high_watermark.value:
            self.high_watermark = Watermark(value)
        elif value > self.high_watermark.value:
            self.high_watermark.advance(value)
            for session in tuple(self.consumers):
                session.tell(self.name)

    def end_for(self, session: "FetchSession") -> int:
        """How far a session may read: a follower to the end, a consumer what is committed, or what is decided, too.

        Source: storage/src/main/java/org/apache/kafka/storage/internals/log/UnifiedLog.java read
        Fidelity: exact
        """
        if session.replica_id >= 0:
            return self.log.log_end_offset
        return self.log.end_for_consumers(self.high_watermark.value, session.read_committed)

    def read(self, session: "FetchSession", offset: int, end: int, max_bytes: int, min_one: bool) -> FetchData:
        """Batches below `end` for a session, and for read_committed which transactions in them were aborted.

        Raises OffsetOutOfRangeError.
        """
        log = self.log
        read = log.read(offset, max_bytes, end, min_one)
        size_bytes = read.size_bytes if read.batches else 0
        data = FetchData(ErrorCode.NONE, self.high_watermark.value, log.log_start_offset, read.batches, size_bytes)
        if session.read_committed:
            data.aborted = log.aborted_transactions(offset, read)
        return data

    def offset_for(self, timestamp_ms: int, *, read_committed: bool = False) -> FoundOffset | ErrorCode:
        """The offset that a consumer asks for; of the end none while the watermark lags behind this leader's epoch.

        Source: core/src/main/scala/kafka/cluster/Partition.scala fetchOffsetForTimestamp
        Fidelity: exact
        """
        if not self.is_leader:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        log, watermark = self.log, self.high_watermark.value
        if timestamp_ms == EARLIEST_TIMESTAMP:
            return FoundOffset(log.log_start_offset)
        end = log.end_for_consumers(watermark, read_committed)
        if timestamp_ms != LATEST_TIMESTAMP:
            found = offset_for_timestamp(log, timestamp_ms)
            if found is None or found.offset < end:
                return found or FoundOffset(-1)
        lags = self.epoch_start_offset is not None and self.epoch_start_offset > watermark
        if lags:
            return ErrorCode.OFFSET_NOT_AVAILABLE
        is_latest = timestamp_ms == LATEST_TIMESTAMP
        return FoundOffset(end, -1, self.registration.leader_epoch) if is_latest else FoundOffset(-1)

    def append(
        self,
        batch: RecordBatch,
        acks: int,
        now_ms: int,
        origin: AppendOrigin = AppendOrigin.CLIENT,
        transaction_version: int = 0,
        verification: VerificationState | None = None,
    ) -> AppendResult | ErrorCode:
        """Append a producer's batch, or a coordinator's, as leader, or refuse it.

        Raises what `Log.append_as_leader` raises.
        """
        if not self.is_leader:
            return ErrorCode.NOT_LEADER_OR_FOLLOWER
        if acks == -1:
            refusal = acks_all_refusal(
                len(self.registration.isr), self.config.min_insync_replicas, len(self.registration.replicas)
            )
            if refusal is not None:
                return refusal
        if "compact" in self.config.cleanup_policy and not has_keys(batch):
            return ErrorCode.INVALID_RECORD
        if now_ms - self.last_append_ms > QUIET_MS:
            self.followers.refresh_idle(self.log.log_end_offset, self.replicators)
        self.last_append_ms = now_ms
        leader_epoch = self.registration.leader_epoch
        result = self.log.append_as_leader(batch, leader_epoch, origin, transaction_version, verification)
        if not result.duplicate:
            self.changed()
            self.log.flush_if_due(self.config.flush_messages, now_ms)
        self.advance_high_watermark(now_ms)
        if not result.duplicate:
            for session in tuple(self.replicators):
                session.tell(self.name)
        return result

    def advance_high_watermark(self, now_ms: int) -> None:
        """Raise the high watermark as far as the followers allow and wake who waits for it."""
        registration = self.registration
        log_end_offset = self.log.log_end_offset
        watermark = next_high_watermark(
            self.high_watermark.value,
            log_end_offset,
            self.followers.bounding_end_offsets(log_end_offset, now_ms),
            len(registration.isr),
            self.config.min_insync_replicas,
            len(registration.replicas),
        )
        if watermark > self.high_watermark.value:
            self.log.on_high_watermark_updated(watermark)
            self.high_watermark.advance(watermark)
            self.changed()
            for session in self.replicators:
                session.news[self.name] = None
            for session in tuple(self.consumers):
                session.tell(self.name)

    def log_start_raised(self) -> None:
        """The log begins later: followers are told so next, and readers that stand below it are refused."""
        self.changed()
        for session in (*self.replicators, *self.consumers):
            session.news[self.name] = None
            if session.replica_id >= 0:
                session.told_watermarks.pop(self.name, None)

    def follower_fetched(
        self, broker_id: int, fetch_offset: int, now_ms: int, broker_epoch: int, log_start_offset: int = -1
    ) -> bool:
        """Note a follower's fetch of records that this log has; True when its end offset has changed."""
        state = self.followers[broker_id]
        before = state.log_end_offset
        end_offset = self.log.log_end_offset
        state.fetched(fetch_offset, now_ms, end_offset, broker_epoch, log_start_offset)
        return fetch_offset != before

    def may_expand(self, broker_id: int) -> bool:
        """Whether a follower should be proposed for the ISR now."""
        state = self.followers[broker_id]
        if broker_id in self.registration.isr or self.proposal is not None:
            return False
        return self.followers.is_eligible(state) and may_join_isr(
            state.log_end_offset, self.high_watermark.value, self.epoch_start_offset
        )

    def out_of_sync(self, now_ms: int) -> tuple[int, ...]:
        """Members of the ISR that have been behind for too long; none while a change is in flight."""
        if not self.is_leader or self.proposal is not None:
            return ()
        return self.followers.out_of_sync(self.isr, self.log.log_end_offset, self.high_watermark.value, now_ms)

    def propose_isr(self, isr: tuple[int, ...], broker_epoch: int) -> ProposedIsr:
        """Remember a change that the controller has not confirmed; the watermark already respects it."""
        followers = {broker: state.broker_epoch for broker, state in self.followers.items()}
        self.proposal = proposed_isr(self.registration, isr, {**followers, self.broker_id: broker_epoch})
        self.followers.bound_by(self.maximal_isr)
        return self.proposal

    def forget_proposal(self) -> None:
        """The controller has refused, so that the committed ISR stands."""
        self.proposal = None
        self.followers.bound_by(self.maximal_isr)
