"""What people say of Kafka, and the run that refutes it."""

__all__ = ["MODULES"]

MODULES: tuple[str, ...] = ()
