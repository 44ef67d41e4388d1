"""`kafkasim interview`: questions asked, listed, exported; and one line for what cannot be asked."""

import json
import re
from io import StringIO

import pytest

import scenarios
from sim.cli import interview_coverage
from sim.cli.charts import bars
from sim.teach.interview import inventory
from sim.teach.interview.coverage import of_misconception
from sim.teach.interview.inventory import Questions
from tests.cli.command import Kafkasim

FIRST = "Why does a topic have partitions?"


class Terminal(StringIO):
    """Standard input of somebody who types."""

    def isatty(self) -> bool:
        return True


def test_the_list_has_a_line_for_each_question(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("interview", "--list")
    assert (outcome.code, outcome.err) == (0, "")
    told = [(int(line.split()[0]), line.split(maxsplit=3)[3]) for line in outcome.out.splitlines()]
    assert told == [(each.number, each.asks) for each in inventory.questions()]
    seniors = kafkasim("interview", "--list", "--level", "senior", "--topic", "streams").out
    assert [line.split()[0] for line in seniors.splitlines()] == ["59", "60", "61"]


def test_the_list_as_json(kafkasim: Kafkasim) -> None:
    rows = json.loads(kafkasim("interview", "--list", "--topic", "log", "--json").out)
    assert rows[0] == {"number": 1, "topic": "log", "level": "junior", "asks": FIRST}


def test_without_a_terminal_nothing_is_waited_for(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("interview", "--question", "1", "--out", "o")
    assert (outcome.code, outcome.err) == (0, "")
    words = " ".join(outcome.out.split())
    for expected in (
        FIRST,
        "Proved: 6 consumers",
        "6 ████████████████████████████████████████ 2,586",
        "The answer in 60 seconds",
        "They ask next: ",
        "Refuted: Eight consumers read",
        "o/question-01.png is drawn.",
    ):
        assert expected in words
    assert "Your prediction" not in words
    assert kafkasim.files()["o/question-01.png"].startswith(b"\x89PNG")


def test_a_prediction_is_compared(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("8\n"))
    out = kafkasim("interview", "--question", "1").out
    assert "Your prediction: " in out
    assert "You said 8, not near: 2 more than the 6 consumers of the runs." in out
    monkeypatch.setattr("sys.stdin", Terminal(""))
    assert "Your prediction" not in kafkasim("interview", "--question", "1", "--yes").out


def test_the_end_of_the_input_ends_the_interview(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", Terminal(""))
    with pytest.raises(KeyboardInterrupt):
        kafkasim("interview", "--question", "1", "--out", "o")
    assert kafkasim.files() == {}


def test_json_has_the_numbers(kafkasim: Kafkasim) -> None:
    found = json.loads(kafkasim("interview", "--question", "1", "--json").out)
    (answered,) = found["questions"]
    assert found["basics"] == []
    assert answered["proof"] == {"holds": True, "number": 6, "unit": "consumers"}
    assert answered["experiment"] == ["kafkasim run partitions-and-consumers --set records=300"]
    assert all(wrong["refuted"] for wrong in answered["wrong"])
    assert "{" not in answered["answer"] + answered["follow_up_answer"]


def test_the_walkthrough_is_one_page(kafkasim: Kafkasim) -> None:
    outcome = kafkasim("interview", "--question", "1", "--export", "w.html")
    assert (outcome.code, outcome.err) == (0, "")
    assert re.fullmatch(r"w\.html is written, \d\.\d MB; open it in any browser, and print it there\.\n", outcome.out)
    assert kafkasim.files().keys() == {"w.html"}
    assert FIRST in kafkasim.files()["w.html"].decode()


def test_coverage_is_printed(kafkasim: Kafkasim, monkeypatch: pytest.MonkeyPatch) -> None:
    first, refuting = inventory.question(1), scenarios.find("two-failures-tolerated")
    monkeypatch.setattr(inventory, "questions", lambda: Questions([first]))
    monkeypatch.setattr(interview_coverage, "flown_basics", list)
    monkeypatch.setattr(interview_coverage, "misconceptions", lambda: [of_misconception(refuting.run())])
    out = kafkasim("interview", "--coverage").out
    assert "1 of 66 questions are proved, 0 of 0 words of the short answer; 1 of 1 misconceptions are refuted." in out
    assert f"| 1 | {FIRST} | partitions-and-consumers | `tests/teach/interview/test_log.py::" in out
    assert "two-failures-tolerated | `tests/scenarios/" in out
    found = json.loads(kafkasim("interview", "--coverage", "--json").out)
    assert [(row["number"], row["holds"]) for row in found["questions"]] == [(1, True)]
    assert kafkasim.files() == {}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ("--topic streems", "unknown topic 'streems', did you mean 'streams'?"),
        ("--level juniors", "unknown level 'juniors', did you mean 'junior'?"),
        ("--question 99", "there is no question 99, did you mean 66? They are numbered 1 to 66"),
        ("--question 1 --topic log", "--question 1 is one question; leave N, --topic, --level and --all away"),
        ("--question 1 2", "--question 1 is one question; leave N, --topic, --level and --all away"),
        ("2 --all", "2 and --all: ask for so many questions, or for all"),
        ("0", "0 questions: ask for 1 to "),
        ("--level junior --topic streams 2", "2 questions: ask for 1 to 1, as many as there are junior on streams"),
        ("--write", "--write goes with --coverage: that page is what is kept"),
        ("--export page.pdf", "--export page.pdf: name a page, such as walkthrough.html"),
        ("--export no/page.html", "no/page.html: name a file in a folder that is there, such as walkthrough.html"),
        ("--question 1 --out file", "--out file: "),
        ("one", "Invalid value for '[N]': 'one' is not a valid integer; see kafkasim interview --help"),
    ],
)
def test_what_cannot_be_asked_is_one_line(kafkasim: Kafkasim, arguments: str, told: str) -> None:
    kafkasim.write("file", "")
    outcome = kafkasim("interview", *arguments.split())
    assert (outcome.code, outcome.out) == (2, "")
    assert outcome.err.startswith(f"kafkasim: {told}")
    assert outcome.err.count("\n") == 1
    assert kafkasim.files() == {"file": b""}


def test_bars_are_as_long_as_their_values() -> None:
    told = bars({"a": [(1, 5), (2, 10)], "b": [(1, 0)]}, "consumers", "records/s")
    assert told == ["records/s, by consumers", "a", f"  1 {'█' * 20} 5", f"  2 {'█' * 40} 10", "b", "  1  0"]
    many = bars({"a": [(float(place), 0.0) for place in range(100)]}, "x", "y")
    assert len(many) <= 13
