"""Questions 59 to 62: windows and late events, joins, state, the two kinds of time."""

from sim.teach.interview.streams import tables, windows

__all__ = ["QUESTIONS"]

QUESTIONS = tuple(sorted((*windows.QUESTIONS, *tables.QUESTIONS), key=lambda question: question.number))
