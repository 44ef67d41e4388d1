"""Questions 22 to 33: replication and failure."""

from sim.teach.interview.replication import failover, isr

__all__ = ["QUESTIONS"]

QUESTIONS = tuple(sorted((*isr.QUESTIONS, *failover.QUESTIONS), key=lambda question: question.number))
