"""`kafkasim`: one command per verb. Bad input is one line on standard error and exit code 2."""

import sys

import click

from sim.cli.bench import bench
from sim.cli.ledger import ledger
from sim.cli.listing import info, list_scenarios
from sim.cli.running import rerun, run

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kafkasim")
def cli() -> None:
    """Fly a simulated Apache Kafka cluster through a story and see what became of every record."""


for command in (list_scenarios, info, run, rerun, bench, ledger):
    cli.add_command(command)


def main() -> None:
    """Entry point of the console command."""
    try:
        cli.main(standalone_mode=False)
    except click.exceptions.Exit as stop:
        sys.exit(stop.exit_code)
    except click.Abort:
        click.echo("interrupted before anything was flown", err=True)
        sys.exit(130)
    except click.UsageError as error:
        place = f"{error.ctx.command_path}: " if error.ctx is not None else ""
        click.echo(f"{place}{one_line(error.format_message())}", err=True)
        sys.exit(2)
    except (click.ClickException, ValueError) as error:
        message = error.format_message() if isinstance(error, click.ClickException) else str(error)
        click.echo(f"kafkasim: {one_line(message)}", err=True)
        sys.exit(2)


def one_line(message: str) -> str:
    """A message without line breaks."""
    return " ".join(message.split())
