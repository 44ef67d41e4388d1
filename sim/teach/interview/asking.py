"""A question asked in a notebook."""

from sim.teach.interview.answering import Answered, answer
from sim.teach.interview.flying import Find
from sim.teach.interview.inventory import question

__all__ = ["ask"]


def ask(number: int, find: Find) -> Answered:
    """Fly what answers question `number`; a notebook shows the answer with its figure.

    `find` gives a scenario by its name, such as `scenarios.find`. Raises ConfigError, one line, for an unknown number.
    """
    return answer(question(number), find)
