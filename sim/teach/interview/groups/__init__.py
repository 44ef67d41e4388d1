"""Questions 34 to 50: consumer groups, rebalances, lag, fetching and offsets."""

from sim.teach.interview.groups import rebalancing, storm, timeouts

__all__ = ["QUESTIONS"]

QUESTIONS = (*rebalancing.QUESTIONS, *timeouts.QUESTIONS, *storm.QUESTIONS)
