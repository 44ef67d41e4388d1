"""What is kept, for how long, and read again."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = ()
