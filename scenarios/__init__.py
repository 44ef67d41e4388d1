"""Stories to fly: each scenario is a value with a docstring, in a folder for its theme."""

from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module

from scenarios import basics, incidents, misconceptions, retention, scaling, streams, uses
from sim.rules.errors import ConfigError
from sim.scenario import Scenario

__all__ = ["find", "names", "themes"]

THEMES = (basics, uses, retention, scaling, streams, incidents, misconceptions)


def themes() -> Mapping[str, tuple[str, ...]]:
    """The names of the scenarios by theme, easiest first."""
    return {
        theme.__name__.rpartition(".")[2]: tuple(module.replace("_", "-") for module in theme.MODULES)
        for theme in THEMES
    }


def names() -> list[str]:
    """The scenarios there are, theme by theme."""
    return [name for of_theme in themes().values() for name in of_theme]


def find(name: str) -> Scenario:
    """The scenario of this name; only its own module is imported. Raises ConfigError, one line, for an unknown one."""
    for theme, found in themes().items():
        if name in found:
            scenario: Scenario = import_module(f"scenarios.{theme}.{name.replace('-', '_')}").scenario
            return scenario
    near = get_close_matches(name, names(), n=1)
    hint = f"did you mean {near[0]!r}?" if near else "kafkasim list shows those there are"
    raise ConfigError(f"unknown scenario {name!r}, {hint}")
