"""Questions 51 to 58: delivery semantics and transactions."""

from sim.teach.interview.semantics import auto_commit, commits, fencing, hanging, outside, transactions

__all__ = ["QUESTIONS"]

MODULES = (auto_commit, commits, fencing, hanging, outside, transactions)
QUESTIONS = tuple(sorted((each for module in MODULES for each in module.QUESTIONS), key=lambda each: each.number))
