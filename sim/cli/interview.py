"""`kafkasim interview`: the trainer. Each question is answered by an experiment that is flown while you wait."""

import json
import sys
from pathlib import Path

import click
from rich.console import Console

from sim.cli.interview_coverage import cover
from sim.cli.interview_telling import ask, flown, flown_basics, save, tell_basics
from sim.rules.errors import ConfigError
from sim.run import prepare_folder
from sim.teach.interview import inventory, pages
from sim.teach.interview.question import Question

__all__ = ["interview"]


@click.command()
@click.argument("count", type=int, required=False, metavar="[N]")
@click.option("--topic", metavar="TOPIC", help="Only of one topic, such as log.")
@click.option("--level", metavar="LEVEL", help="Only of one level: junior or senior.")
@click.option("--question", "number", type=int, metavar="NUMBER", help="The one with this number.")
@click.option("--all", "takes_all", is_flag=True, help="All there are, and the basics if no topic or level is given.")
@click.option("--basics", "takes_basics", is_flag=True, help="What is Kafka? The short answer, word by word.")
@click.option("--seed", type=int, default=0, show_default=True, help="Which questions are drawn.")
@click.option("--yes", is_flag=True, help="Do not wait for predictions.")
@click.option("--out", metavar="DIR", help="Leave the figures in this folder.")
@click.option("--export", metavar="FILE.html", help="Write one page to print; html is walkthrough.html.")
@click.option("--list", "lists", is_flag=True, help="Only list the questions.")
@click.option("--coverage", "covers", is_flag=True, help="Fly everything, and print what proves what.")
@click.option("--write", "writes", is_flag=True, help="With --coverage: keep it as sim/teach/README.md.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON and nothing else.")
def interview(
    count: int | None, topic: str | None, level: str | None, number: int | None, takes_all: bool, takes_basics: bool,
    seed: int, yes: bool, out: str | None, export: str | None, lists: bool, covers: bool, writes: bool, as_json: bool,
) -> None:  # fmt: skip
    """Ask N questions, one by default, drawn by the seed; a run answers each.

    You predict, the simulator flies, and the model answer comes with the numbers of that flight.
    """
    _refuse_contradictions(count, topic or level, number, takes_all)
    if writes and not covers:
        raise ConfigError("--write goes with --coverage: that page is what is kept")
    if covers:
        cover(writes, as_json)
        return
    wants_basics = takes_basics or (takes_all and not (topic or level))
    chosen = _chosen(count, topic, level, number, takes_all or lists, takes_basics, seed)
    if lists:
        _list(chosen, as_json)
    elif export is not None:
        _export(chosen, wants_basics, export)
    elif as_json:
        _tell_json(chosen, wants_basics)
    else:
        _ask(chosen, wants_basics, sys.stdin.isatty() and not yes, out)


def _refuse_contradictions(count: int | None, kind: str | None, number: int | None, takes_all: bool) -> None:
    """What cannot both be meant. Raises ConfigError, one line."""
    if number is not None and (count is not None or kind is not None or takes_all):
        raise ConfigError(f"--question {number} is one question; leave N, --topic, --level and --all away")
    if count is not None and takes_all:
        raise ConfigError(f"{count} and --all: ask for so many questions, or for all")


def _chosen(
    count: int | None,
    topic: str | None,
    level: str | None,
    number: int | None,
    takes_all: bool,
    takes_basics: bool,
    seed: int,
) -> list[Question]:
    """The questions that are meant; none when only the basics are. Raises ConfigError, one line."""
    if number is not None:
        return [inventory.question(number)]
    if takes_all:
        return list(inventory.questions(topic, level))
    if takes_basics and count is None and topic is None and level is None:
        return []
    return list(inventory.draw(1 if count is None else count, seed, topic, level))


def _list(chosen: list[Question], as_json: bool) -> None:
    if as_json:
        rows = [{"number": each.number, "topic": each.topic, "level": each.level, "asks": each.asks} for each in chosen]
        click.echo(json.dumps(rows, indent=1))
        return
    for each in chosen:
        click.echo(f"{each.number:>2}  {each.topic:<12}{each.level:<8}{each.asks}")


def _ask(chosen: list[Question], wants_basics: bool, predicts: bool, out: str | None) -> None:
    """One question after the other; figures are left when all have been asked."""
    if out is not None and not out.strip():
        raise ConfigError("--out: the name of the folder is empty; name one, such as figures")
    if out is not None:
        prepare_folder(Path(out))
    console = Console(highlight=False)
    if wants_basics:
        tell_basics(flown_basics(), console)
    answered = [ask(question, console, predicts) for question in chosen]
    for each in answered if out is not None else ():
        click.echo(f"{save(each, Path(out or ''))} is drawn.")


def _export(chosen: list[Question], wants_basics: bool, export: str) -> None:
    path = Path(pages.EXAMPLE if export == "html" else export)
    if path.suffix != ".html":
        raise ConfigError(f"--export {export}: name a page, such as {pages.EXAMPLE}")
    pages.check(path)
    shown = flown_basics() if wants_basics else []
    text = pages.page(flown(chosen), shown)
    pages.write(path, text)
    click.echo(f"{path} is written, {len(text.encode()) / 1e6:.1f} MB; open it in any browser, and print it there.")


def _tell_json(chosen: list[Question], wants_basics: bool) -> None:
    shown = [each.as_json() for each in flown_basics()] if wants_basics else []
    found = {"basics": shown, "questions": [each.as_json() for each in flown(chosen)]}
    click.echo(json.dumps(found, indent=1))
