"""`kafkasim plan`: the cheapest cluster that meets a requirement, with error bars."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from sim.plan.requirement import FIELDS, read_requirement
from sim.rules.errors import ConfigError
from sim.run import prepare_folder

if TYPE_CHECKING:
    from sim.plan.answer import Answer, Flown

__all__ = ["plan_command"]

HEADINGS = ("machine", "brokers", "binds", "p99 ms", "recovery s", "breaks", "", "month")

Command = Callable[..., None]


def requirement_options(command: Command) -> Command:
    """An option for each line of a requirement."""
    for name, field in reversed(list(FIELDS.items())):
        told = f"{field.meaning[0].upper()}{field.meaning[1:]}."
        shown = f"  [default: {field.default}]" if field.default else ""
        command = click.option(f"--{name}", metavar="VALUE", help=told + shown)(command)
    return command


@click.command("plan")
@click.argument("file", required=False, metavar="[FILE.toml]", type=click.Path(path_type=Path))
@requirement_options
@click.option("--seeds", type=int, default=3, show_default=True, help="Flights of the steady state of each candidate.")
@click.option("--jobs", type=int, default=2, show_default=True, help="Processes to fly in.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
@click.option("--write-readme", "writes", is_flag=True, help="Write sim/plan/README.md of this checkout, too.")
@click.option("--out", metavar="FOLDER", type=click.Path(path_type=Path), help="Write plan.json, .txt, .png there.")
def plan_command(
    file: Path | None, seeds: int, jobs: int, as_json: bool, writes: bool, out: Path | None, **given: str | None
) -> None:
    """Find the cheapest cluster that meets a requirement: from FILE.toml, from options, or both; options win.

    The formulas of calculators size a cluster of each machine; it is then flown at the planned peak, through the loss
    of a broker or rack, the return of that broker, the outage of a group, a growing load and a deployment.
    """
    from sim.plan.search import plan
    from sim.plan.sentences import assumptions, differences, sentences

    wanted = {name.replace("_", "-"): text for name, text in given.items() if text is not None}
    if writes and (file is not None or wanted):
        raise ConfigError("--write-readme: the page is about the defaults; leave out the requirement")
    requirement = read_requirement(file, wanted)
    if out is not None:
        prepare_folder(out)
    with watched() as progress:
        answer = plan(requirement, seeds, jobs, progress, lambda line: click.echo(f"kafkasim: {line}", err=True))
    found = answer.as_json(sentences(answer), assumptions(answer))
    if out is not None:
        write(out, answer, found)
    if writes:
        write_readme(answer)
    if as_json:
        click.echo(json.dumps(found))
        return
    console = Console(highlight=False)
    console.print(table_of(answer))
    tell("The plan", sentences(answer))
    tell("Formula and flight differ", differences(answer))
    tell("Assumptions", assumptions(answer))


def tell(title: str, lines: tuple[str, ...]) -> None:
    """A heading and a list."""
    if lines:
        click.echo(f"\n{title}")
    for line in lines:
        click.echo(f"- {line}")


def table_of(answer: "Answer") -> Table:
    """One row for each candidate."""
    headings = HEADINGS if answer.requirement.prices else HEADINGS[:-1]
    table = Table(*headings, box=SIMPLE_HEAD, pad_edge=False)
    table.columns[0].no_wrap = True
    for flown in answer.candidates:
        table.add_row(*row_of(flown, answer))
    return table


def row_of(flown: "Flown", answer: "Answer") -> tuple[str, ...]:
    """A candidate, with intervals."""
    from sim.plan.sentences import money, with_interval

    recovery = flown.recovery_s
    verdict = "chosen" if flown is answer.chosen else ", ".join(flown.failings)
    month = (money(flown, answer.currency),) if answer.requirement.prices else ()
    return (
        flown.candidate.machine,
        f"{flown.candidate.brokers:,}",
        flown.binding,
        with_interval(flown.p99_ms, "").strip(),
        "-" if recovery is None else with_interval(recovery, "").strip(),
        flown.ramp.breaks,
        verdict,
        *month,
    )


def write(folder: Path, answer: "Answer", found: dict[str, Any]) -> None:
    """The answer for programs, for readers, and its picture."""
    from sim.plan.drawing import draw
    from sim.plan.sentences import differences

    picture = draw(answer)
    lines = ["The plan", *found["plan"], "", "Formula and flight", *differences(answer), "", "Assumptions"]
    (folder / "plan.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    (folder / "plan.txt").write_text("\n".join([*lines, *found["assumptions"]]) + "\n", encoding="utf-8")
    picture.save(folder / "plan.png")


def write_readme(answer: "Answer") -> None:
    """The page about planning and its picture, beside the code."""
    import sim
    from sim.plan.drawing import draw
    from sim.plan.law import GROUPS, fly_law
    from sim.plan.page import render

    page, picture = render(answer, [fly_law(groups) for groups in GROUPS]), draw(answer)
    folder = Path(sim.__file__).parent / "plan"
    (folder / "pictures").mkdir(exist_ok=True)
    picture.save(folder / "pictures" / "plan.png")
    (folder / "README.md").write_text(page, encoding="utf-8")


@contextmanager
def watched() -> Iterator[Callable[[int, int, str], None]]:
    """A progress bar with an estimate of what is left."""
    console = Console(stderr=True)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        tasks: dict[str, Any] = {}

        def progress(count: int, total: int, what: str) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=count)

        yield progress
