"""What proves what: question, experiment, the test that asserts it, and the number; the same for misconceptions."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sim.run import Run
from sim.teach.interview.answering import Answered
from sim.teach.interview.basics import Shown
from sim.teach.interview.inventory import MOST
from sim.teach.interview.numbers import amount
from sim.view.finding import finding

__all__ = ["Coverage", "Row", "asked_in", "of_misconception", "of_question", "of_word", "refuted_in"]

HEAD = """# What is taught, and what proves it

Made by `kafkasim interview --coverage --write`: every number comes from a run. `kafkasim interview` asks the
questions, `kafkasim interview --question 1` the first of them, and `kafkasim run NAME` flies a scenario named here.
"""
QUESTIONS, MISCONCEPTIONS = "## Interview questions", "## Misconceptions"
BASICS = "tests/teach/interview/test_basics.py::test_every_word_of_the_short_answer_is_proved"
PROVED = "test_it_is_proved_and_its_wrong_answers_are_refuted"
CLAIMED = "tests/scenarios/test_claims_of_misconceptions.py::test_what_it_claims_is_so"
ROW = re.compile(r"^\| (\d+) \| ([^|]+) \|", re.MULTILINE)
SCENARIO = re.compile(r"^\| [^|]+ \| ([a-z0-9-]+) \|", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """What is asked or said, the flights that show it, the test that asserts it, what came out, and whether it holds.

    `number` is that of a question; `asserted_by` is the id of a test.
    """

    asks: str
    experiment: str
    asserted_by: str
    found: str
    holds: bool
    number: int | None = None

    def cells(self) -> list[str]:
        """For a table; what does not hold says so."""
        found = self.found if self.holds else f"not proved: {self.found}"
        place = [] if self.number is None else [str(self.number)]
        return [*place, self.asks, self.experiment, f"`{self.asserted_by}`", found]


@dataclass(frozen=True, slots=True)
class Coverage:
    """All rows of a page."""

    questions: Sequence[Row]
    words: Sequence[Row]
    misconceptions: Sequence[Row]

    def summary(self) -> str:
        """How many of each hold, in one line."""
        proved, words, refuted = (
            sum(row.holds for row in rows) for rows in (self.questions, self.words, self.misconceptions)
        )
        return (
            f"{proved} of {MOST} questions are proved, {words} of {len(self.words)} words of the short answer; "
            f"{refuted} of {len(self.misconceptions)} misconceptions are refuted."
        )

    def page(self) -> str:
        """Markdown."""
        parts = [HEAD, f"\n{self.summary()}\n\n{QUESTIONS}\n"]
        parts += _table(("", "question", "experiment", "asserted by", "number"), self.questions)
        parts += ["\n## The short answer\n\n`kafkasim interview --basics` flies it.\n"]
        parts += _table(("word", "means", "asserted by", "number"), self.words)
        parts += [f"\n{MISCONCEPTIONS}\n"]
        parts += _table(("what is asked", "scenario that refutes it", "asserted by", "found"), self.misconceptions)
        return "".join(parts)

    def as_json(self) -> dict[str, Any]:
        """The same for programs."""
        return {"summary": self.summary(), **asdict(self)}


def of_question(answered: Answered) -> Row:
    """The row of a question that was flown; the flights themselves are not kept."""
    asked = answered.question
    flown = dict.fromkeys(
        flight.scenario if isinstance(flight.scenario, str) else flight.scenario.name
        for flight in asked.flights.values()
    )
    test = f"tests/teach/interview/test_{asked.topic}.py::{PROVED}[{asked.number:02}]"
    experiment = ", ".join(flown) or "the rules alone"
    return Row(asked.asks, experiment, test, amount(answered.proof), answered.holds, asked.number)


def of_word(shown: Shown) -> Row:
    """The row of a word of the short answer."""
    return Row(shown.word, shown.means, BASICS, amount(shown.proof), shown.proof.holds)


def of_misconception(run: Run) -> Row:
    """The row of a scenario about something that people say; its first line asks whether it is so."""
    claims, name = run.claims(), run.scenario.name
    asks = run.scenario.story.strip().splitlines()[0]
    return Row(asks, name, f"{CLAIMED}[{name}]", finding(run), bool(claims) and all(claims.values()))


def asked_in(page: str) -> list[tuple[int, str]]:
    """Numbers and questions that a page lists, by which a test knows a stale one without a flight."""
    return [(int(number), asks) for number, asks in ROW.findall(page)]


def refuted_in(page: str) -> list[str]:
    """The scenarios that a page lists for misconceptions."""
    return SCENARIO.findall(page.partition(MISCONCEPTIONS)[2])


def _table(head: Sequence[str], rows: Iterable[Row]) -> Iterable[str]:
    yield f"\n| {' | '.join(head)} |\n|{'---|' * len(head)}\n"
    for row in rows:
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row.cells())} |\n"
