"""Stream processing beside Kafka: micro-batches, checkpoints, windows, state, warehouses."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "event_time_replay",
    "windowed_fraud",
    "repartition_join",
    "micro_batches",
    "warehouse_sink",
    "exactly_once_cost",
    "aligned_checkpoints",
    "state_restore",
)
