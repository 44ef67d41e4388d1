"""Questions 63 to 66: capacity, bottlenecks, utilisation, distance."""

from sim.teach.interview.operations import capacity, distance, queueing

__all__ = ["QUESTIONS"]

QUESTIONS = (*capacity.QUESTIONS, *queueing.QUESTIONS, *distance.QUESTIONS)
