"""The questions about streams are answered by their runs."""

import pytest

from sim.teach.interview.question import Question
from sim.teach.interview.streams import QUESTIONS
from tests.teach.interview.proving import shortcomings


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: f"{question.number:02}")
def test_it_is_proved_and_its_wrong_answers_are_refuted(question: Question) -> None:
    assert shortcomings(question) == []
