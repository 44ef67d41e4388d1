"""Vectors that are not built like the others of their family."""

from typing import Any

import pytest

from sim.conformance.families import ADAPTERS
from sim.conformance.reading import BUNDLED, read_file
from sim.conformance.shape import misfit

OTHERS: list[Any] = [
    {"lag": 3, "end": 10, "ratio": 0.5, "steps": [{"to": "a", "note": "x"}], "key": None, "ends": {"1": 10}},
    {"lag": None, "end": 12, "ratio": 1.0, "steps": [{"to": "b"}], "key": None, "ends": {"2": 10}},
]


@pytest.mark.parametrize(
    ("changed", "what"),
    [
        ({}, None),
        ({"end": None}, "end is null, not a whole number"),
        ({"key": "k"}, None),
        ({"lag": None}, None),
        ({"ratio": 1}, None),
        ({"key": [1]}, None),
        ({"more": 1}, None),
        ({"ends": {"3": 4}}, None),
        ({"steps": []}, None),
        ({"steps": [{"to": "c"}, {"to": None}]}, "steps[1].to is null, not text"),
        ({"end": "10"}, 'end is "10", not a whole number'),
        ({"end": True}, "end is true, not a whole number"),
        ({"end": 1.5}, "end is 1.5, not a whole number"),
        ({"ratio": "x" * 99}, f'ratio is "{"x" * 38}…, not a number'),
        ({"steps": {"to": "c"}}, 'steps is {"to": "c"}, not a list'),
        ({"steps": [{"to": "c"}, {"note": "y"}]}, "steps[1] has no 'to'"),
        ({"steps": [{"to": 1}]}, "steps[0].to is 1, not text"),
        ({"ends": 3}, "ends is 3, not an object"),
    ],
)
def test_a_difference_in_shape_is_told_with_its_place(changed: dict[str, Any], what: str | None) -> None:
    assert misfit({**OTHERS[0], **changed}, OTHERS) == what


def test_what_is_known_to_be_an_object_is_not_a_list() -> None:
    assert misfit([], OTHERS) == "it is [], not an object"
    assert misfit({"lag": 1, "end": 3}, OTHERS) == "it has no 'ratio'"
    assert misfit("anything", []) is None


@pytest.mark.parametrize("family", ADAPTERS)
def test_a_bundled_vector_has_the_shape_of_its_family(family: str) -> None:
    (vectors,) = (file.vectors for file in map(read_file, sorted(BUNDLED.glob("*.json"))) if file.family == family)
    assert misfit(vectors[0], vectors) is None
