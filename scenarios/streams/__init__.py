"""Stream processing beside Kafka: micro-batches, checkpoints, windows, state, warehouses."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "event_time_replay",
    "micro_batches",
    "aligned_checkpoints",
    "repartition_join",
    "state_restore",
    "windowed_fraud",
    "warehouse_sink",
)
