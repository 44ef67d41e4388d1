"""All questions in one place, by topic, level and number; a topic is imported when it is asked for."""

from collections.abc import Iterator
from importlib import import_module
from random import Random

from sim.machine.hardware import nearest
from sim.rules.errors import ConfigError
from sim.teach.interview.question import Question

__all__ = ["LEVELS", "MOST", "TOPICS", "Questions", "draw", "question", "questions"]

TOPICS = (
    "log",
    "producer",
    "replication",
    "groups",
    "semantics",
    "streams",
    "operations",
)
"""A package beside this module each, in the order of their questions."""

LEVELS = ("junior", "senior")

MOST = 66
"""How many questions the inventory has."""


class Questions(tuple[Question, ...]):
    """Questions in the order of their numbers; a notebook shows them as a list."""

    def _repr_markdown_(self) -> str:
        return "\n".join(f"- **{each.number}** ({each.topic}, {each.level}) {each.asks}" for each in self)


def questions(topic: str | None = None, level: str | None = None) -> Questions:
    """Those of a topic, of a level, or all. Raises ConfigError with the nearest name, one line."""
    for name, given, known in (("topic", topic, TOPICS), ("level", level, LEVELS)):
        if given is not None and given not in known:
            raise ConfigError(f"unknown {name} {given!r}{nearest(given, known)}")
    found = _of(TOPICS if topic is None else (topic,))
    return Questions(each for each in found if level is None or each.level == level)


def question(number: int) -> Question:
    """The one with this number. Raises ConfigError with the nearest number, one line."""
    known = {each.number: each for each in questions()}
    if number not in known:
        near = min(known, key=lambda other: abs(other - number))
        raise ConfigError(f"there is no question {number}, did you mean {near}? They are numbered 1 to {max(known)}")
    return known[number]


def draw(count: int, seed: int, topic: str | None = None, level: str | None = None) -> Questions:
    """So many different questions by chance, in the order drawn. Raises ConfigError for more than there are."""
    among = questions(topic, level)
    if not 1 <= count <= len(among):
        kind = " ".join(word for word in (level, topic and f"on {topic}") if word)
        raise ConfigError(f"{count} questions: ask for 1 to {len(among)}, as many as there are{kind and ' '}{kind}")
    return Questions(Random(f"interview {seed}").sample(among, count))


def _of(topics: tuple[str, ...]) -> Iterator[Question]:
    for topic in topics:
        yield from import_module(f"{__package__}.{topic}").QUESTIONS
