"""`kafkasim validate`: the table, the JSON object, exit codes and bad input."""

import json

from tests.cli.command import Kafkasim

CONFIG = {
    "leaders_on_broker": 40,
    "election_ms_per_partition": 5,
    "cluster_partitions": 9,
    "init_ms_per_partition": 2,
}
ELECTION = {"id": "Z", "config": CONFIG, "measured": {"max_partition_unavailability_s": 0.25, "same_s": 1}}


def test_the_json_object(kafkasim: Kafkasim) -> None:
    path = kafkasim.write("cases.json", json.dumps([ELECTION]))
    outcome = kafkasim("validate", str(path), "--json")
    assert (outcome.code, outcome.err) == (0, "")
    assert json.loads(outcome.out) == {
        "cases": [
            {
                "id": "Z",
                "quantity": "max_partition_unavailability_s",
                "measured": 0.25,
                "predicted": 0.2,
                "error_pct": -20.0,
                "calibration": False,
            }
        ],
        "median_abs_error_pct": 20.0,
    }


def test_the_table_tells_errors_and_what_is_not_predicted(kafkasim: Kafkasim) -> None:
    path = kafkasim.write("cases.json", json.dumps([ELECTION]))
    outcome = kafkasim("validate", str(path))
    assert outcome.code == 0
    assert "-20.0" in outcome.out
    assert "median absolute error of what nothing was fitted on: 20.0 %" in outcome.out
    assert "not predicted: Z same_s: " in outcome.out


def test_bad_input_is_one_line_and_exit_code_2(kafkasim: Kafkasim) -> None:
    lacking = {**ELECTION, "config": {"election_ms_per_partition": 5}}
    path = kafkasim.write("cases.json", json.dumps([lacking]))
    for arguments, said in (((str(path),), "case Z: config has no 'leaders_on_broker'"), (("none.json",), "none.json")):
        outcome = kafkasim("validate", *arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert said in outcome.err
        assert len(outcome.err.splitlines()) == 1
