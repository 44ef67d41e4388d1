"""Packages that only experiments need: asked for by name before any work begins."""

from importlib.util import find_spec

from sim.rules.errors import ConfigError

__all__ = ["require"]

EXTRAS = {"analysis": ("pandas", "scipy", "joblib", "SALib"), "dask": ("distributed",)}


def require(*extras: str) -> None:
    """Refuse to begin without the packages of these extras. Raises ConfigError, one line, that says how to get them."""
    for extra in extras:
        missing = [name for name in EXTRAS[extra] if find_spec(name) is None]
        if missing:
            raise ConfigError(f"{', '.join(missing)} not installed: pip install -e '.[{extra}]'")
