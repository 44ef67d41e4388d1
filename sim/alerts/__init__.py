"""Alert rules about consumer lag, tried on runs: what they see, how late they are, and how often they are wrong."""

from sim.alerts.judging import Judgement, judge
from sim.alerts.rules import RULES, Rule, rule_of

__all__ = ["RULES", "Judgement", "Rule", "judge", "rule_of"]
