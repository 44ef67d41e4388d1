"""A `Script` printed as the TOML file that reads back as the same value."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import tomli_w

from sim.world.faults import KINDS, Fault
from sim.world.script.script import Script

__all__ = ["script_text"]


def script_text(script: Script) -> str:
    """The file; what has its default value is left out."""
    names = {kind: name for name, kind in KINDS.items()}
    content: dict[str, Any] = {}
    for each in fields(script):
        value = getattr(script, each.name)
        if isinstance(value, str | int):
            content[each.name] = value
        elif isinstance(value, Mapping):
            content[each.name] = dict(value)
        elif isinstance(value, tuple):
            content[each.name] = [_table(part, names) for part in value]
        else:
            content[each.name] = _table(value, names)
    return tomli_w.dumps({key: value for key, value in content.items() if value not in ("", 0, [], {})})


def _table(value: Any, names: Mapping[type, str]) -> dict[str, Any]:
    table: dict[str, Any] = {"kind": names[type(value)]} if isinstance(value, Fault) else {}
    for each in fields(value):
        part = getattr(value, each.name)
        empty = each.default_factory() if callable(each.default_factory) else each.default
        if part is not None and part != empty:
            table[each.name] = dict(part) if isinstance(part, Mapping) else part
    return table
