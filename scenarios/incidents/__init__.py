"""Well-known incidents, each with its cure."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "redelivery_storm",
    "idle_pods",
    "hot_key",
    "lopsided_assignment",
    "double_capture",
    "double_charge",
    "oscillating_lag",
)
