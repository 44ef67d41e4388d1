"""Every bundled vector, put to the rules by the adapter of its family."""

import pytest

from sim.conformance.checking import check
from sim.conformance.families import ADAPTERS, PLACEMENTS
from sim.conformance.reading import BUNDLED, Fields, read_file

FILES = [read_file(path) for path in sorted(BUNDLED.glob("*.json"))]
VECTORS = [(file.family, vector) for file in FILES for vector in file.vectors]


@pytest.mark.parametrize(("family", "vector"), VECTORS, ids=[f"{family}-{vector['id']}" for family, vector in VECTORS])
def test_the_rules_answer_as_kafka(family: str, vector: Fields) -> None:
    assert check(family, [vector]).failures == ()


def test_every_file_has_an_adapter_and_every_adapter_a_file() -> None:
    assert sorted(file.family for file in FILES) == sorted(ADAPTERS)
    assert PLACEMENTS.keys() <= ADAPTERS.keys()


def test_a_file_is_named_like_its_family_and_says_where_its_answers_come_from() -> None:
    assert [file.path.stem for file in FILES] == [file.family for file in FILES]
    assert not [file.family for file in FILES if file.source == "not stated"]
    assert [file.family for file in FILES if file.source == "documented"] == ["record_batch_constants"]


@pytest.mark.parametrize("family", PLACEMENTS)
def test_the_exact_placement_is_kafkas(family: str) -> None:
    vectors = next(file.vectors for file in FILES if file.family == family)
    result = check(family, vectors)
    assert 0 < result.placements < len(vectors)
    assert result.exact_placements == result.placements
