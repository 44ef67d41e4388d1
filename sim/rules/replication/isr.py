"""Who is in sync: what a leader knows of its followers, and when the ISR shrinks or grows."""

from typing import Literal

__all__ = [
    "LONG_AGO_MS",
    "FollowerState",
    "IsrAction",
    "broker_epoch_eligible",
    "is_out_of_sync",
    "is_stale_fetch",
    "isr_decision",
    "may_join_isr",
]

IsrAction = Literal["shrink", "expand", "none"]

UNKNOWN_OFFSET = -1

LONG_AGO_MS = -(2**62)
"""Where Kafka writes 0, the beginning of 1970: time here may begin at 0, when a follower was not caught up."""


class FollowerState:
    """What the leader remembers of one follower; only the follower's fetches change it.

    Source: server/src/main/java/org/apache/kafka/server/replica/Replica.java, ReplicaState.java
    Fidelity: exact
    """

    __slots__ = (
        "broker_epoch",
        "broker_id",
        "last_caught_up_ms",
        "last_fetch_leader_end_offset",
        "last_fetch_ms",
        "log_end_offset",
        "log_start_offset",
    )

    def __init__(self, broker_id: int) -> None:
        self.broker_id = broker_id
        self.log_end_offset = UNKNOWN_OFFSET
        self.log_start_offset = UNKNOWN_OFFSET
        self.last_caught_up_ms = LONG_AGO_MS
        self.last_fetch_ms = LONG_AGO_MS
        self.last_fetch_leader_end_offset = 0
        self.broker_epoch: int | None = None

    def fetched(
        self,
        fetch_offset: int,
        now_ms: int,
        leader_end_offset: int,
        broker_epoch: int = -1,
        log_start_offset: int = UNKNOWN_OFFSET,
    ) -> None:
        """Notes a fetch: its offset acknowledges everything below, and may prove that the follower had caught up."""
        if fetch_offset >= leader_end_offset:
            self.last_caught_up_ms = max(self.last_caught_up_ms, now_ms)
        elif fetch_offset >= self.last_fetch_leader_end_offset:
            self.last_caught_up_ms = max(self.last_caught_up_ms, self.last_fetch_ms)
        self.log_start_offset = log_start_offset
        self.log_end_offset = fetch_offset
        self.last_fetch_leader_end_offset = max(leader_end_offset, self.last_fetch_leader_end_offset)
        self.last_fetch_ms = now_ms
        self.broker_epoch = broker_epoch

    def is_caught_up(self, leader_end_offset: int, now_ms: int, replica_lag_time_max_ms: int) -> bool:
        """Whether the follower has the leader's end offset, or had it recently enough."""
        return leader_end_offset == self.log_end_offset or now_ms - self.last_caught_up_ms <= replica_lag_time_max_ms

    def reset(self, now_ms: int, leader_end_offset: int, is_new_leader: bool, is_in_sync: bool) -> None:
        """Starts over when this broker becomes leader, or is made leader again in a new epoch."""
        self.last_caught_up_ms = now_ms if is_in_sync else LONG_AGO_MS
        if is_new_leader:
            self.log_start_offset = UNKNOWN_OFFSET
            self.log_end_offset = UNKNOWN_OFFSET
            self.last_fetch_leader_end_offset = UNKNOWN_OFFSET
            self.last_fetch_ms = LONG_AGO_MS
            self.broker_epoch = None
        else:
            self.last_fetch_leader_end_offset = leader_end_offset
            self.last_fetch_ms = now_ms if is_in_sync else LONG_AGO_MS


def is_stale_fetch(broker_epoch: int, alive_broker_epoch: int | None) -> bool:
    """Whether a fetch comes from an earlier life of the follower; -1 is never checked.

    Source: server/src/main/java/org/apache/kafka/server/replica/Replica.java updateFetchStateOrThrow
    Fidelity: exact
    """
    return broker_epoch != -1 and alive_broker_epoch is not None and alive_broker_epoch > broker_epoch


def broker_epoch_eligible(fetched_broker_epoch: int | None, alive_broker_epoch: int | None) -> bool:
    """Whether the follower that fetched is the registered one, as joining the ISR demands.

    Source: core/src/main/scala/kafka/cluster/Partition.scala isBrokerEpochIsrEligible
    Fidelity: exact
    """
    if fetched_broker_epoch is None or alive_broker_epoch is None:
        return False
    return fetched_broker_epoch in (-1, alive_broker_epoch)


def is_out_of_sync(
    leader_end_offset: int,
    follower_end_offset: int,
    last_caught_up_ms: int,
    now_ms: int,
    replica_lag_time_max_ms: int,
) -> bool:
    """Whether a follower in the ISR must leave it: it is behind, and has been so for longer than allowed.

    Source: core/src/main/scala/kafka/cluster/Partition.scala isFollowerOutOfSync
    Fidelity: exact
    """
    return leader_end_offset != follower_end_offset and now_ms - last_caught_up_ms > replica_lag_time_max_ms


def may_join_isr(
    follower_end_offset: int,
    high_watermark: int,
    leader_epoch_start_offset: int | None,
    fenced: bool = False,
    shutting_down: bool = False,
    broker_epoch_matches: bool = True,
) -> bool:
    """Whether a follower outside the ISR may join it: it has all committed records and some of this leader's epoch.

    It need not have reached the leader's end. `leader_epoch_start_offset` is None before the leader knows it.

    Source: core/src/main/scala/kafka/cluster/Partition.scala isFollowerInSync, isReplicaIsrEligible
    Fidelity: exact
    """
    if fenced or shutting_down or not broker_epoch_matches or leader_epoch_start_offset is None:
        return False
    return follower_end_offset >= high_watermark and follower_end_offset >= leader_epoch_start_offset


def isr_decision(
    *,
    now_ms: int,
    leader_leo: int,
    follower_leo: int,
    last_caught_up_ms: int,
    replica_lag_time_max_ms: int,
    in_isr: bool,
    leader_hw: int,
    leader_epoch_start_offset: int | None,
    fenced: bool = False,
    shutting_down: bool = False,
    isr_change_in_flight: bool = False,
    broker_epoch_matches: bool = True,
) -> IsrAction:
    """What the leader does about one follower: remove it, add it, or nothing while a change is in flight.

    Source: core/src/main/scala/kafka/cluster/Partition.scala getOutOfSyncReplicas, needsExpandIsr
    Fidelity: exact
    """
    if isr_change_in_flight:
        return "none"
    if in_isr:
        lagging = is_out_of_sync(leader_leo, follower_leo, last_caught_up_ms, now_ms, replica_lag_time_max_ms)
        return "shrink" if lagging else "none"
    joins = may_join_isr(
        follower_leo, leader_hw, leader_epoch_start_offset, fenced, shutting_down, broker_epoch_matches
    )
    return "expand" if joins else "none"
