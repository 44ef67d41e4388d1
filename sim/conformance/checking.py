"""Puts vectors to the rules and tells, family by family, where the answers differ from Kafka's."""

import traceback
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Any

from sim.conformance.families import ADAPTERS, PLACEMENTS
from sim.conformance.reading import (
    BUNDLED,
    Fields,
    MissingFieldError,
    NoVectorsError,
    Source,
    VectorError,
    VectorFile,
    read_file,
    vector_files,
)
from sim.conformance.shape import misfit

__all__ = ["Failure", "FamilyResult", "Report", "check", "check_files", "first_difference"]

RULES = str(Path(__file__).parents[1] / "rules")


@dataclass(frozen=True, slots=True)
class Failure:
    """A vector to which the rules answer otherwise; `got` is the words of an exception where one was raised."""

    id: str
    expected: Any
    got: Any


@dataclass(frozen=True, slots=True)
class FamilyResult:
    """What came out for the vectors of one family.

    `sources` are those of its files; `placements` counts the vectors whose exact placement is compared apart.
    """

    family: str
    passed: int
    failures: tuple[Failure, ...]
    exact_placements: int = 0
    placements: int = 0
    sources: tuple[Source, ...] = ()

    def __add__(self, other: "FamilyResult") -> "FamilyResult":
        return FamilyResult(
            self.family,
            self.passed + other.passed,
            self.failures + other.failures,
            self.exact_placements + other.exact_placements,
            self.placements + other.placements,
            tuple(dict.fromkeys(self.sources + other.sources)),
        )


@dataclass(frozen=True, slots=True)
class Report:
    """All families that were checked, in the order of the table of families, and the files that held no vectors."""

    results: tuple[FamilyResult, ...]
    passed_over: tuple[str, ...]

    @property
    def passed(self) -> int:
        """How many vectors of all families passed."""
        return sum(result.passed for result in self.results)

    @property
    def failed(self) -> int:
        """How many vectors of all families failed."""
        return sum(len(result.failures) for result in self.results)


def check_files(paths: Sequence[Path] = (BUNDLED,), families: Iterable[str] = ()) -> Report:
    """Checks the vectors of all files, or only those of some families.

    Raises VectorError, one line, for whatever cannot be read, for a family without adapter, and when nothing is left.
    """
    wanted = set(families)
    for family in sorted(wanted - ADAPTERS.keys()):
        raise _unknown(family)
    files, passed_over = _read(paths)
    results: dict[str, FamilyResult] = {}
    for file in files:
        if not wanted or file.family in wanted:
            result = _check_file(file)
            results[file.family] = results[file.family] + result if file.family in results else result
    if not results:
        what = f"vectors of {' or '.join(sorted(wanted))}" if wanted else "vectors"
        raise VectorError(f"{', '.join(map(str, paths))}: there are no {what}")
    return Report(tuple(results[family] for family in ADAPTERS if family in results), tuple(passed_over))


def check(family: str, vectors: Iterable[Mapping[str, Any]]) -> FamilyResult:
    """Puts each vector to the rules of its family.

    A vector without a field that is needed or whose answer is expected by all bundled ones, or built otherwise than
    they when something went wrong with it, raises VectorError. Any other exception is an answer of the rules, and a
    wrong one.
    """
    asked = list(vectors)
    failures = [failure for vector in asked if (failure := _failure(family, vector)) is not None]
    failed = {failure.id for failure in failures}
    placed = [_placed(family, vector, vector["id"] in failed) for vector in asked]
    return FamilyResult(
        family, len(asked) - len(failures), tuple(failures), placed.count(True), len(placed) - placed.count(None)
    )


