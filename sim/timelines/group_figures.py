"""The figures of one step of a consumer group: who owned what and what was delivered, from callbacks and deliveries.

Times are milliseconds from the step's event. A member owns what its own callbacks say: from `assigned` until `revoked`
or `lost`, or until it is killed.
"""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import NamedTuple

from sim.rules.topics import TopicPartition

__all__ = [
    "COUNTS",
    "COUNTS_AFTER",
    "KILLED",
    "LOOK_BACK_MS",
    "TIMES",
    "Callback",
    "Delivery",
    "Figures",
    "Owners",
    "delivery_figures",
    "owner_figures",
]

LOOK_BACK_MS = 400.0
"""Deliveries count from so long before the event: the recorded gaps of members that die at once tell so."""

ASSIGNED, KILLED = "assigned", "killed"
COUNTS_AFTER = "counts_after"
"""How many partitions each member has after a step: a figure for each, with the member's name behind."""

TIMES = (
    "time_to_last_ownership_change",
    "time_to_last_callback",
    "ownerless_ms_max",
    "ownerless_ms_median",
    "double_owned_ms_max",
    "delivery_gap_ms_max",
    "delivery_gap_ms_median",
)
COUNTS = (
    "partitions_in_revoked_callbacks",
    "partitions_in_lost_callbacks",
    "partitions_with_new_owner",
    "partitions_moved_between_survivors",
    "ownerless_partitions",
    "duplicates_delivered",
)
Owners = Mapping[TopicPartition, frozenset[str]]
Figures = dict[str, float | None]


class Callback(NamedTuple):
    """A call of a member's listener: assigned, revoked or lost; or that the member was killed with these partitions."""

    time_ms: float
    member: str
    kind: str
    partitions: tuple[TopicPartition, ...]


class Delivery(NamedTuple):
    """A poll has returned records of a partition, so many of which had been delivered before."""

    time_ms: float
    partition: TopicPartition
    again: int


class Holding:
    """Who holds a partition during a step, for how long nobody did, and for how long at a stretch several did."""

    def __init__(self, owners: frozenset[str]) -> None:
        self.owners = owners
        self.ownerless_ms = self.double_ms = 0.0
        self._since_ms = 0.0

    def change(self, time_ms: float, owners: frozenset[str]) -> None:
        """From this time on it has these owners."""
        passed_ms = time_ms - self._since_ms
        if not self.owners:
            self.ownerless_ms += passed_ms
        if len(self.owners) > 1:
            self.double_ms = max(self.double_ms, passed_ms)
        if len(self.owners) < 2 or len(owners) < 2:
            self._since_ms = time_ms
        self.owners = owners


def owner_figures(
    before: Owners, callbacks: Sequence[Callback], window_ms: float, leaver: str = ""
) -> tuple[Figures, Owners]:
    """What a step did to ownership, and who owns what after it; `leaver` is who closes or is killed in this step."""
    held = {partition: Holding(owners) for partition, owners in before.items()}
    for time_ms, member, kind, partitions in callbacks:
        for holding in (held[partition] for partition in partitions):
            owners = holding.owners | {member} if kind == ASSIGNED else holding.owners - {member}
            holding.change(time_ms, owners)
    for holding in held.values():
        holding.change(window_ms, holding.owners)
    after = {partition: holding.owners for partition, holding in held.items()}
    renewed = [name for name, owners in after.items() if owners and before[name] and owners != before[name]]
    told = [callback for callback in callbacks if callback.kind != KILLED]
    ownerless = [holding.ownerless_ms for holding in held.values()]
    figures: Figures = {
        "time_to_last_ownership_change": _last(callback for callback in told if callback.partitions),
        "time_to_last_callback": _last(told),
        "partitions_in_revoked_callbacks": _count(told, "revoked"),
        "partitions_in_lost_callbacks": _count(told, "lost"),
        "partitions_with_new_owner": len(renewed),
        "partitions_moved_between_survivors": sum(bool(before[name] - {leaver}) for name in renewed),
        "ownerless_ms_max": max(ownerless),
        "ownerless_ms_median": median(ownerless),
        "ownerless_partitions": sum(time_ms > 0 for time_ms in ownerless),
        "double_owned_ms_max": max(holding.double_ms for holding in held.values()),
    }
    return figures, after


def delivery_figures(partitions: Iterable[TopicPartition], deliveries: Sequence[Delivery]) -> Figures:
    """The longest time between two deliveries of each partition, and records delivered again in the step itself."""
    times: dict[TopicPartition, list[float]] = {partition: [] for partition in partitions}
    for delivery in deliveries:
        times[delivery.partition].append(delivery.time_ms)
    gaps = [max((b - a for a, b in pairwise(found)), default=0.0) for found in times.values()]
    return {
        "delivery_gap_ms_max": max(gaps),
        "delivery_gap_ms_median": median(gaps),
        "duplicates_delivered": sum(delivery.again for delivery in deliveries if delivery.time_ms >= 0),
    }


def _last(callbacks: Iterable[Callback]) -> float | None:
    return max((callback.time_ms for callback in callbacks), default=None)


def _count(callbacks: Iterable[Callback], kind: str) -> int:
    return sum(len(callback.partitions) for callback in callbacks if callback.kind == kind)
