"""What must hold of every question: it is proved, its texts are filled, and each wrong answer is refuted."""

import math

import scenarios
from sim.teach.interview.flying import fly
from sim.teach.interview.question import Question

__all__ = ["shortcomings"]


def shortcomings(question: Question) -> list[str]:
    """What is not as it must be, in sentences; nothing of a good question."""
    runs = fly(question, scenarios.find)
    proof = question.prove(runs)
    answers = [text.format_map(proof.figures) for text in (question.answer, question.follow_up_answer)]
    found = [] if proof.holds else [f"not proved: {proof.says}"]
    found += [] if math.isfinite(proof.number) and proof.unit and proof.says else ["the proof has no number"]
    found += [f"{len(text.split())} words" for text in answers if not 20 <= len(text.split()) <= 160]
    found += [] if question.answer != answers[0] else ["no computed number in the answer"]
    found += [] if question.wrong else ["no wrong answer"]
    for wrong in question.wrong:
        refuted, told = wrong.refute(runs)
        found += [] if refuted and any(letter.isdigit() for letter in told) else [f"not refuted: {wrong.says} {told}"]
    return found
