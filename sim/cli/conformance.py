"""`kafkasim conformance`: the rules against Kafka's own answers."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from sim.conformance.checking import Failure, FamilyResult, Report

__all__ = ["conformance"]

LONGEST = 70


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...", type=click.Path(path_type=Path))
@click.option("--family", "families", multiple=True, metavar="NAME", help="Only this family; may be repeated.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def conformance(paths: tuple[Path, ...], families: tuple[str, ...], as_json: bool) -> int:
    """Put vectors, Kafka's answers to given inputs, to the rules and show where they differ.

    PATH is a file of vectors or a folder of such files; without one the bundled vectors are taken. Exit code 1 if
    any vector fails.
    """
    from sim.conformance.checking import check_files
    from sim.conformance.reading import BUNDLED, VectorError

    try:
        report = check_files(paths or (BUNDLED,), families)
    except VectorError as error:
        raise click.ClickException(str(error)) from error
    for file in report.passed_over:
        click.echo(f"passed over {file}", err=True)
    if as_json:
        click.echo(json.dumps(report_object(report)))
    else:
        tell(report)
    return int(report.failed > 0)


def report_object(report: "Report") -> dict[str, Any]:
    """The one JSON object."""
    return {
        "families": [family_object(result) for result in report.results],
        "passed": report.passed,
        "failed": report.failed,
    }


def family_object(result: "FamilyResult") -> dict[str, Any]:
    """One family in the JSON object."""
    told: dict[str, Any] = {
        "family": result.family,
        "passed": result.passed,
        "failed": len(result.failures),
        "failures": [{"id": each.id, "expected": each.expected, "got": each.got} for each in result.failures],
        "source": " and ".join(result.sources),
    }
    if result.placements:
        told["exact_placement"] = {"exact": result.exact_placements, "compared": result.placements}
    return told


def tell(report: "Report") -> None:
    """The table, what its words mean, and the first difference of each family that has one."""
    from sim.conformance.reading import SOURCES

    console = Console(highlight=False)
    table = Table("family", title="Conformance with Kafka", title_justify="left", show_footer=True)
    table.columns[0].footer = "all"
    table.add_column("passed", f"{report.passed:,}", justify="right")
    table.add_column("failed", f"{report.failed:,}", justify="right")
    table.add_column("source")
    table.add_column("exact placement")
    for result in report.results:
        placed = f"{result.exact_placements} of {result.placements}" if result.placements else ""
        failed = f"{len(result.failures):,}"
        table.add_row(result.family, f"{result.passed:,}", failed, " and ".join(result.sources), placed,
                      style="bold red" if result.failures else None)  # fmt: skip
    console.print(table)
    told = [source for source in SOURCES if any(source in result.sources for result in report.results)]
    for line in (*(f"{source}: {SOURCES[source]}" for source in told), *differences(report)):
        console.print(line, markup=False, soft_wrap=True)


def differences(report: "Report") -> list[str]:
    """A line for the first differing vector of each family."""
    return [f"{result.family}: {difference(result.failures[0])}" for result in report.results if result.failures]


def difference(failure: "Failure") -> str:
    """Where a vector first differs, with expected and got."""
    from sim.conformance.checking import first_difference

    place, expected, got = first_difference(failure.expected, failure.got) or ("", failure.expected, failure.got)
    where = f"{failure.id} at {place}" if place else failure.id
    return f"{where}: expected {short(expected)}, got {short(got)}"


def short(value: object) -> str:
    """A value as JSON, cut where it is long."""
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
