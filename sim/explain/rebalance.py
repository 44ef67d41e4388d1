"""Why a group rebalanced, and for how long partitions had no owner."""

from typing import TYPE_CHECKING

from sim.explain.chain import Chain, Link
from sim.explain.ownership import Gap, cause_of, gaps, told
from sim.rules.topics import TopicPartition

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["rebalance"]


def rebalance(run: "Run", at_s: float | None = None) -> Chain:
    """The chain behind the longest time without an owner, or behind that at a time."""
    found = [
        (gap.end_s - gap.begin_s, group_id, name, gap)
        for group_id, name, gap in _all(run)
        if at_s is None or gap.begin_s <= at_s <= gap.end_s
    ]
    if not found:
        what = "No group rebalanced once all its members were there"
        return Chain("rebalance", "none", (Link(0.0, what, "PartitionsAssigned"),))
    length_s, group_id, name, gap = max(found, key=lambda each: each[0])
    gap = cause_of(run, group_id, gap)
    without = sum(each == group_id and abs(other.begin_s - gap.begin_s) < 1 for _, each, _, other in found)
    subject = f"{name}" if without < 2 else f"{name} and {without - 1} more"
    links, remedy = told(run, group_id, subject, gap)
    first = Link(gap.end_s, f"Group {group_id} rebalanced, and was done with it at {gap.end_s:.1f} s", "GroupChanged")

    def measure(other: "Run") -> float:
        lengths = [each.end_s - each.begin_s for each in gaps(other, group_id, name)]
        return max(lengths, default=0.0)

    return Chain("rebalance", gap.cause, (first, *links), remedy, measure, weight_s=length_s)


def _all(run: "Run") -> list[tuple[str, TopicPartition, Gap]]:
    return [
        (group.group_id, name, gap)
        for group in run.flight.plan.groups
        for name in run.flight.cluster.partitions()
        if name.topic in group.topics
        for gap in gaps(run, group.group_id, name)
    ]
