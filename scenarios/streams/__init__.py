"""Stream processing beside Kafka: micro-batches, checkpoints, windows, state, warehouses."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "event_time_replay",
    "micro_batches",
    "aligned_checkpoints",
    "exactly_once_cost",
    "repartition_join",
    "state_restore",
    "windowed_fraud",
    "warehouse_sink",
)
