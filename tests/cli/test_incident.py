"""`kafkasim incident`: with options only, at a prompt, and one line for what cannot be."""

import json
from io import StringIO

import pytest

from tests.cli.command import Kafkasim


def test_the_list_names_titles_and_no_more(kafkasim: Kafkasim) -> None:
    outcome, told = kafkasim("incident"), json.loads(kafkasim("incident", "--list", "--json").out)
    assert outcome.code == 0
    assert len(told["incidents"]) >= 12
    assert all(incident in outcome.out for incident in told["incidents"])
    assert not [cause for cause in told["causes"] if cause in outcome.out]


def test_a_script_asks_says_and_fixes(kafkasim: Kafkasim) -> None:
    asked = ("incident", "late-without-lag", "--seed", "1", "--ask", "records-lag-max", "--out", "graphs")
    outcome = kafkasim(*asked, "--diagnose", "fetch-waits", "--fix", "linger.ms=5", "--at", "60s", "--json")
    told = json.loads(outcome.out)
    assert (outcome.code, told["graphs"][0]["metric"]) == (0, "records-lag-max")
    assert told["debrief"]["diagnosis"] == ["fetch-waits", ""]
    assert told["debrief"]["fixes"] == [{"at_s": 60.0, "set": {"linger.ms": "5"}}]
    assert told["debrief"]["good_fix"]["recovery"]["share"] > 0.8
    assert kafkasim.files()["graphs/records-lag-max.png"].startswith(b"\x89PNG")


def test_a_talk_at_the_prompt(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "graph FencedBrokerCount\nwait 5s\nhint\nfrobnicate\ngraph lag\nfix\nlist\ndiagnose slow-disk broker 2\n"
    monkeypatch.setattr("sys.stdin", StringIO(lines))
    outcome = kafkasim("incident", "part-unwritable", "--student", "ann")
    before, _, debrief = outcome.out.partition("The cause: ")
    assert outcome.code == 0
    assert "unknown command 'frobnicate'" in before
    assert "unknown metric 'lag'" in before
    assert "fix what? For instance: fix max.poll.records=100" in before
    assert "You said: slow-disk of broker-2" in " ".join(debrief.split())
    assert "hints -5" in " ".join(debrief.split())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("part-unwriteable",), "unknown incident 'part-unwriteable', did you mean 'part-unwritable'?"),
        (("part-unwritable", "--ask", "record-lag"), "unknown metric 'record-lag', did you mean 'records-lag'?"),
        (("part-unwritable", "--diagnose", "hot-kee"), "unknown cause 'hot-kee', did you mean 'hot-key'?"),
        (("part-unwritable", "--fix", "restart"), "--fix restart: write it as key=value"),
        (("part-unwritable", "--fix", "restart=broker-7"), "there is no application or broker broker-7"),
        (("part-unwritable", "--at", "1s"), "--at 1s: it is "),
        (("part-unwritable", "--seed", "1", "--student", "ann"), "--seed and --student both choose"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_bad_input_is_one_line(kafkasim: Kafkasim, arguments: tuple[str, ...], line: str) -> None:
    outcome = kafkasim("incident", *arguments)
    assert (outcome.code, outcome.out, outcome.err.count("\n")) == (2, "", 1)
    assert outcome.err.startswith(f"kafkasim: {line}")
    assert kafkasim.files() == {}
