"""Recording files: which there are, what kind each is, and one line on whatever is wrong with one."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal

from sim.rules.errors import ConfigError
from sim.timelines.faults import fault_quantities
from sim.timelines.figures import Quantity
from sim.timelines.groups import group_quantities

__all__ = ["BUNDLED", "Kind", "RecordingFile", "quantities", "recording_files"]

BUNDLED = Path(__file__).parent / "recordings"

Kind = Literal["fault", "group"]


@dataclass(frozen=True, slots=True)
class RecordingFile:
    """A file that holds a recording, and what kind it is; none for other JSON, which only a folder may hold."""

    path: Path
    kind: Kind | None
    recording: Mapping[str, Any]


def recording_files(paths: Sequence[Path]) -> Iterator[RecordingFile]:
    """The recordings of files and folders, each once, in order.

    Raises ConfigError for a path that is not there, for what is no JSON, and for a file named itself that holds no
    recording.
    """
    named = {path.resolve() for path in paths}
    for file in dict.fromkeys(file for path in paths for file in _files(path)):
        recording = _document(file)
        kind = _kind(recording)
        if kind is None and file.resolve() in named:
            raise ConfigError(f"{file}: is no recording of faults (runs with actions) or of a group (runs with steps)")
        yield RecordingFile(file, kind, recording)


def quantities(file: RecordingFile, runs: int, first_seed: int = 0) -> list[Quantity]:
    """Every figure of a recording, measured and simulated in so many runs. Raises ConfigError with the file's name."""
    try:
        if file.kind == "group":
            return group_quantities(file.recording, runs, first_seed)
        return fault_quantities(file.recording, runs, first_seed)
    except ConfigError as error:
        raise ConfigError(f"{file.path}: {error}") from error


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        found = sorted(path.glob("*.json"))
        if not found:
            raise ConfigError(f"{path}: there is no JSON file in this folder")
        return found
    if not path.exists():
        folder = path.parent
        near = get_close_matches(path.name, sorted(entry.name for entry in folder.iterdir())) if folder.is_dir() else []
        raise ConfigError(f"{path}: no such file or folder" + (f"; did you mean {folder / near[0]}?" if near else ""))
    return [path]


def _document(file: Path) -> Mapping[str, Any]:
    try:
        document = json.loads(file.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise ConfigError(f"{file}: is no JSON: {error}") from error
    return document if isinstance(document, dict) else {}


def _kind(recording: Mapping[str, Any]) -> Kind | None:
    """By what its runs are made of: actions on a cluster with topics, or steps of a group."""
    runs = recording.get("runs")
    first = runs[0] if isinstance(runs, list) and runs and isinstance(runs[0], dict) else {}
    if "actions" in first and "topics" in recording:
        return "fault"
    return "group" if "steps" in first else None
