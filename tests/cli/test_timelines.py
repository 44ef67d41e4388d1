"""`kafkasim timelines`: the table, the JSON object and bad input."""

import json

import pytest

from tests.cli.command import Kafkasim
from tests.timelines.made import made, values

HANG = [{"ev": "sigstop", "t": 0, "broker": 5}, {"ev": "sigcont", "t": 1000, "broker": 5}]
SERVER = {"back_action_at": values(1000, 1000, 1000), "process_exit": values(7)}
SEEN = {"longest_ack_gap": values(1000, 1010, 1020), "lost_acked": values(2, 3)}


def test_json_object(kafkasim: Kafkasim) -> None:
    kafkasim.write("made.json", json.dumps(made(HANG, SERVER, SEEN)))
    outcome = kafkasim("timelines", "made.json", "--runs", "1", "--json")
    assert (outcome.code, outcome.err) == (0, "")
    told = json.loads(outcome.out)
    assert told.keys() == {"cases", "inside", "total"}
    back, left, gap, lost = told["cases"]
    assert back == {
        "id": "fault_made_up/server",
        "quantity": "back_action_at",
        "measured": [1000, 1000, 1000],
        "simulated": [1000, 1000, 1000],
        "inside": True,
    }
    assert left["simulated"] == [None, None, None]
    assert (left["counted"], left["reason"]) == (False, "contains the end of a process")
    assert (gap["id"], gap["measured"], gap["inside"]) == ("fault_made_up/T", [1000, 1010, 1020], True)
    assert (lost["measured"], lost["simulated"], lost["inside"]) == ([2, 2.5, 3], [0, 0, 0], False)
    assert (told["inside"], told["total"]) == (2, 3)


def test_table_for_people(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    kafkasim.write("made.json", json.dumps(made(HANG, SERVER, SEEN)))
    kafkasim.write("other.json", "{}")
    outcome = kafkasim("timelines", ".", "--runs", "1")
    assert outcome.code == 0
    assert outcome.err == "passed over other.json: no recording of faults or of a group\n"
    assert "made.json: 2 of 3" in outcome.out
    assert "1000 … 1010 … 1020" in outcome.out
    assert outcome.out.splitlines()[-1] == "2 of 3 of the counted figures lie inside"


@pytest.mark.parametrize(
    ("content", "arguments", "what"),
    [
        (None, ["absent.json"], "absent.json: no such file or folder"),
        ("{", ["made.json"], "made.json: is no JSON: "),
        ("{}", ["made.json"], "made.json: is no recording of faults"),
        (
            json.dumps(made([{"ev": "kick", "t": 0}])),
            ["made.json"],
            "made.json: fault_made_up.runs[0].actions[0].ev: unknown",
        ),
        ("{}", ["made.json", "--runs", "0"], "--runs"),
        (None, ["."], "there is no JSON file in this folder"),
    ],
)
def test_bad_input_is_one_line(kafkasim: Kafkasim, content: str | None, arguments: list[str], what: str) -> None:
    if content is not None:
        kafkasim.write("made.json", content)
    outcome = kafkasim("timelines", *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert what in outcome.err
    assert outcome.err.count("\n") == 1
