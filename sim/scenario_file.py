"""A scenario file as a scenario: flown, reported and repeated like those of the library."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sim.rules.errors import ConfigError
from sim.scenario import Scenario
from sim.world.plan import Plan
from sim.world.script import Script, plan_of, read_script, write_script
from sim.world.script.reading import MOST_BYTES
from sim.world.settings import Settings

__all__ = ["ENDING", "checked_name", "scenario_from", "scenario_of", "scenario_of_file"]

Find = Callable[[str], Scenario]


ENDING = ".toml"
NAME = re.compile(r"\w[\w.-]*")


def checked_name(name: str) -> str:
    """A name that can be that of a folder. Raises ConfigError, one line."""
    if not NAME.fullmatch(name):
        raise ConfigError(
            f"{name!r}: a scenario's name has letters, digits, -, _ and ., and begins with none of . and -"
        )
    return name


def scenario_of_file(path: Path, find: Find) -> Scenario:
    """The scenario in a file; `find` knows those of the library. Raises ConfigError, one line."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path}: has {path.stat().st_size:,} bytes; a scenario file has {MOST_BYTES:,} at most")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; kafkasim new NAME writes a file to begin with") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is no text in UTF-8, as TOML has to be") from error
    return scenario_of(text, checked_name(path.name.removesuffix(ENDING)), find, str(path))


def scenario_of(text: str, name: str, find: Find, where: str = "") -> Scenario:
    """The scenario that a text says. Raises ConfigError, one line that begins with `where`, or else with the name."""
    return scenario_from(read_script(text, where or name), name, find, text)


def scenario_from(script: Script, name: str, find: Find, text: str = "") -> Scenario:
    """The scenario that a script is; `text` is what it was read from. Raises ConfigError, one line."""
    summary = script.description.partition("\n")[0] or "A scenario file."
    rest: dict[str, Any] = {"script": text or write_script(script), "seed": script.seed, "expect": script.expect}
    if not script.scenario:
        return Scenario(name, summary, script.story or summary, lambda _: plan_of(script), level="file", **rest)
    if script.topics or script.producers or script.consumers or script.pipelines or script.share_groups:
        raise ConfigError(f"{name}: scenario = {script.scenario!r} has topics and clients of its own; leave them out")
    return replace(_based_on(find(script.scenario), script), name=name, summary=summary, **rest)


def _based_on(base: Scenario, script: Script) -> Scenario:
    """A scenario of the library with a file's settings and faults."""
    own = base.settings(script.set)
    knobs = {name: replace(knob, default=own.values[name]) for name, knob in base.knobs.items()}

    def make(settings: Settings) -> Plan:
        plan = replace(own, seed=settings.seed).applied(base.make(settings))
        return replace(plan, faults=script.faults)

    return replace(base, make=make, knobs=knobs, claims=None, cured=None)
