"""A candidate's number beside that of the runs."""

from dataclasses import replace

import pytest

from sim.teach.interview import inventory
from sim.teach.interview.numbers import amount, compared, plain
from sim.teach.interview.question import Proof

SIX = Proof(True, 6.0, "consumers", "")


@pytest.mark.parametrize(
    ("number", "told"), [(6.0, "6"), (2586, "2,586"), (0.1041, "0.104"), (8.166, "8.17"), (12345.6, "12,346"), (0, "0")]
)
def test_numbers_are_short(number: float, told: str) -> None:
    assert plain(number) == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("6", "You said 6: that is what the runs say."),
        ("about six, so 6.0", "You said 6: that is what the runs say."),
        ("6.4", "You said 6.4, near: 0.4 more than the 6 consumers of the runs."),
        ("1,000", "You said 1,000, not near: 994 more than the 6 consumers of the runs."),
        ("-1", "You said -1, not near: 7 less than the 6 consumers of the runs."),
        ("no idea", "You said: no idea. There is no number in it; the runs say 6 consumers."),
    ],
)
def test_a_number_is_compared_and_words_are_not(said: str, told: str) -> None:
    assert compared(said, inventory.question(1), SIX) == told


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("2", "You said disks: so say the runs."),
        ("DISK", "You said disks: so say the runs."),
        ("1", "You said cards: the runs say disks."),
        ("4", "You said: 4. That is none of cards, disks; the runs say 70 MB/s."),
    ],
)
def test_a_choice_is_named_by_its_place_or_its_letters(said: str, told: str) -> None:
    question = replace(inventory.question(1), choices=("cards", "disks"))
    proof = Proof(True, 70, "MB/s", "", {"choice": "disks"})
    assert compared(said, question, proof) == told


def test_a_choice_without_a_right_one_is_not_graded() -> None:
    question = replace(inventory.question(1), choices=("cards", "disks"))
    assert compared("disks", question, SIX) == f"You said disks; the runs say {amount(SIX)}."
