"""The interview trainer: 66 questions, each answered by an experiment that is run live.

In a notebook: `from sim.teach import interview`, then `interview.questions(topic="log")` and
`interview.ask(7, scenarios.find)`.
"""

from sim.teach.interview.asking import ask
from sim.teach.interview.inventory import question, questions

__all__ = ["ask", "question", "questions"]
