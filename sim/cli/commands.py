"""The commands of `kafkasim`, one per verb, and how their errors are told."""

import io
import sys
from typing import NoReturn

import click

from sim.cli.alerts import alerts
from sim.cli.bench import bench
from sim.cli.calibrating import calibrate_command
from sim.cli.comparing import compare_command, fork_command
from sim.cli.conformance import conformance
from sim.cli.explaining import explain_command
from sim.cli.fuzz import fuzz
from sim.cli.gallery import gallery
from sim.cli.importing import import_command
from sim.cli.incident import incident
from sim.cli.interview import interview
from sim.cli.ledger import ledger
from sim.cli.listing import info, list_scenarios
from sim.cli.notebooks import notebooks
from sim.cli.planning import plan_command
from sim.cli.plotting import plot
from sim.cli.reporting import report
from sim.cli.running import rerun, run
from sim.cli.scenario_files import new
from sim.cli.sweeping import sweep_command
from sim.cli.timelines import timelines
from sim.cli.tracing import trace
from sim.cli.validate import validate_command
from sim.rules.errors import ConfigError, IllegalStateError

__all__ = ["cli", "execute"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="kafkasim")
def cli() -> None:
    """Fly a simulated Apache Kafka cluster through a story and see what became of every record."""


COMMANDS = (
    list_scenarios,
    info,
    gallery,
    new,
    import_command,
    run,
    rerun,
    plot,
    report,
    explain_command,
    compare_command,
    fork_command,
    sweep_command,
    incident,
    trace,
    alerts,
    fuzz,
    interview,
    plan_command,
    bench,
    conformance,
    timelines,
    validate_command,
    calibrate_command,
    notebooks,
    ledger,
)
for command in COMMANDS:
    cli.add_command(command)


def execute() -> None:
    """Do what the command line says; what standard output cannot encode becomes a question mark."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        sys.exit(cli.main(prog_name="kafkasim", standalone_mode=False))
    except click.Abort:
        raise KeyboardInterrupt from None
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        command = "kafkasim" if error.ctx is None else error.ctx.command_path
        refuse(f"{error.format_message().rstrip('.')}; see {command} --help")
    except click.ClickException as error:
        refuse(error.format_message())
    except (ConfigError, IllegalStateError) as error:
        refuse(str(error))
    except OSError as error:
        refuse(f"{error.filename or 'input or output'}: {error.strerror or error}")


def refuse(message: str) -> NoReturn:
    """One line on standard error, whatever the message, and out."""
    click.echo(f"kafkasim: {' '.join(message.split())}", err=True)
    sys.exit(2)
