"""Questions 34 to 50: consumer groups, rebalances, lag, fetching and offsets."""

from sim.teach.interview.groups import (
    assigning,
    downstream,
    failing,
    fetching,
    lag,
    rebalancing,
    scaling,
    storm,
    timeouts,
)

__all__ = ["QUESTIONS"]

QUESTIONS = (
    *rebalancing.QUESTIONS,
    *timeouts.QUESTIONS,
    *storm.QUESTIONS,
    *assigning.QUESTIONS,
    *scaling.QUESTIONS,
    *lag.QUESTIONS,
    *downstream.QUESTIONS,
    *failing.QUESTIONS,
    *fetching.QUESTIONS,
)
