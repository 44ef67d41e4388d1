"""Well-known incidents, each with its cure."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "poison_pill",
    "head_of_line_blocking",
    "silent_loss",
    "shrunken_isr",
    "rebalance_loop",
    "catch_up",
    "isr_thrashing",
    "backpressure_cascade",
    "thundering_herd",
)
