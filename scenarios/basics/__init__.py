"""First flights: topics, offsets, groups, failures, delivery semantics."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "hello_topic",
    "broker_failure",
    "rebalance",
    "rebalance_protocols",
    "delivery_semantics",
)
