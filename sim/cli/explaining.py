"""`kafkasim explain`: why a run went as it did, from the symptom to the setting."""

import json
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.table import Table

from sim.cli.subjects import flown

if TYPE_CHECKING:
    from sim.explain.chain import Chain

__all__ = ["explain_command"]


@click.command("explain")
@click.argument("run", metavar="RUN|NAME")
@click.option(
    "--why",
    required=True,
    metavar="SYMPTOM",
    help="lag, latency, loss, unavailable, rebalance or under-replicated.",
)
@click.option("--at", metavar="TIME", help="Explain this moment, such as 31s.  [default: where it was worst]")
@click.option("--no-rerun", is_flag=True, help="Do not fly again with the deciding setting changed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object and nothing else.")
def explain_command(run: str, why: str, at: str | None, no_rerun: bool, as_json: bool) -> None:
    """Explain a symptom of RUN, a folder that a run has left, or of the scenario NAME.

    The answer is a chain of facts from the symptom to the setting that decides. What would have been with another
    value is flown, on the same seed.
    """
    from sim.explain.explaining import check_symptom, explain

    check_symptom(why)
    chain = explain(flown(run, recorded=True)[0], why, at, not no_rerun)
    if as_json:
        click.echo(json.dumps(chain.as_json()))
    else:
        tell(chain)


def tell(chain: "Chain") -> None:
    """The sentences, and the evidence of each link."""
    console = Console(highlight=False)
    for sentence in chain.sentences():
        console.print(sentence, markup=False)
    table = Table("at", "evidence", title=f"Cause: {chain.cause}", title_justify="left")
    for link in chain.links:
        table.add_row(f"{link.time_s:.1f} s", link.evidence)
    console.print(table)
