"""What is announced of applications."""

from dataclasses import dataclass

__all__ = ["AppFailed", "AppStarted", "AppStopped"]


@dataclass(frozen=True, slots=True)
class AppStarted:
    """An application's process begins to run."""

    app: str


@dataclass(frozen=True, slots=True)
class AppFailed:
    """An application has not caught an error of its client and dies of it."""

    app: str
    error: str


@dataclass(frozen=True, slots=True)
class AppStopped:
    """An application's process is gone; `finished` when it came to its own end."""

    app: str
    finished: bool
