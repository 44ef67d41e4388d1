"""Throughput against partitions, brokers and consumers."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = ("partitions_and_consumers", "brokers_scaling", "batching_frontier", "too_many_partitions")
