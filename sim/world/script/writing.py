"""From a script to TOML that reads back as the same value; what is as by default is left out."""

from dataclasses import MISSING, fields, is_dataclass
from typing import Any

import tomli_w

from sim.world.arrivals import Workload
from sim.world.faults import KINDS, Fault
from sim.world.keys import Keys
from sim.world.script.script import Script

__all__ = ["write_script"]

NAMES = {kind: name for name, kind in KINDS.items()}


def write_script(script: Script) -> str:
    """The script as a scenario file."""
    return tomli_w.dumps(_table(script), multiline_strings=True)


def _table(value: Any) -> dict[str, Any]:
    """A dataclass as a table of those fields that differ from their defaults."""
    found: dict[str, Any] = {"kind": NAMES[type(value)]} if isinstance(value, Fault) else {}
    for each in fields(value):
        given = getattr(value, each.name)
        default = each.default if each.default_factory is MISSING else each.default_factory()
        if given != default:
            found[each.name] = _plain(given)
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, Workload | Keys):
        return str(value)
    if is_dataclass(value):
        return _table(value)
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    return dict(value) if isinstance(value, dict) else value
