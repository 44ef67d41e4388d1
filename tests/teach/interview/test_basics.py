"""The short answer to "What is Kafka?" is proved."""

import pytest

import scenarios
from sim.teach.interview.basics import ANSWER, WORDS, Shown, show


@pytest.fixture(scope="module")
def shown() -> list[Shown]:
    return show(scenarios.find)


def test_every_word_of_the_short_answer_is_proved(shown: list[Shown]) -> None:
    assert [each.word for each in shown if not each.proof.holds] == []
    assert all(any(letter.isdigit() for letter in each.proof.says) and each.proof.unit for each in shown)
    assert len({each.proof.says for each in shown}) == len(shown)


@pytest.mark.parametrize("word", [word.word for word in WORDS])
def test_it_is_a_word_of_the_short_answer(word: str) -> None:
    assert word in ANSWER.casefold()
