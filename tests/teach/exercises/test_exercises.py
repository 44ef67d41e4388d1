"""Every exercise passes its own solution, and leads on from each typical wrong answer with a hint of its own."""

import pytest

from sim.teach import check, exercise
from sim.teach.exercises.checking import exercises, variant

EXERCISES = exercises()


@pytest.mark.parametrize("id", EXERCISES)
def test_the_solution_passes_and_wrong_answers_are_led_on(id: str) -> None:
    drawn = variant(EXERCISES[id], "ann")
    wrong = EXERCISES[id].wrong(drawn)
    solution = EXERCISES[id].solve(drawn)
    told = [check(id, answer, "ann") for answer in wrong]
    assert check(id, solution, "ann").passed, check(id, solution, "ann").says
    assert [answer for answer, judgement in zip(wrong, told, strict=True) if judgement.passed] == []
    assert len({judgement.says for judgement in told}) >= 2
    assert [judgement.says for judgement in told if repr(solution) in judgement.says] == []


@pytest.mark.parametrize("id", EXERCISES)
def test_students_get_variants_of_their_own_and_always_the_same(id: str) -> None:
    told = {student: exercise(id, student).says for student in ("", "ann", "bob", "carol", "dave", "eve")}
    assert len(set(told.values())) >= 2
    assert exercise(id, "ann").says == told["ann"]


def test_what_cannot_be_judged_gets_a_line_that_helps() -> None:
    assert "did you mean '00-1'" in check("00-11", 3).says
    assert "did you mean '00-1'" in exercise("00-11").says
    assert "'soon' is a str; it takes a number" in check("00-1", "soon").says
    assert "no answer yet" in check("00-1", None).says
    assert "True is a bool" in check("00-1", True).says
    assert not check("00-1", float("nan"))
