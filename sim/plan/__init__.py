"""Experiments and plans: many runs, and answers with error bars."""

from sim.plan.measures import long_run
from sim.plan.sensitivity import sensitivity
from sim.plan.sweeping import sweep
from sim.plan.tables import differences, summary

__all__ = ["differences", "long_run", "sensitivity", "summary", "sweep"]
