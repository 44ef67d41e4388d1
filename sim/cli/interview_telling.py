"""A question in the terminal: asked, predicted, flown, shown, answered."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

import scenarios
from sim.cli.charts import bars, sparks
from sim.teach.interview import basics
from sim.teach.interview.answering import Answered, answer
from sim.teach.interview.numbers import amount, compared
from sim.teach.interview.question import Question

__all__ = ["ask", "chart", "flown", "flown_basics", "save", "tell", "tell_basics"]


def ask(question: Question, console: Console, predicts: bool) -> Answered:
    """Put the question, take the candidate's prediction if there is a candidate, fly, and tell all of it."""
    console.rule(f"{question.number}  {question.topic}, {question.level}", align="left")
    _say(console, question.asks, "bold")
    _say(console, f"Predict: {question.predict}")
    for place, choice in enumerate(question.choices, start=1):
        _say(console, f"  {place}. {choice}")
    said = click.prompt("Your prediction", default="", show_default=False).strip() if predicts else ""
    with console.status("flying") as status:
        answered = answer(question, scenarios.find, lambda name: status.update(f"flying {name}"))
    if said:
        _say(console, compared(said, question, answered.proof))
    tell(answered, console)
    return answered


def flown(chosen: Sequence[Question]) -> Iterator[Answered]:
    """Answer one after the other without a word, but for the status on standard error; keep only what you need."""
    with Console(stderr=True).status("flying") as status:
        for place, question in enumerate(chosen, start=1):
            status.update(f"question {question.number}, {place} of {len(chosen)}")
            yield answer(question, scenarios.find)


def flown_basics() -> list[basics.Shown]:
    """The words of the short answer, proved."""
    with Console(stderr=True).status("flying") as status:
        return basics.show(scenarios.find, lambda name: status.update(f"flying {name}"))


def tell(answered: Answered, console: Console) -> None:
    """The number, a chart, the model answer, what is asked next, and what is wrong."""
    proof, asked = answered.proof, answered.question
    console.print()
    _say(
        console,
        f"{'Proved' if proof.holds else 'NOT proved'}: {amount(proof)}",
        "bold green" if proof.holds else "bold red",
    )
    _say(console, proof.says)
    for line in chart(answered):
        _say(console, line, "cyan")
    console.print(
        Panel(Text(answered.answer), title="The answer in 60 seconds", title_align="left", width=_width(console))
    )
    _say(console, f"They ask next: {asked.follow_up}", "bold")
    _say(console, answered.follow_up_answer)
    for wrong in answered.refutations:
        _say(console, f"{'✗' if wrong.refuted else '?'} “{wrong.says}”", "yellow")
        _say(console, f"{'Refuted' if wrong.refuted else 'NOT refuted'}: {wrong.told}")
    console.print()


def chart(answered: Answered) -> list[str]:
    """The figure as text: bars of its curves, or throughput and lag of the flight that it shows."""
    picture, runs = answered.question.picture, answered.runs
    if picture.curves is not None:
        return bars(picture.curves(runs), picture.x, picture.y)
    return sparks(runs[picture.flight or next(iter(runs))])


def tell_basics(shown: list[basics.Shown], console: Console) -> None:
    """The short answer, and its words with their numbers."""
    _frame(console, basics.ANSWER, "What is Kafka?")
    table = Table("word", "means, and what proves it", width=_width(console))
    for each in shown:
        told = f"{each.means}\n{amount(each.proof) if each.proof.holds else 'NOT proved'}: {each.proof.says}"
        table.add_row(Text(each.word), Text(told), style=None if each.proof.holds else "red")
    console.print(table)


def save(answered: Answered, folder: Path) -> Path:
    """Draw the figure of a question into a folder that is there."""
    from sim.teach.interview.drawing import draw

    path = folder / f"question-{answered.question.number:02}.png"
    draw(answered, path)
    return path


def _frame(console: Console, words: str, title: str) -> None:
    console.print(Panel(Text(words), title=title, title_align="left", width=_width(console)))


def _width(console: Console) -> int:
    return min(console.width, 100)


def _say(console: Console, words: str, style: str | None = None) -> None:
    console.print(words, style=style, markup=False, width=_width(console))
