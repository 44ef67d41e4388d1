"""What is kept, for how long, and read again."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = ("compaction_as_a_table", "reprocessing", "slow_reader_loses_data")
