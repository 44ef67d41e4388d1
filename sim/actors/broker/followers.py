"""What the leader of a partition knows of the other replicas.

Source: core/src/main/scala/kafka/cluster/Partition.scala remoteReplicasMap
Fidelity: exact
"""

from collections.abc import Callable, Collection, Iterable
from typing import TYPE_CHECKING

from sim.rules.errors import ErrorCode
from sim.rules.replication.high_watermark import bounds_high_watermark
from sim.rules.replication.isr import FollowerState, broker_epoch_eligible, is_stale_fetch, isr_decision

if TYPE_CHECKING:
    from sim.actors.broker.fetch_session import FetchSession

__all__ = ["AliveEpoch", "Followers"]

AliveEpoch = Callable[[int], int | None]


class Followers(dict[int, FollowerState]):
    """Followers by broker id, and which of them hold the high watermark back; empty while another broker leads.

    `alive_epoch` tells the broker epoch of a broker that is registered, not fenced and not shutting down, None for
    any other.
    """

    __slots__ = ("_bounding", "alive_epoch", "replica_lag_time_max_ms")

    def __init__(self, alive_epoch: AliveEpoch, replica_lag_time_max_ms: int) -> None:
        super().__init__()
        self.alive_epoch = alive_epoch
        self.replica_lag_time_max_ms = replica_lag_time_max_ms
        self._bounding: tuple[FollowerState, ...] = ()

    def assign(self, brokers: Collection[int]) -> None:
        """A reassignment adds followers, of whom nothing is known yet, or takes some away."""
        for broker_id in brokers:
            if broker_id not in self:
                self[broker_id] = FollowerState(broker_id)
        for broker_id in [known for known in self if known not in brokers]:
            del self[broker_id]

    def begin_epoch(self, isr: Collection[int], now_ms: int, leader_end_offset: int, is_new_leader: bool) -> None:
        """Start over in a new leader epoch; a leader that stays keeps the end offsets that it knows."""
        for broker_id, state in self.items():
            state.reset(now_ms, leader_end_offset, is_new_leader, broker_id in isr)

    def resign(self) -> None:
        """Another broker leads: nothing is known any more."""
        self.clear()
        self._bounding = ()

    def bound_by(self, maximal_isr: Collection[int]) -> None:
        """The ISR has changed; looked up once per change, for the high watermark asks at every append."""
        self._bounding = tuple(state for broker_id, state in self.items() if broker_id in maximal_isr)

    def bounding_end_offsets(self, leader_end_offset: int, now_ms: int) -> list[int]:
        """End offsets that the high watermark must not pass: of the ISR, and of those about to join it."""
        end_offsets = [state.log_end_offset for state in self._bounding]
        if len(self._bounding) < len(self):
            end_offsets += self._joining_end_offsets(leader_end_offset, now_ms)
        return end_offsets

    def _joining_end_offsets(self, leader_end_offset: int, now_ms: int) -> list[int]:
        """End offsets of followers outside the ISR that must not be outrun."""
        return [
            state.log_end_offset
            for state in self.values()
            if state not in self._bounding
            and bounds_high_watermark(
                False,
                state.is_caught_up(leader_end_offset, now_ms, self.replica_lag_time_max_ms),
                self.is_eligible(state),
            )
        ]

    def out_of_sync(
        self, isr: Collection[int], leader_end_offset: int, high_watermark: int, now_ms: int
    ) -> tuple[int, ...]:
        """The members of the ISR that have been behind for longer than allowed."""
        return tuple(
            state.broker_id
            for state in self.values()
            if isr_decision(
                now_ms=now_ms,
                leader_leo=leader_end_offset,
                follower_leo=state.log_end_offset,
                last_caught_up_ms=state.last_caught_up_ms,
                replica_lag_time_max_ms=self.replica_lag_time_max_ms,
                in_isr=state.broker_id in isr,
                leader_hw=high_watermark,
                leader_epoch_start_offset=None,
            )
            == "shrink"
        )

    def is_eligible(self, state: FollowerState) -> bool:
        """Whether this life of the follower's broker may be in the ISR."""
        return broker_epoch_eligible(state.broker_epoch, self.alive_epoch(state.broker_id))

    def refuses_fetch(self, broker_id: int, broker_epoch: int) -> ErrorCode | None:
        """Why a follower's fetch counts for nothing: it is no replica here, or an earlier life of that broker."""
        if broker_id not in self:
            return ErrorCode.UNKNOWN_LEADER_EPOCH
        stale = is_stale_fetch(broker_epoch, self.alive_epoch(broker_id))
        return ErrorCode.NOT_LEADER_OR_FOLLOWER if stale else None

    def refresh_idle(self, leader_end_offset: int, sessions: "Iterable[FetchSession]") -> None:
        """A follower level with a quiet log was caught up at its session's last fetch, which did not name it."""
        for session in sessions:
            state = self.get(session.replica_id)
            if state is not None and state.log_end_offset == leader_end_offset:
                state.last_caught_up_ms = max(state.last_caught_up_ms, session.last_fetch_ms)
