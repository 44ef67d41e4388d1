"""Stories to fly: each scenario is a value with a docstring."""

from difflib import get_close_matches
from importlib import import_module

from sim.rules.errors import ConfigError
from sim.scenario import Scenario

__all__ = ["find", "names"]

MODULES = ("hello_topic", "broker_failure", "rebalance", "rebalance_protocols", "delivery_semantics", "payment_fraud")


def names() -> list[str]:
    """The scenarios there are, easiest first."""
    return [module.replace("_", "-") for module in MODULES]


def find(name: str) -> Scenario:
    """The scenario of this name; only its own module is imported. Raises ConfigError, one line, for an unknown one."""
    if name not in names():
        near = get_close_matches(name, names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names())}"
        raise ConfigError(f"unknown scenario {name!r}, {hint}")
    scenario: Scenario = import_module(f"scenarios.{MODULES[names().index(name)]}").scenario
    return scenario
