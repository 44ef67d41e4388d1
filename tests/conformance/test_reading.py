"""Files of vectors, good and bad."""

import json
from pathlib import Path

import pytest

from sim.conformance.reading import Fields, MissingFieldError, NoVectorsError, VectorError, read_file, vector_files

GOOD = '{"family": "f", "source": "executed on Kafka", "vectors": [{"id": "a"}, {"x": 1}, {"id": 7}]}'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "vectors.json"


def written(file: Path, content: object) -> Path:
    if not isinstance(content, bytes):
        content = (content if isinstance(content, str) else json.dumps(content)).encode()
    file.write_bytes(content)
    return file


def test_vectors_have_a_name_and_a_number_where_they_have_none(file: Path) -> None:
    found = read_file(written(file, GOOD))
    assert (found.path, found.family, found.source) == (file, "f", "exact")
    assert [vector["id"] for vector in found.vectors] == ["a", "2", "7"]


def test_an_absent_field_is_named_at_any_depth() -> None:
    with pytest.raises(MissingFieldError) as caught:
        Fields(a=1)["b"]
    assert caught.value.args == ("b",)


@pytest.mark.parametrize(
    ("fields", "source"),
    [
        ({"source": "executed on apache/kafka 4.2.1 classes", "vectors": [{}]}, "exact"),
        ({"source": "derived by rule from Partition.scala", "vectors": [{}]}, "derived"),
        ({"kafka": "4.2.1 brokers", "cases": [{}]}, "recorded"),
        ({"source": 3, "vectors": [{}]}, "not stated"),
        ({"record_batch_constants": {}, "vectors": [{}]}, "documented"),
    ],
)
def test_where_the_answers_come_from_is_in_the_file(file: Path, fields: dict[str, object], source: str) -> None:
    assert read_file(written(file, {"family": "f", **fields})).source == source


def test_two_files_name_no_family(file: Path) -> None:
    found = read_file(written(file, {"configs": {"topic": {"a.b": {"default": 1}}, "group": {}}}))
    assert (found.family, found.vectors) == (
        "defaults",
        ({"id": "topic: a.b", "kind": "topic", "key": "a.b", "definition": {"default": 1}},),
    )
    constants = read_file(written(file, {"record_batch_constants": {"LOG_OVERHEAD": 12}}))
    assert (constants.family, len(constants.vectors)) == ("record_batch_constants", 1)


BAD = {
    "cut": ('{"family": "f", "vectors": [{"id": 1}, {', "ends too early, line 1, column 41"),
    "cut in text": ('{\n"family": "f', "ends too early, line 2"),
    "cut in a word": ('{"family": "f", "vectors": [tr', "ends too early, line 1, column 29"),
    "no JSON": ('{"family": f}', "is no JSON, line 1, column 12"),
    "two values": ("{} {}", "is no JSON, line 1, column 4: Extra data"),
    "empty": (" \n", "is empty"),
    "binary": (b"\x89PNG\r\n\x1a\n\x00", r"is no text in UTF-8 \(byte 1\)"),
    "UTF-16": ('{"family": "f"}'.encode("utf-16"), "is no text in UTF-8"),
    "deep": ("[" * 100_000, "is nested too deeply"),
    "NaN": ('{"family": "f", "vectors": [{"x": NaN}]}', "NaN is no number in JSON"),
    "infinite": ('{"family": "f", "vectors": [{"x": 1e400}]}', "the number 1e400 is too large"),
    "long number": ("1" * 5000, "is no JSON that can be used"),
    "no vectors": ('{"family": "f", "vectors": []}', "its list of vectors is empty"),
    "vector no object": ('{"family": "f", "vectors": [{}, 3]}', "vector 2 is no JSON object"),
    "configs": ('{"configs": {"topic": 3}}', "the keys of configs.topic are no JSON object"),
}
FOREIGN = {
    "list": ("[1]", "is no JSON object with a family"),
    "number": ("7", "is no JSON object with a family"),
    "no family": ('{"vectors": [{}]}', "names no family"),
    "family no word": ('{"family": 3, "vectors": [{}]}', "names no family"),
    "other things": ('{"family": "f", "runs": []}', "family 'f' has neither a list of vectors nor one of cases"),
    "vectors no list": ('{"family": "f", "vectors": {}}', "has neither a list of vectors"),
}


@pytest.mark.parametrize(("content", "what"), [*BAD.values(), *FOREIGN.values()], ids=[*BAD, *FOREIGN])
def test_whatever_is_wrong_with_a_file_is_one_line(file: Path, content: str | bytes, what: str) -> None:
    with pytest.raises(VectorError, match=what) as caught:
        read_file(written(file, content))
    assert str(caught.value).startswith(f"{file}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("content", "what"), FOREIGN.values(), ids=FOREIGN)
def test_good_json_without_vectors_is_told_apart(file: Path, content: str, what: str) -> None:
    with pytest.raises(NoVectorsError, match=what):
        read_file(written(file, content))


def test_a_byte_order_mark_does_no_harm(file: Path) -> None:
    assert read_file(written(file, b"\xef\xbb\xbf" + GOOD.encode())).family == "f"


def test_folders_are_searched_and_no_file_counts_twice(tmp_path: Path) -> None:
    (tmp_path / "deep" / ".hidden").mkdir(parents=True)
    names = [tmp_path / "b.json", tmp_path / "deep" / "a.json"]
    for path in (*names, tmp_path / "notes.txt", tmp_path / "deep" / ".hidden" / "c.json"):
        path.touch()
    assert list(vector_files([names[0], tmp_path])) == [(names[0], True), (names[1], False)]


def test_paths_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "truncation.json").touch()
    with pytest.raises(VectorError, match=r"trucation.json: no such .*; did you mean .*/truncation\.json\?"):
        list(vector_files([tmp_path / "trucation.json"]))
    with pytest.raises(VectorError, match=r"no such file or folder$"):
        list(vector_files([tmp_path / "no" / "x.json"]))
    (tmp_path / "empty").mkdir()
    with pytest.raises(VectorError, match="there is no JSON file in this folder"):
        list(vector_files([tmp_path / "empty"]))
