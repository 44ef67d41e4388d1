"""Scenarios by name or by file, and `kafkasim new`, which writes a file to begin with."""

from importlib.resources import files
from pathlib import Path

import click

import scenarios
from sim.rules.errors import ConfigError
from sim.scenario import Scenario
from sim.scenario_file import ENDING, checked_name, scenario_of, scenario_of_file

__all__ = ["find", "find_again", "new"]


def find(name: str) -> Scenario:
    """A scenario of the library by its name, or one in a file by its path. Raises ConfigError, one line."""
    return scenario_of_file(Path(name), scenarios.find) if name.endswith(ENDING) else scenarios.find(name)


def find_again(name: str, script: str | None) -> Scenario:
    """The scenario of a manifest: one of the library, or that of the text of a file. Raises ConfigError, one line."""
    return scenarios.find(name) if script is None else scenario_of(script, checked_name(name), scenarios.find)


@click.command()
@click.argument("name")
def new(name: str) -> None:
    """Write NAME.toml, a scenario file with everything explained, to fly and to change.

    Fly it with `kafkasim run NAME.toml`. A file that exists is left alone.
    """
    path = Path(f"{checked_name(name.removesuffix(ENDING))}{ENDING}")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(files("sim.world.script").joinpath("example.toml").read_text(encoding="utf-8"))
    except FileExistsError:
        raise ConfigError(f"{path} is there already; choose another name") from None
    click.echo(f"{path} is written; fly it: kafkasim run {path}")
