"""Questions 1 to 12: the log, partitions, order, retention."""

from sim.teach.interview.log import partitions

__all__ = ["QUESTIONS"]

QUESTIONS = (*partitions.QUESTIONS,)
