"""`kafkasim`: one command per verb. Bad input is one line on standard error and exit code 2."""

import io
import sys

import click

from sim.cli.bench import bench
from sim.cli.ledger import ledger
from sim.cli.listing import info, list_scenarios
from sim.cli.running import rerun, run
from sim.rules.errors import ConfigError

__all__ = ["cli", "main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kafkasim")
def cli() -> None:
    """Fly a simulated Apache Kafka cluster through a story and see what became of every record."""


for command in (list_scenarios, info, run, rerun, bench, ledger):
    cli.add_command(command)


def main() -> None:
    """Entry point of the console command; what standard output cannot encode becomes a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        sys.exit(cli.main(standalone_mode=False))
    except click.Abort:
        complain("interrupted, nothing was written", 130)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        command = "kafkasim" if error.ctx is None else error.ctx.command_path
        complain(f"{error.format_message()} See {command} --help.", 2)
    except click.ClickException as error:
        complain(error.format_message(), 2)
    except ConfigError as error:
        complain(str(error), 2)
    except OSError as error:
        complain(f"{error.filename or 'input or output'}: {error.strerror or error}", 2)


def complain(message: str, exit_code: int) -> None:
    """One line on standard error, whatever the message, and out."""
    click.echo(f"kafkasim: {' '.join(message.split())}", err=True)
    sys.exit(exit_code)
