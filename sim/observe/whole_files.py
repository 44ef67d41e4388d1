"""Files that are written whole or not at all."""

from pathlib import Path

from sim.rules.errors import ConfigError

__all__ = ["check_path", "write_whole"]


def check_path(path: Path, example: str) -> None:
    """Refuse what can be no file. Raises ConfigError, one line."""
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(f"{path}: name a file in a folder that is there, such as {example}")


def write_whole(path: Path, text: str) -> None:
    """Write under another name first. Raises ConfigError, one line, when the file cannot be written."""
    unfinished = path.with_name(f".{path.name}.part")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise ConfigError(f"{path}: {error.strerror or error}; name a file that can be written") from error
