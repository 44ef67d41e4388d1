"""A manifest as a run leaves it, read back to fly the same again."""

import json
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from sim.rules.errors import ConfigError
from sim.run import file_sha256
from sim.world.settings import Input

__all__ = ["changed_versions", "manifest_input", "read_manifest"]

FIELDS: dict[str, tuple[type, ...]] = {
    "scenario": (str,),
    "seed": (int,),
    "set": (dict,),
    "faults": (bool,),
    "until_s": (float, int, type(None)),
    "input": (dict, type(None)),
    "trace_sha256": (str,),
}
INPUT_FIELDS: dict[str, tuple[type, ...]] = {
    "path": (str,),
    "sha256": (str,),
    "columns": (dict,),
    "speed": (float, int),
    "reorder_window_ms": (int,),
    "on_bad_line": (str,),
}


def read_manifest(path: Path) -> dict[str, Any]:
    """What was flown. Raises ConfigError, one line, for anything that no run has left."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; {_hint(path)}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: is no JSON; {_hint(path)}") from error
    _check(path, "it", content, FIELDS)
    if content["input"] is not None:
        _check(path, "its input", content["input"], INPUT_FIELDS)
    if not isinstance(content.get("script", ""), str):
        raise ConfigError(f"{path}: its script is no text; {_hint(path)}")
    if content.get("partial"):
        raise ConfigError(f"{path}: that run was interrupted; fly it anew with --until, which can be repeated")
    return dict(content)


def manifest_input(wanted: dict[str, Any]) -> Input | None:
    """The input that a manifest names. Raises ConfigError unless it is still the same file."""
    source = wanted["input"]
    if source is None:
        return None
    path = Path(source["path"])
    if not path.is_file():
        raise ConfigError(f"{path}: the input of the first run is not there; its path counts from {Path.cwd()}")
    if file_sha256(path) != source["sha256"]:
        raise ConfigError(f"{path}: the input has changed since the first run; fly it anew with kafkasim run")
    return Input(path, source["columns"], source["speed"], source["reorder_window_ms"], source["on_bad_line"])


def changed_versions(first: Mapping[str, Any], again: Mapping[str, Any]) -> list[str]:
    """What the versions of the second manifest are where they are not those of the first."""
    then, now = first.get("versions", {}), again["versions"]
    return [f"{name} was {number} and is {now.get(name)}" for name, number in then.items() if now.get(name) != number]


def _check(path: Path, what: str, content: object, fields: dict[str, tuple[type, ...]]) -> None:
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: {what} is no JSON object; {_hint(path)}")
    wrong = [name for name, types in fields.items() if not isinstance(content.get(name, ...), types)]
    if wrong:
        raise ConfigError(f"{path}: {what} tells no {' and no '.join(wrong)}; {_hint(path)}")


def _hint(path: Path) -> str:
    """The manifest in that folder, or the nearest name, or what a manifest is."""
    if (path / "manifest.json").is_file():
        return f"did you mean {path / 'manifest.json'}?"
    names = [entry.name for entry in path.parent.iterdir()] if path.parent.is_dir() else []
    near = [] if path.exists() else get_close_matches(path.name, sorted(names), n=1)
    return f"did you mean {path.with_name(near[0])}?" if near else "name the manifest.json that a run has left"
