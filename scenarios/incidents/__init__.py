"""Well-known incidents, each with its cure."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = ("redelivery_storm",)
