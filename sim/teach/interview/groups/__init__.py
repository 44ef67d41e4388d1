"""Questions 34 to 50: consumer groups, rebalances, lag, fetching and offsets."""

from sim.teach.interview.groups import (
    alerting,
    assigning,
    catching_up,
    downstream,
    failing,
    fetching,
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
    *alerting.QUESTIONS,
    *catching_up.QUESTIONS,
    *downstream.QUESTIONS,
    *failing.QUESTIONS,
    *fetching.QUESTIONS,
)
