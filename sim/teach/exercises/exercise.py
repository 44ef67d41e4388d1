"""An exercise: a question in the variant of one student, its solution, and what leads on who is wrong."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import Any

__all__ = ["Exercise", "Variant", "near"]

Variant = Mapping[str, Any]
"""What was drawn for one student; the values can be hashed, so that a flight is kept for the next check."""


@dataclass(frozen=True, slots=True)
class Exercise:
    """One exercise. `id` is chapter and number, `03-2`; `answer` says what is asked for, as in *a number of records*.

    `draw` makes the variant of a student. `solve` computes its right answer; where there are many (settings that must
    reach a goal) it is one of them. `judge` answers with a hint for a wrong answer, and with "" for a right one.
    `wrong` are typical wrong answers to a variant: tests see that each gets a hint of its own. With `options` the
    answer is one of them; else `takes` says which types it may have.
    """

    id: str
    answer: str
    draw: Callable[[Random], Variant]
    asks: Callable[[Variant], str]
    solve: Callable[[Variant], Any]
    judge: Callable[[Variant, Any], str]
    wrong: Callable[[Variant], tuple[Any, ...]]
    takes: tuple[type, ...] = (int, float)
    options: tuple[str, ...] = ()


def near(right: float, answer: float, tolerance: float = 0.0) -> bool:
    """Whether an answer is right within a share of the right one, such as 0.05."""
    return abs(answer - right) <= tolerance * abs(right) + 1e-9
