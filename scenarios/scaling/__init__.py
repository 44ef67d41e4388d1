"""Throughput against partitions, brokers and consumers."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = (
    "partitions_and_consumers",
    "brokers_scaling",
    "batching_frontier",
    "bulk_ingest",
    "too_many_partitions",
)
