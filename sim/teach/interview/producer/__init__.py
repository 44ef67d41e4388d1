"""Questions 13 to 21: acknowledgements, batches, retries, limits."""

from sim.teach.interview.producer import acks, batching, buffer, patience, quotas, retries

__all__ = ["QUESTIONS"]

_MODULES = (acks, batching, retries, buffer, patience, quotas)
QUESTIONS = tuple(each for module in _MODULES for each in module.QUESTIONS)
