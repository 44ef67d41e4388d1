"""`kafkasim trace`."""

import json
from pathlib import Path

import pytest

from tests.cli.command import Kafkasim


def test_a_run_is_written_for_both_tools(kafkasim: Kafkasim) -> None:
    kafkasim("run", "hello-topic", "--until", "10s", "--out", "o")
    outcome = kafkasim("trace", "o", "--perfetto", "t.json", "--openmetrics", "m.txt", "--from", "4s", "--to", "6s")
    assert (outcome.code, outcome.err) == (0, "")
    assert f"t.json: {len(json.loads(Path('t.json').read_text())['traceEvents']):,} events" in outcome.out
    assert Path("m.txt").read_text().endswith("# EOF\n")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("trace hello-topic", "say what to write, --perfetto trace.json or --openmetrics metrics.txt"),
        ("trace helo-topic --openmetrics m", "unknown scenario 'helo-topic', did you mean 'hello-topic'?"),
        ("trace hello-topic --perfetto t --from 9s --to 8s", "--to 8s: must be later than --from 9s"),
        ("trace hello-topic --perfetto t --from soon", "--from: 'soon' is not a duration"),
        ("trace . --perfetto t", "is no folder of a run"),
    ],
)
def test_what_cannot_be_written_is_one_line(kafkasim: Kafkasim, arguments: str, told: str) -> None:
    outcome = kafkasim(*arguments.split())
    assert outcome.code == 2
    assert told in outcome.err
    assert outcome.err.count("\n") == 1
    assert kafkasim.files() == {}
