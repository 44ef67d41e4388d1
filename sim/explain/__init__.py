"""Why a run went as it did: a chain from a symptom to a setting, and what another value would have done."""

from sim.explain.chain import Chain, Link, Remedy
from sim.explain.explaining import SYMPTOMS, explain

__all__ = ["SYMPTOMS", "Chain", "Link", "Remedy", "explain"]
