"""The versions that a run depends on."""

import platform
from functools import cache
from importlib.metadata import version

__all__ = ["versions"]

PACKAGES = ("kafkasim", "simpy", "networkx", "numpy")


def versions() -> dict[str, str]:
    """Of this package, of those that decide how a run comes out, and of Python."""
    return {**{name: _installed(name) for name in PACKAGES}, "python": platform.python_version()}


@cache
def _installed(package: str) -> str:
    return version(package)
