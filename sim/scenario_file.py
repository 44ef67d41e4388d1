"""A scenario file as a scenario: flown, reported and repeated like those of the library."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from sim.rules.errors import ConfigError
from sim.scenario import Scenario
from sim.world.plan import Plan
from sim.world.script import Script, plan_of, read_script
from sim.world.script.reading import MOST_BYTES
from sim.world.settings import Settings

__all__ = ["is_scenario_file", "scenario_of", "scenario_of_file"]

Find = Callable[[str], Scenario]


def is_scenario_file(name: str) -> bool:
    """Whether a name on the command line means a file, not a scenario of the library."""
    return name.endswith(".toml")


def scenario_of_file(path: Path, find: Find) -> Scenario:
    """The scenario in a file; `find` knows those of the library. Raises ConfigError, one line."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path}: a scenario file has at most {MOST_BYTES:,} bytes")
        return scenario_of(path.read_text(encoding="utf-8"), str(path), find)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a scenario file, or see kafkasim list") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error


def scenario_of(text: str, where: str, find: Find) -> Scenario:
    """The scenario that a text says. Raises ConfigError, one line that begins with `where`."""
    script = read_script(text, where)
    rest: dict[str, Any] = {"script": text, "seed": script.seed, "expect": script.expect}
    summary = script.description or f"From {where}."
    if not script.scenario:
        name = Path(where).stem
        return Scenario(name, summary, script.story or summary, lambda _: plan_of(script), level="file", **rest)
    if script.topics or script.producers or script.consumers or script.pipelines:
        raise ConfigError(f"{where}: scenario = {script.scenario!r} has topics and clients of its own; leave them out")
    return replace(_based_on(find(script.scenario), script), summary=summary, **rest)


def _based_on(base: Scenario, script: Script) -> Scenario:
    """A scenario of the library with a file's settings and faults."""
    own = base.settings(script.set)
    knobs = {name: replace(knob, default=own.values[name]) for name, knob in base.knobs.items()}

    def make(settings: Settings) -> Plan:
        plan = replace(own, seed=settings.seed).applied(base.make(settings))
        return replace(plan, faults=script.faults)

    return replace(base, make=make, knobs=knobs)
