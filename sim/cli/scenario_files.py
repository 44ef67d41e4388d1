"""Scenarios by name or by file, and `kafkasim new`, which writes a file to begin with."""

import re
from importlib.resources import files
from pathlib import Path

import click

import scenarios
from sim.rules.errors import ConfigError
from sim.scenario import Scenario
from sim.world.script import read_script
from sim.world.script.reading import MOST_BYTES

__all__ = ["find", "new"]

ENDING = ".toml"
NAME = re.compile(r"\w[\w.-]*")


def find(name: str, text: str | None = None) -> Scenario:
    """The scenario of this name, that of a file `NAME.toml`, or that of a file's text. Raises ConfigError, one line."""
    if text is not None:
        return Scenario.of(checked_name(name), read_script(text, name))
    if not name.endswith(ENDING):
        return scenarios.find(name)
    path = Path(name)
    if path.is_file() and path.stat().st_size > MOST_BYTES:
        raise ConfigError(f"{name}: has {path.stat().st_size:,} bytes; a scenario file has {MOST_BYTES:,} at most")
    try:
        content = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror}; kafkasim new NAME writes a file to begin with") from error
    except UnicodeDecodeError:
        raise ConfigError(f"{name}: is no text in UTF-8, as TOML has to be") from None
    return Scenario.of(checked_name(path.name.removesuffix(ENDING)), read_script(content, name))


def checked_name(name: str) -> str:
    """A name that can be that of a folder. Raises ConfigError, one line."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r}: a scenario's name has letters, digits, '-', '_' and '.', and begins with none of ., -"
        )
    return name


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
