"""Experiments and plans: many runs, and answers with error bars."""

from sim.plan.sweeping import sweep
from sim.plan.tables import differences, summary

__all__ = ["differences", "summary", "sweep"]
