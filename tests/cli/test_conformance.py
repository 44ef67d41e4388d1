"""`kafkasim conformance`: the table, the JSON object, exit codes and bad input."""

import json
from pathlib import Path
from typing import Any

import pytest

from sim.conformance.families import ADAPTERS
from sim.conformance.reading import BUNDLED
from tests.cli.command import Kafkasim, Outcome

MOVE = {"from": "Empty", "to": "Dead", "valid": True}
WRONG = {**MOVE, "id": "w", "valid": False}


def written(kafkasim: Kafkasim, *vectors: dict[str, Any], family: str = "classic_group_transition") -> Path:
    content = {"family": family, "source": "derived by rule from Kafka", "vectors": vectors}
    return kafkasim.write("v.json", json.dumps(content))


def changed(family: str, **fields: Any) -> str:
    """The bundled file of a family, its first vector changed."""
    content = json.loads((BUNDLED / f"{family}.json").read_text(encoding="utf-8"))
    content["vectors"][0] |= fields
    return json.dumps(content)


def rows(outcome: Outcome) -> dict[str, list[str]]:
    """The cells of the table by the first of them."""
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in outcome.out.splitlines() if "│" in line]
    return {first: rest for first, *rest in cells}


def test_all_bundled_vectors_pass(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("conformance", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    told = json.loads(outcome.out)
    assert told.keys() == {"families", "passed", "failed"}
    assert [result["family"] for result in told["families"]] == list(ADAPTERS)
    assert told["passed"] == sum(result["passed"] for result in told["families"]) > 500
    assert told["failed"] == 0
    assert all(result["failures"] == [] and result["failed"] == 0 < result["passed"] for result in told["families"])
    sources = {result["family"]: result["source"] for result in told["families"]}
    assert (sources["truncation"], sources["hw_advance"], sources["transactions"]) == ("exact", "derived", "recorded")
    assert sources["record_batch_constants"] == "documented"
    (placed,) = (result["exact_placement"] for result in told["families"] if "exact_placement" in result)
    assert 0 < placed["exact"] <= placed["compared"]


def test_the_table_fits_a_terminal_of_eighty_columns(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    outcome = kafkasim("conformance")
    assert (outcome.code, outcome.err) == (0, "")
    table = rows(outcome)
    assert list(table) == [*ADAPTERS, "all"]
    assert table["truncation"][1:] == ["0", "exact", ""]
    assert table["client_assignor"][3].split()[1] == "of"
    assert all(len(line) <= 80 for line in outcome.out.splitlines())
    for words in ("exact: executed on Kafka's classes", "derived: derived by rule", "recorded: recorded on a real"):
        assert words in outcome.out


def test_a_vector_that_differs_is_shown_with_expected_and_got(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("conformance", written(kafkasim, MOVE, WRONG))
    assert (outcome.code, outcome.err) == (1, "")
    assert rows(outcome) == {
        "classic_group_transition": ["1", "1", "derived", ""],
        "all": ["1", "1", "", ""],
    }
    assert outcome.out.splitlines()[-1] == "classic_group_transition: w: expected false, got true"
    told = json.loads(kafkasim("conformance", "v.json", "--json").out)
    assert told["families"][0]["failures"] == [{"id": "w", "expected": False, "got": True}]
    assert (told["passed"], told["failed"]) == (1, 1)


def test_an_expected_value_that_is_deleted_deep_inside_is_no_failed_vector(kafkasim: Kafkasim) -> None:
    content = json.loads((BUNDLED / "storage_batch_bytes.json").read_text(encoding="utf-8"))
    del content["cases"][0]["observed"]["segments"][0]["batches"][0]["sizeInBytes"]
    kafkasim.write("v.json", json.dumps(content))
    outcome = kafkasim("conformance", "v.json", "--json")
    assert (outcome.code, outcome.out) == (2, "")
    where = "observed.segments[0].batches[0]"
    assert outcome.err == f"kafkasim: v.json: vector {content['cases'][0]['id']!r}: {where} has no 'sizeInBytes'\n"


def test_words_that_nobody_understands_fail_their_vector_alone(kafkasim: Kafkasim) -> None:
    content = json.loads((BUNDLED / "transactions.json").read_text(encoding="utf-8"))
    content["cases"][0]["observed"].append({"step": "p1 juggles", "result": "ok"})
    kafkasim.write("v.json", json.dumps(content))
    outcome = kafkasim("conformance", "v.json")
    assert (outcome.code, outcome.err) == (1, "")
    assert rows(outcome)["transactions"][:2] == [str(len(content["cases"]) - 1), "1"]
    assert outcome.out.splitlines()[-1].endswith('expected [], got ["not understood: p1 juggles"]')


def test_the_place_of_the_first_difference_is_told(kafkasim: Kafkasim) -> None:
    content = json.loads((BUNDLED / "replica_placement.json").read_text(encoding="utf-8"))
    content["vectors"][1]["replicas_by_partition"][2] = [9, 9]
    kafkasim.write("v.json", json.dumps(content))
    outcome = kafkasim("conformance", "v.json")
    assert outcome.code == 1
    last = outcome.out.splitlines()[-1]
    assert last.startswith(f"replica_placement: {content['vectors'][1]['id']} at [2]: expected [9, 9], got [")


def test_a_family_of_its_own_and_a_folder(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("conformance", "--family", "truncation", "--family", "isr_decision", "--json")
    assert [result["family"] for result in json.loads(outcome.out)["families"]] == ["truncation", "isr_decision"]
    folder = kafkasim("conformance", str(BUNDLED), "--family", "truncation", "--json")
    assert (folder.code, json.loads(folder.out)["passed"]) == (0, json.loads(outcome.out)["families"][0]["passed"])


def test_a_folder_passes_over_what_holds_no_vectors_and_says_so(kafkasim: Kafkasim) -> None:
    written(kafkasim, MOVE)
    kafkasim.write("manifest.json", "{}")
    outcome = kafkasim("conformance", ".", "--json")
    assert (outcome.code, outcome.err) == (0, "passed over manifest.json: names no family of vectors\n")
    assert json.loads(outcome.out)["passed"] == 1


BAD = {
    "absent": ("nope.json", None, r"nope.json: no such file or folder"),
    "empty folder": (".", None, r"there is no JSON file in this folder"),
    "truncated": ("v.json", '{"family": "truncation", "vectors": [', "v.json: ends too early, line 1, column 38"),
    "foreign": ("v.json", '{"name": "package", "version": "1"}', "v.json: names no family of vectors"),
    "unknown family": (
        "v.json",
        '{"family": "truncations", "vectors": [{}]}',
        "v.json: unknown family 'truncations', did you mean 'truncation'?",
    ),
    "no vectors": ("v.json", '{"family": "truncation", "runs": []}', "v.json: family 'truncation' has neither"),
    "other recording": (
        "v.json",
        '{"family": "measured_timelines", "runs": []}',
        "v.json: unknown family 'measured_timelines', there are varint_size,",
    ),
    "no expected value": (
        "v.json",
        json.dumps({"family": "classic_group_transition", "vectors": [{"id": "x", "from": "Empty", "to": "Dead"}]}),
        "v.json: vector 'x' has no 'valid'",
    ),
    "wrong type": ("v.json", changed("truncation", leader=7), "v.json: vector '{id}': leader is 7, not an object"),
    "binary": ("v.json", b"\x00\xff\x00", "v.json: is no text in UTF-8"),
}


@pytest.mark.parametrize(("path", "content", "what"), BAD.values(), ids=BAD)
def test_bad_input_is_one_line(kafkasim: Kafkasim, path: str, content: str | bytes | None, what: str) -> None:
    if content is not None:
        kafkasim.write("v.json", content)
    outcome = kafkasim("conformance", path)
    assert (outcome.code, outcome.out) == (2, "")
    first = json.loads((BUNDLED / "truncation.json").read_text(encoding="utf-8"))["vectors"][0]["id"]
    assert what.format(id=first) in outcome.err
    assert outcome.err.startswith("kafkasim: ")
    assert outcome.err.count("\n") == 1


@pytest.mark.parametrize("more", [[], ["--json"], [str(BUNDLED)]])
def test_an_unknown_family_is_named_with_the_nearest(kafkasim: Kafkasim, more: list[str]) -> None:
    outcome = kafkasim("conformance", "--family", "trunkation", *more)
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err == "kafkasim: unknown family 'trunkation', did you mean 'truncation'?\n"
