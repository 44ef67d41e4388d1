"""Questions 1 to 12: the log, partitions, order, retention."""

from sim.teach.interview.log import compaction, offsets, order, partitions, retention, sizing, skew, sticky

__all__ = ["QUESTIONS"]

_MODULES = (partitions, order, offsets, skew, sticky, compaction, retention, sizing)
QUESTIONS = tuple(sorted((each for module in _MODULES for each in module.QUESTIONS), key=lambda each: each.number))
