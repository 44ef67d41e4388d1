"""What a student sees of an exercise: its question, and what is said of an answer."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from random import Random
from typing import Any

from sim.machine.hardware import nearest
from sim.machine.streams import Streams
from sim.rules.errors import ConfigError
from sim.teach.exercises.exercise import Exercise, Variant

__all__ = ["CHAPTERS", "Judgement", "Told", "check", "exercise", "exercises", "variant"]

CHAPTERS = ("00", "01", "02", "03", "04", "05", "06", "07", "08", "09", "10", "11")
"""The chapters that have exercises."""


@dataclass(frozen=True, slots=True)
class Told:
    """Words that a notebook shows as Markdown."""

    says: str

    def _repr_markdown_(self) -> str:
        return self.says

    def __str__(self) -> str:
        return self.says


@dataclass(frozen=True, slots=True)
class Judgement(Told):
    """What is said of an answer: that it is right, or a hint. It is true when the answer has `passed`."""

    passed: bool

    def __bool__(self) -> bool:
        return self.passed

    def _repr_markdown_(self) -> str:
        return f"{'✔' if self.passed else '✘'} {self.says}"


def exercises() -> Mapping[str, Exercise]:
    """All exercises by their ids, in order."""
    modules = [import_module(f"sim.teach.exercises.chapter_{chapter}") for chapter in CHAPTERS]
    return {exercise.id: exercise for module in modules for exercise in module.EXERCISES}


def exercise(id: str, student: str = "") -> Told:
    """The question of an exercise in this student's variant, as Markdown; a line that helps for an id there is not."""
    try:
        found = _found(id)
    except ConfigError as error:
        return Told(str(error))
    return Told(f"**Exercise {id}.** {' '.join(found.asks(variant(found, student)).split())}")


def check(id: str, answer: Any, student: str = "") -> Judgement:
    """Judge an answer to this student's variant; a wrong one gets a hint that leads on and does not give it away.

    An unknown id, no answer, and an answer of the wrong type get a line that says what would be right.
    """
    try:
        found = _found(id)
    except ConfigError as error:
        return Judgement(str(error), False)
    unfit = _unfit(found, answer)
    hint = unfit or found.judge(variant(found, student), answer)
    return Judgement(f"**{id}**: {' '.join(hint.split()) or 'right.'}", not hint)


def variant(exercise: Exercise, student: str) -> Variant:
    """What this student is asked: the same each time, and another for another student."""
    chance: Random = Streams(0)[f"{exercise.id}/{student}"]
    return exercise.draw(chance)


def _found(id: object) -> Exercise:
    known = exercises()
    if not isinstance(id, str) or id not in known:
        raise ConfigError(f"there is no exercise {id!r}{nearest(str(id), known)}")
    return known[id]


def _unfit(exercise: Exercise, answer: Any) -> str:
    """Why an answer cannot be judged, or nothing."""
    if answer is None or answer is ...:
        return f"no answer yet; it takes {exercise.answer}."
    if exercise.options:
        known = isinstance(answer, str) and answer in exercise.options
        return "" if known else f"{answer!r} is none of the options{nearest(str(answer), exercise.options)}."
    if isinstance(answer, exercise.takes) and not isinstance(answer, bool):
        return "" if answer == answer else f"not a number is no answer; it takes {exercise.answer}."
    return f"{answer!r} is a {type(answer).__name__}; it takes {exercise.answer}."
