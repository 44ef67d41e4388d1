"""Questions 22 to 33: replication and failure."""

from sim.teach.interview.replication import elections, failover, isolation, isr, placement, restarts, traffic

__all__ = ["QUESTIONS"]

MODULES = (elections, failover, isolation, isr, placement, restarts, traffic)
QUESTIONS = tuple(sorted((each for module in MODULES for each in module.QUESTIONS), key=lambda each: each.number))
