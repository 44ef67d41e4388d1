"""The high watermark of a leader never falls."""

from sim.observe.invariants.checker import Checker, Violations
from sim.observe.invariants.sighting import Sighting

__all__ = ["MonotoneHighWatermark"]


class MonotoneHighWatermark(Checker):
    """While one process leads a partition its high watermark only rises; as an epoch has one leader, so per epoch.

    More Kafka does not promise. A follower takes over what its leader says, and learns of a rise one fetch late: the
    watermark of a new leader may lie below the one that its predecessor had announced, until its followers have
    fetched from it. Meanwhile it tells consumers of no end below the start of its epoch (OFFSET_NOT_AVAILABLE), and
    nothing below the old watermark may be gone, which is the business of the committed prefix. A process that starts
    again begins with the checkpoint on its disk, up to five seconds old.
    """

    name = "monotone-high-watermark"

    def seen(self, time: int, before: Sighting | None, now: Sighting) -> Violations:
        """Compare with what was seen before of the same leader."""
        if before is not None and now.high_watermark < before.high_watermark and now.is_leader and before.is_leader:
            words = f"the high watermark of {now.name} falls from {before.high_watermark} to {now.high_watermark}"
            leads = f"broker {now.broker_id}, which leads it at epoch {now.leader_epoch}"
            return (self.violation(time, now.name, f"{words} on {leads}"),)
        return ()
