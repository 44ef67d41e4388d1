"""A TOML file that a reader has written, with one clear line when it cannot be read."""

import tomllib
from pathlib import Path
from typing import Any

from sim.rules.errors import ConfigError

__all__ = ["read_toml"]


def read_toml(path: Path, where: str) -> dict[str, Any]:
    """What a file holds; `where` begins the line of a ConfigError."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{where}: {error.strerror or error}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{where}: is not TOML: {error}") from error
