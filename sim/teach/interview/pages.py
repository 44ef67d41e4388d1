"""Questions and their answers as HTML and Markdown, and the walkthrough to print: one page that needs no other file."""

from base64 import b64encode
from collections.abc import Iterable, Mapping, Sequence
from hashlib import sha256
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import NamedTuple

from sim.observe.whole_files import check_path, write_whole
from sim.report.html import bullets, paragraph
from sim.teach.interview.answering import Answered, flown_by
from sim.teach.interview.basics import ANSWER, Shown
from sim.teach.interview.drawing import caption, png
from sim.teach.interview.numbers import amount
from sim.teach.interview.question import Experiment, Question

__all__ = ["EXAMPLE", "as_html", "as_markdown", "basics_as_html", "check", "page", "write"]

EXAMPLE = "walkthrough.html"


def as_html(answered: Answered) -> str:
    """One question as an article, its figure in it."""
    asked, title = answered.question, escape(caption(answered))
    below = f"<figcaption>{title}</figcaption>" if asked.picture.curves is None else ""
    choices = bullets(asked.choices, "ol") if asked.choices else ""
    return (
        f'<article id="q{asked.number}">'
        f'<h3><span class="place">{asked.number}</span> {escape(asked.asks)}</h3>'
        f'<p class="legend">{escape(asked.topic)}, {escape(asked.level)}</p>'
        f'<div class="predict"><h4>Predict</h4>{paragraph(asked.predict)}{choices}</div>'
        f'<p class="proof"><b>{escape(amount(answered.proof))}.</b> {escape(answered.proof.says)}</p>'
        f'<figure><img src="data:image/png;base64,{_encoded(answered)}" alt="{title}">{below}</figure>'
        f'<div class="answer"><h4>The answer in 60 seconds</h4>{paragraph(answered.answer)}</div>'
        f"<h4>They ask next: {escape(asked.follow_up)}</h4>{paragraph(answered.follow_up_answer)}"
        f'<h4>Said often, and refuted</h4><ul class="claims">{"".join(_wrongs(answered))}</ul>'
        f"{_flights(asked.flights.values())}</article>"
    )


def as_markdown(answered: Answered) -> str:
    """One question as Markdown, its figure in it."""
    asked = answered.question
    wrong = "\n".join(f"- *{each.says}* {each.told}" for each in answered.refutations)
    return (
        f"### {asked.number}. {asked.asks}\n\n*{asked.topic}, {asked.level}*\n\n**Predict.** {asked.predict}\n\n"
        f"**{amount(answered.proof)}.** {answered.proof.says}\n\n"
        f"![{caption(answered)}](data:image/png;base64,{_encoded(answered)})\n\n"
        f"**The answer in 60 seconds.** {answered.answer}\n\n"
        f"**They ask next: {asked.follow_up}** {answered.follow_up_answer}\n\n**Said often, and refuted**\n\n{wrong}\n"
    )


def basics_as_html(shown: Sequence[Shown]) -> str:
    """The short answer, and each of its words with the number that proves it."""
    rows = "".join(
        f'<tr><th scope="row">{escape(each.word)}</th><td>{escape(each.means)}</td>'
        f"<td><b>{escape(amount(each.proof))}.</b> {escape(each.proof.says)}</td></tr>"
        for each in shown
    )
    head = '<thead><tr><th scope="col">Word</th><th scope="col">Means</th><th scope="col">Proof</th></tr></thead>'
    return (
        f'<section id="basics"><h2>What is Kafka?</h2><div class="answer">{paragraph(ANSWER)}</div>'
        f'<div class="wide"><table>{head}<tbody>{rows}</tbody></table></div></section>'
    )


def page(answered: Iterable[Answered], basics: Sequence[Shown] = ()) -> str:
    """All of them on one page, by topic, with a table of contents. It asks for no other file and runs no script.

    Of each question only its article is kept, so that not all flights are in memory at once.
    """
    style = _part("sim.report", "report.css") + _part("sim.teach.interview", "walkthrough.css")
    entries = [_Entry(each.question, each.holds, as_html(each)) for each in answered]
    by_topic: dict[str, list[_Entry]] = {}
    for entry in entries:
        by_topic.setdefault(entry.question.topic, []).append(entry)
    holding = [*(entry.holds for entry in entries), *(each.proof.holds for each in basics)]
    sections = [basics_as_html(basics)] if basics else []
    for topic, of_topic in by_topic.items():
        articles = "".join(entry.article for entry in of_topic)
        sections.append(f'<section id="{escape(topic)}"><h2>{escape(topic.capitalize())}</h2>{articles}</section>')
    parts = {
        "style": style,
        "style_hash": b64encode(sha256(style.encode()).digest()).decode(),
        "proved": f"{sum(holding)} of {len(holding)} answers are proved by the runs on this page.",
        "contents": _contents(by_topic, bool(basics)),
        "sections": "\n".join(sections),
    }
    return Template(_part("sim.teach.interview", "walkthrough.html")).substitute(parts)


class _Entry(NamedTuple):
    """What a page keeps of a question."""

    question: Question
    holds: bool
    article: str


def check(path: Path) -> None:
    """Refuse a path that can be no page, before anything is flown. Raises ConfigError, one line."""
    check_path(path, EXAMPLE)


def write(path: Path, text: str) -> None:
    """Write the page, whole or not at all. Raises ConfigError, one line."""
    write_whole(path, text)


def _wrongs(answered: Answered) -> Iterable[str]:
    for each in answered.refutations:
        kind = "fails" if each.refuted else "holds"
        word = "Refuted" if each.refuted else "Not refuted"
        yield f'<li class="{kind}">“{escape(each.says)}” <b>{word}.</b> {escape(each.told)}</li>'


def _flights(flights: Iterable[Experiment]) -> str:
    lines = "".join(f"<li><code>{escape(flown_by(each))}</code></li>" for each in flights)
    return f'<div class="flown">Flown for this:<ul>{lines}</ul></div>' if lines else ""


def _contents(by_topic: Mapping[str, Sequence[_Entry]], basics: bool) -> str:
    lines = ['<p><a href="#basics">What is Kafka?</a></p>'] if basics else []
    for topic, of_topic in by_topic.items():
        links = "".join(
            f'<li value="{each.question.number}"><a href="#q{each.question.number}">{escape(each.question.asks)}</a>'
            f" <small>{escape(each.question.level)}</small></li>"
            for each in of_topic
        )
        lines.append(f"<h3>{escape(topic.capitalize())}</h3><ol>{links}</ol>")
    return "".join(lines)


def _encoded(answered: Answered) -> str:
    return b64encode(png(answered)).decode()


def _part(package: str, name: str) -> str:
    return files(package).joinpath(name).read_text(encoding="utf-8")
