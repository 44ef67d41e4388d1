"""Vector files: Kafka's answers as JSON, and one line on whatever is wrong with a file.

A file is an object with `family` and a list of `vectors`, or of `cases` recorded on a real broker. Two files name no
family: `defaults.json` with its `configs`, each key of which is a vector, and `record_batch_constants.json`, which is
one vector.
"""

import json
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, NoReturn

__all__ = [
    "BUNDLED",
    "SOURCES",
    "Fields",
    "MissingFieldError",
    "NoVectorsError",
    "Source",
    "VectorError",
    "VectorFile",
    "read_file",
    "vector_files",
]

BUNDLED = Path(__file__).parent / "vectors"

Source = Literal["exact", "derived", "recorded", "documented", "not stated"]
SOURCES: dict[Source, str] = {
    "exact": "executed on Kafka's classes",
    "derived": "derived by rule from Kafka's source",
    "recorded": "recorded on a real broker",
    "documented": "written in Kafka's documented record format",
    "not stated": "the file does not say where its answers come from",
}


class VectorError(ValueError):
    """What is wrong with a file, a vector or a family, in one line for people."""


class NoVectorsError(VectorError):
    """A file of good JSON that holds no vectors, and the family that it names if any."""

    def __init__(self, message: str, family: str = "") -> None:
        super().__init__(message)
        self.family = family


class MissingFieldError(KeyError):
    """A field that a vector should have and has not."""


class Fields(dict[str, Any]):
    """A JSON object. Asked for a field that it lacks it raises MissingFieldError."""

    def __missing__(self, name: str) -> NoReturn:
        raise MissingFieldError(name)


@dataclass(frozen=True, slots=True)
class VectorFile:
    """The vectors of one file, each with an `id`, and where their answers come from."""

    path: Path
    family: str
    source: Source
    vectors: tuple[Fields, ...]


def vector_files(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Each file once, and whether it was named itself rather than found in a folder.

    Raises VectorError for a path that is not there and for a folder without JSON.
    """
    named = {path.resolve() for path in paths}
    found = {file.resolve(): file for path in paths for file in _files(path)}
    for resolved, file in found.items():
        yield file, resolved in named


def read_file(path: Path) -> VectorFile:
    """The vectors of a file. Raises VectorError, and NoVectorsError where the JSON is good and something else."""
    document = _document(path)
    if not isinstance(document, Fields):
        raise NoVectorsError(f"{path}: is no JSON object with a family and its vectors")
    family, vectors = _family(path, document)
    if not vectors:
        raise VectorError(f"{path}: its list of vectors is empty")
    wrong = next((number for number, vector in enumerate(vectors, 1) if not isinstance(vector, Fields)), None)
    if wrong is not None:
        raise VectorError(f"{path}: vector {wrong} is no JSON object")
    numbered = (Fields({**vector, "id": str(vector.get("id", number))}) for number, vector in enumerate(vectors, 1))
    return VectorFile(path, family, _source(document), tuple(numbered))


def _files(path: Path) -> list[Path]:
    if not path.exists():
        folder = path.parent
        near = get_close_matches(path.name, sorted(entry.name for entry in folder.iterdir())) if folder.is_dir() else ()
        raise VectorError(f"{path}: no such file or folder" + (f"; did you mean {folder / near[0]}?" if near else ""))
    if not path.is_dir():
        return [path]
    found = [file for file in path.rglob("*.json") if not any(part[0] == "." for part in file.relative_to(path).parts)]
    if not found:
        raise VectorError(f"{path}: there is no JSON file in this folder")
    return sorted(found)


def _document(path: Path) -> Any:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        if not text.strip():
            raise VectorError(f"{path}: is empty")
        return json.loads(text, object_hook=Fields, parse_constant=_no_constant, parse_float=_finite)
    except UnicodeDecodeError as error:
        raise VectorError(f"{path}: is no text in UTF-8 (byte {error.start + 1}), so no JSON") from error
    except json.JSONDecodeError as error:
        at_the_end = error.msg.startswith("Unterminated") or re.fullmatch(r"[\w.+-]*", text[error.pos :].strip())
        cut = "ends too early" if at_the_end else "is no JSON"
        raise VectorError(f"{path}: {cut}, line {error.lineno}, column {error.colno}: {error.msg}") from error
    except RecursionError as error:
        raise VectorError(f"{path}: is nested too deeply") from error
    except VectorError:
        raise
    except ValueError as error:
        raise VectorError(f"{path}: is no JSON that can be used: {error}") from error


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"the number {text} is too large")
    return number


def _family(path: Path, document: Fields) -> tuple[str, list[Any]]:
    """The name of the family and its vectors, not looked at yet."""
    if "family" not in document and isinstance(document.get("configs"), Fields):
        return "defaults", list(_definitions(path, document["configs"]))
    if "family" not in document and "record_batch_constants" in document:
        return "record_batch_constants", [document]
    family = document.get("family")
    if not isinstance(family, str):
        raise NoVectorsError(f"{path}: names no family of vectors")
    vectors = document.get("vectors", document.get("cases"))
    if not isinstance(vectors, list):
        raise NoVectorsError(f"{path}: family {family!r} has neither a list of vectors nor one of cases", family)
    return family, vectors


def _definitions(path: Path, configs: Fields) -> Iterator[Fields]:
    """A vector for each configuration key."""
    for kind, keys in configs.items():
        if not isinstance(keys, Fields):
            raise VectorError(f"{path}: the keys of configs.{kind} are no JSON object")
        for key, definition in keys.items():
            yield Fields(id=f"{kind}: {key}", kind=kind, key=key, definition=definition)


def _source(document: Fields) -> Source:
    """Where Kafka's answers come from, by the words of the file."""
    said = str(document.get("source", ""))
    if "executed on" in said or "by evaluating" in said:
        return "exact"
    if "derived by rule" in said:
        return "derived"
    if "record_batch_constants" in document:
        return "documented"
    return "recorded" if "cases" in document else "not stated"
