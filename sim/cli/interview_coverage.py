"""`kafkasim interview --coverage`: everything flown once, and which test asserts it."""

import json
from collections.abc import Iterator
from pathlib import Path

import click
from rich.console import Console

import scenarios
from sim.cli.interview_telling import flown, flown_basics
from sim.teach.interview import coverage, inventory

__all__ = ["cover"]


def cover(writes: bool, as_json: bool) -> None:
    """Fly all questions, the basics and the misconceptions; print the page or keep it."""
    import sim

    found = coverage.Coverage(
        [coverage.of_question(each) for each in flown(inventory.questions())],
        [coverage.of_word(each) for each in flown_basics()],
        list(misconceptions()),
    )
    if writes:
        (Path(sim.__file__).parent / "teach" / "README.md").write_text(found.page(), encoding="utf-8")
        click.echo(found.summary())
    else:
        click.echo(json.dumps(found.as_json(), indent=1) if as_json else found.page().rstrip())


def misconceptions() -> Iterator[coverage.Row]:
    """Each scenario about something that people say, flown as it is."""
    with Console(stderr=True).status("flying") as status:
        for name in scenarios.themes()["misconceptions"]:
            status.update(f"flying {name}")
            run = scenarios.find(name).run()
            if run.partial:
                raise KeyboardInterrupt
            yield coverage.of_misconception(run)
