"""The timers of a coordinator's groups, replaced and cancelled by name."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from sim.machine.clock import MILLISECOND
from sim.machine.deadlines import Deadline, Deadlines

if TYPE_CHECKING:
    from sim.actors.broker.broker import Broker

__all__ = ["GroupTimers"]


class GroupTimers:
    """At most one heartbeat and one revocation timer per member and one join and one sync timer per group.

    Source: coordinator-common/src/main/java/org/apache/kafka/coordinator/common/runtime/CoordinatorTimer.java
    Fidelity: exact
    """

    def __init__(self, broker: "Broker") -> None:
        self._broker = broker
        self._queues: dict[int, Deadlines] = {}
        self._timers: dict[tuple[str, ...], Deadline] = {}

    def expect_heartbeat(self, group_id: str, member_id: str, timeout_ms: int, expired: Callable[[], None]) -> None:
        """Call back unless the member is heard of again in time."""
        self._book(("heartbeat", group_id, member_id), timeout_ms, expired)

    def cancel_heartbeat(self, group_id: str, member_id: str) -> None:
        """The member is gone."""
        self._cancel(("heartbeat", group_id, member_id))

    def expect_join(self, group_id: str, timeout_ms: int, expired: Callable[[], None]) -> None:
        """Call back when the joining has lasted too long, or the initial delay is over."""
        self._book(("join", group_id), timeout_ms, expired)

    def cancel_join(self, group_id: str) -> None:
        """The joining is over."""
        self._cancel(("join", group_id))

    def expect_sync(self, group_id: str, timeout_ms: int, expired: Callable[[], None]) -> None:
        """Call back when members have not asked for their assignment in time."""
        self._book(("sync", group_id), timeout_ms, expired)

    def cancel_sync(self, group_id: str) -> None:
        """A new rebalance begins."""
        self._cancel(("sync", group_id))

    def expect_revocation(self, group_id: str, member_id: str, timeout_ms: int, expired: Callable[[], None]) -> None:
        """Call back when a member of a consumer group has not given up in time what it must."""
        self._book(("revocation", group_id, member_id), timeout_ms, expired)

    def cancel_revocation(self, group_id: str, member_id: str) -> None:
        """The member has given up what it must, or is gone."""
        self._cancel(("revocation", group_id, member_id))

    def cancel_all(self) -> None:
        """The groups are coordinated elsewhere."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _book(self, key: tuple[str, ...], timeout_ms: int, expired: Callable[[], None]) -> None:
        self._cancel(key)
        queue = self._queues.get(timeout_ms)
        if queue is None:
            queue = self._queues[timeout_ms] = Deadlines(self._broker, timeout_ms * MILLISECOND)
        self._timers[key] = queue.book(expired)

    def _cancel(self, key: tuple[str, ...]) -> None:
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()
