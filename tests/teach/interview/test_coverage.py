"""The table of what proves what is not stale, and the tests that it names exist. Nothing is flown here."""

import re
from pathlib import Path

import pytest

import scenarios
from sim.teach.interview import inventory
from sim.teach.interview.basics import WORDS
from sim.teach.interview.coverage import asked_in, refuted_in

ROOT = Path(scenarios.__file__).parents[1]
PAGE = (ROOT / "sim" / "teach" / "README.md").read_text(encoding="utf-8")
TESTS = sorted(set(re.findall(r"`(tests/[^`\[]+::[a-z_]+)", PAGE)))
STALE = "stale: run kafkasim interview --coverage --write"


def test_each_question_has_its_row() -> None:
    assert asked_in(PAGE) == [(each.number, each.asks) for each in inventory.questions()], STALE


def test_each_misconception_has_its_row() -> None:
    names = list(scenarios.themes()["misconceptions"])
    assert refuted_in(PAGE) == names, STALE
    assert f"{len(names)} of {len(names)} misconceptions are refuted" in PAGE


def test_all_of_it_is_proved() -> None:
    count = len(inventory.questions())
    assert f"{count} of {inventory.MOST} questions are proved, {len(WORDS)} of {len(WORDS)} words" in PAGE
    assert "not proved" not in PAGE


@pytest.mark.parametrize("test", TESTS)
def test_the_test_that_asserts_it_exists(test: str) -> None:
    path, _, name = test.partition("::")
    assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8")


def test_every_topic_has_its_test() -> None:
    assert {f"tests/teach/interview/test_{topic}.py" for topic in inventory.TOPICS} <= {
        test.partition("::")[0] for test in TESTS
    }
