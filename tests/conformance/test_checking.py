"""Answers are compared, counted and told apart from vectors that are none."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sim.conformance.checking import Failure, FamilyResult, check, check_files, first_difference
from sim.conformance.families import ADAPTERS
from sim.conformance.reading import Fields, VectorError
from sim.rules.config import topic_config_from

TRANSITION = Fields(id="t", **{"from": "Empty", "to": "Dead", "valid": True})


def altered(**fields: Any) -> Fields:
    return Fields({**TRANSITION, **{name.rstrip("_"): value for name, value in fields.items()}})


def without(name: str) -> Fields:
    return Fields({field: value for field, value in TRANSITION.items() if field != name})


def test_a_wrong_answer_is_a_failure_with_expected_and_got() -> None:
    result = check("classic_group_transition", [TRANSITION, altered(valid=False)])
    assert (result.passed, result.failures) == (1, (Failure("t", False, True),))


@pytest.mark.parametrize(
    ("vector", "what"),
    [
        (without("valid"), "vector 't' has no 'valid'"),
        (without("to"), "vector 't' has no 'to'"),
        (altered(to="Gone"), "vector 't': cannot be used: 'Gone' is not a valid GroupState"),
        (altered(from_=3), "vector 't': from is 3, not text"),
        (altered(from_=None), "vector 't': from is null, not text"),
        (altered(to=["Dead"]), r"vector 't': to is \[\"Dead\"\], not text"),
    ],
)
def test_a_vector_that_cannot_be_put_to_the_rules_is_no_failure(vector: Fields, what: str) -> None:
    with pytest.raises(VectorError, match=what):
        check("classic_group_transition", [TRANSITION, vector])


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("no"), ZeroDivisionError(), TypeError("int")])
def test_an_exception_of_a_rule_is_a_wrong_answer(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    class Broken:
        def get(self, *_: object) -> None:
            raise error

        def __getattr__(self, _: str) -> None:
            raise error

    def adapter(vector: Mapping[str, Any]) -> tuple[object, object]:
        return vector["valid"], topic_config_from(Broken())  # type: ignore[arg-type]

    monkeypatch.setitem(ADAPTERS, "classic_group_transition", adapter)
    (failure,) = check("classic_group_transition", [TRANSITION]).failures
    assert failure == Failure("t", None, f"{type(error).__name__}: {error}")


def test_an_answer_without_end_in_depth_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    deep: list[Any] = []
    for _ in range(5000):
        deep = [deep]
    monkeypatch.setitem(ADAPTERS, "classic_group_transition", lambda _: (deep, deep))
    with pytest.raises(VectorError, match="vector 't' is nested too deeply"):
        check("classic_group_transition", [TRANSITION])


@pytest.mark.parametrize(
    ("expected", "got", "difference"),
    [
        ({"a": [1, {"b": None}]}, {"a": [1, {"b": None}]}, None),
        ({"a": [1, {"b": 2}]}, {"a": [1, {"b": 3}]}, ("a[1].b", 2, 3)),
        ({"a": [1]}, {"a": [1, 2]}, ("a", [1], [1, 2])),
        ({"a": 1}, {}, ("a", 1, "nothing")),
        ({}, {"a": 1}, ("a", "nothing", 1)),
        ([[0], [1]], [[0], [2]], ("[1][0]", 1, 2)),
        (True, 1, ("", True, 1)),
        (0, False, ("", 0, False)),
        (1, 1.0, None),
        ("1", 1, ("", "1", 1)),
        (None, 0, ("", None, 0)),
        ({}, [], ("", {}, [])),
    ],
)
def test_the_first_difference_is_found(expected: Any, got: Any, difference: tuple[str, Any, Any] | None) -> None:
    assert first_difference(expected, got) == difference


def written(folder: Path, name: str, family: str, *vectors: Fields, source: str = "executed on Kafka") -> Path:
    path = folder / name
    path.write_text(json.dumps({"family": family, "source": source, "vectors": vectors}))
    return path


def test_files_of_the_same_family_add_up(tmp_path: Path) -> None:
    written(tmp_path, "a.json", "classic_group_transition", TRANSITION)
    written(tmp_path, "b.json", "classic_group_transition", altered(valid=False), source="derived by rule from")
    report = check_files([tmp_path])
    failures = (Failure("t", False, True),)
    assert report.results == (FamilyResult("classic_group_transition", 1, failures, sources=("exact", "derived")),)
    assert (report.passed, report.failed) == (1, 1)


def test_a_folder_may_hold_other_json_and_a_named_file_may_not(tmp_path: Path) -> None:
    written(tmp_path, "a.json", "classic_group_transition", TRANSITION)
    other = tmp_path / "manifest.json"
    other.write_text('{"seed": 1}')
    report = check_files([tmp_path])
    assert (report.passed, report.passed_over) == (1, (f"{other}: names no family of vectors",))
    with pytest.raises(VectorError, match=r"manifest\.json: names no family"):
        check_files([tmp_path, other])


def test_other_families_are_not_looked_at_when_some_are_asked_for(tmp_path: Path) -> None:
    written(tmp_path, "a.json", "classic_group_transition", TRANSITION)
    written(tmp_path, "b.json", "elephants", Fields())
    assert check_files([tmp_path], ["classic_group_transition"]).passed == 1
    with pytest.raises(VectorError, match=r".*/b\.json: unknown family 'elephants', there are varint_size, .*"):
        check_files([tmp_path])
    with pytest.raises(VectorError, match=r"there are no vectors of truncation$"):
        check_files([tmp_path], ["truncation"])
    with pytest.raises(VectorError, match="unknown family 'trunction', did you mean 'truncation'"):
        check_files([tmp_path], ["trunction"])


def test_what_is_wrong_names_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, "a.json", "classic_group_transition", without("valid"))
    with pytest.raises(VectorError, match=r"a\.json: vector 't' has no 'valid'") as caught:
        check_files([path])
    assert str(caught.value).startswith(str(path))
