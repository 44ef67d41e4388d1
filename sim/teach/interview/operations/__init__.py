"""Questions 63 to 66: capacity, bottlenecks, utilisation, distance."""

__all__ = ["QUESTIONS"]

QUESTIONS = ()
