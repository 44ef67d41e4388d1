"""`kafkasim gallery`: every scenario flown once, with a picture, a sentence and the figures that prove it."""

from collections.abc import Iterator
from pathlib import Path

import click

import scenarios
from sim.rules.errors import ConfigError
from sim.run import Run
from sim.view.finding import finding

__all__ = ["gallery"]

PAGE, PICTURES = "README.md", "pictures"
HEAD = """# The scenarios

Each is a story of a page. `kafkasim info NAME` tells it, `kafkasim run NAME` flies it, `kafkasim report NAME` shows it.
This page was made by `kafkasim gallery --write`: every sentence with a figure in it comes from a run at seed 0.
"""


@click.command()
@click.option("--write", is_flag=True, help="Write the page and its pictures anew.")
@click.option("--folder", type=click.Path(path_type=Path), default=Path("scenarios"), show_default=True)
def gallery(write: bool, folder: Path) -> None:
    """Fly all scenarios at seed 0 and say of each what its run shows; with --write as a page with pictures."""
    if write and not (folder / "__init__.py").is_file():
        raise ConfigError(f"--folder {folder}: is not the folder of the scenarios; run this where it is")
    parts = [HEAD]
    for theme, names in scenarios.themes().items():
        parts += [f"\n## {theme.capitalize()}\n\n| | |\n|---|---|\n"] if names else []
        for name in names:
            run = scenarios.find(name).run(seed=0)
            for line in told(run):
                click.echo(line)
            parts.append(entry(run))
            if write:
                from sim.view.thumbnail import draw

                (folder / PICTURES).mkdir(exist_ok=True)
                draw(run, folder / PICTURES / f"{name}.png")
    if write:
        (folder / PAGE).write_text("".join(parts), encoding="utf-8")


def told(run: Run) -> Iterator[str]:
    """The name, then what the story claims of the run."""
    yield f"{run.scenario.name}: {finding(run)}"
    for claim, holds in run.claims().items():
        yield f"  {'as claimed' if holds else 'NOT as claimed'}: {claim}"


def entry(run: Run) -> str:
    """A row of the page: the picture; name, sentence and finding."""
    scenario = run.scenario
    claims = "".join(f"<br>{'✓' if holds else '✗'} {claim}" for claim, holds in run.claims().items())
    words = f"**{scenario.name}** ({scenario.level}) {scenario.summary}<br>*{finding(run)}*{claims}"
    return f"| ![{scenario.name}]({PICTURES}/{scenario.name}.png) | {words.replace('|', '/')} |\n"
