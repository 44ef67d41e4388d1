"""What notebooks and the page to print show of a question."""

import re
from base64 import b64decode
from dataclasses import replace
from hashlib import sha256

import pytest

import scenarios
from sim.teach import interview
from sim.teach.interview.answering import Answered
from sim.teach.interview.basics import Shown
from sim.teach.interview.pages import page
from sim.teach.interview.question import Picture, Proof, WrongAnswer

PICTURE = re.compile(r"data:image/png;base64,([A-Za-z0-9+/=]+)")


@pytest.fixture(scope="module")
def answered() -> Answered:
    return interview.ask(1, scenarios.find)


def test_a_notebook_shows_the_answer_with_its_figure(answered: Answered) -> None:
    for shown in (answered._repr_html_(), answered._repr_markdown_()):
        assert all(part in shown for part in ("6 consumers", "They ask next: ", answered.answer, answered.proof.says))
        assert b64decode(PICTURE.findall(shown)[0]).startswith(b"\x89PNG")
    assert repr(answered).startswith("Why does a topic have partitions? 6 consumers. A partition is")


def test_a_view_of_a_flight_is_its_figure_too(answered: Answered) -> None:
    viewed = replace(answered, question=replace(answered.question, picture=Picture("groups", "lag")))
    shown = viewed._repr_html_()
    assert b64decode(PICTURE.findall(shown)[0]).startswith(b"\x89PNG")
    assert f"<figcaption>{answered.proof.says}</figcaption>" in shown


def test_the_page_needs_nothing_else(answered: Answered) -> None:
    text = page([answered])
    style = text.partition("<style>")[2].partition("</style>")[0]
    policy = text.partition("Content-Security-Policy")[2].partition(">")[0]
    assert "default-src 'none'" in policy
    assert b64decode(policy.partition("sha256-")[2].partition("'")[0]) == sha256(style.encode()).digest()
    assert re.findall(r'(?:src|href)="(?!data:|#)[^"]*"', text) == []
    assert "<script" not in text
    assert "http" not in text.replace("http-equiv", "")
    assert page([answered]) == text


def test_the_page_has_the_contents_and_the_basics(answered: Answered) -> None:
    shown = Shown("topic", "a log", Proof(False, 3, "readers", "Three <of> them."))
    text = page([answered], [shown])
    assert '<a href="#q1">' in text
    assert '<article id="q1">' in text
    assert "1 of 2 answers are proved" in text
    assert "Three &lt;of&gt; them." in text


def test_what_is_not_refuted_says_so(answered: Answered) -> None:
    wrong = replace(answered.question, wrong=(WrongAnswer("<b>", lambda _: (False, "Who knows.")),))
    again = replace(answered, question=wrong, refutations=(replace(answered.refutations[0], refuted=False),))
    assert not again.holds
    assert "<b>Not refuted.</b>" in again._repr_html_()
