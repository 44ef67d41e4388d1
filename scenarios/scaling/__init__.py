"""Throughput against partitions, brokers and consumers."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = ()
