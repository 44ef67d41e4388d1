"""Experiments and plans: many runs, and answers with error bars."""
