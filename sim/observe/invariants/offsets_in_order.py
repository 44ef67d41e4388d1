"""The four offsets of a replica stand in their order."""

from sim.observe.invariants.checker import Checker, Violations
from sim.observe.invariants.sighting import Sighting

__all__ = ["OffsetsInOrder"]


class OffsetsInOrder(Checker):
    """Log start offset <= last stable offset <= high watermark <= log end offset, on leaders and followers alike."""

    name = "offsets-in-order"

    def seen(self, time: int, _: Sighting | None, now: Sighting) -> Violations:
        """Look at a replica that has changed."""
        stable = now.log.last_stable_offset(now.high_watermark)
        if now.log_start_offset <= stable <= now.high_watermark <= now.log_end_offset:
            return ()
        offsets = f"log start {now.log_start_offset}, last stable offset {stable}, high watermark {now.high_watermark}"
        words = f"{now.name} on broker {now.broker_id} has {offsets} and log end {now.log_end_offset}, out of order"
        return (self.violation(time, now.name, words),)
