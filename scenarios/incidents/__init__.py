"""Well-known incidents, each with its cure."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "idle_pods",
    "hot_key",
    "lopsided_assignment",
    "poison_pill",
    "head_of_line_blocking",
    "catch_up",
    "silent_loss",
    "shrunken_isr",
    "rebalance_loop",
    "isr_thrashing",
    "backpressure_cascade",
    "thundering_herd",
    "redelivery_storm",
    "double_capture",
    "double_charge",
    "oscillating_lag",
)