def first_difference(expected: Any, got: Any, place: str = "") -> tuple[str, Any, Any] | None:
    """Where two values first differ and what stands there, None where they are equal; true is not 1."""
    if isinstance(expected, dict) and isinstance(got, dict):
        for name in (*expected, *(name for name in got if name not in expected)):
            where = f"{place}.{name}".lstrip(".")
            if name not in expected or name not in got:
                return where, expected.get(name, "nothing"), got.get(name, "nothing")
            if difference := first_difference(expected[name], got[name], where):
                return difference
        return None
    if isinstance(expected, list) and isinstance(got, list) and len(expected) == len(got):
        parts = zip(expected, got, strict=True)
        found = (first_difference(*pair, f"{place}[{index}]") for index, pair in enumerate(parts))
        return next((difference for difference in found if difference), None)
    same = expected == got and isinstance(expected, bool) == isinstance(got, bool)
    return None if same else (place, expected, got)


def _read(paths: Sequence[Path]) -> tuple[list[VectorFile], list[str]]:
    """The files with vectors, and a line for each other file that a folder happened to hold."""
    files, passed_over = [], []
    for path, named in vector_files(paths):
        try:
            files.append(read_file(path))
        except NoVectorsError as error:
            if error.family in ADAPTERS or (named and not error.family):
                raise
            if named:
                raise _unknown(error.family, path) from error
            passed_over.append(str(error))
    return files, passed_over


def _check_file(file: VectorFile) -> FamilyResult:
    if file.family not in ADAPTERS:
        raise _unknown(file.family, file.path)
    try:
        return check(file.family, file.vectors) + FamilyResult(file.family, 0, (), sources=(file.source,))
    except VectorError as error:
        raise VectorError(f"{file.path}: {error}") from error


def _unknown(family: str, path: Path | None = None) -> VectorError:
    near = get_close_matches(family, ADAPTERS, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(ADAPTERS)}"
    return VectorError(f"{f'{path}: ' if path else ''}unknown family {family!r}, {hint}")


def _failure(family: str, vector: Mapping[str, Any]) -> Failure | None:
    name = str(vector["id"])
    try:
        expected, got = map(_plain, ADAPTERS[family](vector))
        if first_difference(expected, got) is None:
            return None
        missing = misfit(vector, _bundled(family), any_kind=True) if _lacks(expected, got) else None
        if missing is not None:
            raise VectorError(f"vector {name!r}: {missing}")
        return Failure(name, expected, got)
    except VectorError:
        raise
    except MissingFieldError as error:
        raise VectorError(f"vector {name!r} has no {error.args[0]!r}") from error
    except RecursionError as error:
        raise VectorError(f"vector {name!r} is nested too deeply") from error
    except Exception as error:
        wrong = misfit(vector, _bundled(family))
        if wrong is None and isinstance(error, ValueError) and not _raised_by_rules(error):
            wrong = f"cannot be used: {error}"
        if wrong is not None:
            raise VectorError(f"vector {name!r}: {wrong}") from error
        return Failure(name, None, f"{type(error).__name__}: {error}")


def _lacks(expected: Any, got: Any) -> bool:
    """Whether the rules answer something that is not expected at all."""
    if isinstance(expected, dict) and isinstance(got, dict):
        return any(name not in expected or _lacks(expected[name], answer) for name, answer in got.items())
    if isinstance(expected, list) and isinstance(got, list):
        return any(_lacks(*pair) for pair in zip(expected, got, strict=False))
    return False


def _placed(family: str, vector: Mapping[str, Any], failed: bool) -> bool | None:
    """Whether the placement is exactly Kafka's; None where it is not compared apart."""
    placement = PLACEMENTS.get(family)
    if placement is None:
        return None
    return False if failed else placement(vector)


@cache
def _bundled(family: str) -> tuple[Fields, ...]:
    files = map(read_file, sorted(BUNDLED.glob("*.json")))
    return next((file.vectors for file in files if file.family == family), ())


def _raised_by_rules(error: Exception) -> bool:
    return any(frame.filename.startswith(RULES) for frame in traceback.extract_tb(error.__traceback__))


def _plain(value: Any) -> Any:
    """The value as JSON would have it."""
    if isinstance(value, Mapping):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(part) for part in value]
    return value
