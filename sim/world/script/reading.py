"""From TOML to a script: keys must be known, values of their kind, and errors name the table and the nearest key."""

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from difflib import get_close_matches
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

from sim.rules.errors import ConfigError
from sim.world.arrivals import Workload
from sim.world.faults import KINDS, Fault
from sim.world.keys import Keys, parse_keys
from sim.world.script.checking import check
from sim.world.script.script import Script
from sim.world.workload import parse_workload

__all__ = ["MOST_BYTES", "read_script"]

MOST_BYTES = 100_000
WORDS: Mapping[Any, str] = {str: "text", bool: "true or false", int: "a whole number", float: "a number"}
PARSED: Mapping[Any, Callable[[str], object]] = {Workload: parse_workload, Keys: parse_keys}
Table = TypeVar("Table")


def read_script(text: str, source: str) -> Script:
    """The script that a text is; `source` is what errors call it. Raises ConfigError, one line."""
    try:
        if len(text) > MOST_BYTES:
            raise ConfigError(f"has {len(text):,} characters; a scenario file has {MOST_BYTES:,} at most")
        script = _table(Script, tomllib.loads(text), "")
        check(script)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: is no TOML: {error}") from error
    except RecursionError:
        raise ConfigError(f"{source}: is nested too deeply for a scenario") from None
    except ConfigError as error:
        raise ConfigError(f"{source}: {error}") from error
    return script


def _table(kind: type[Table], content: Mapping[str, object], where: str) -> Table:
    """A dataclass out of a table with the names of its fields as keys."""
    hints = get_type_hints(kind)
    for key in content:
        if key not in hints:
            raise ConfigError(f"{where}unknown key {key!r}{_nearest(key, hints)}")
    required = [each.name for each in fields(kind) if _is_required(each)]  # type: ignore[arg-type]
    missing = [name for name in required if name not in content]
    if missing:
        raise ConfigError(f"{where}has no {missing[0]}; it needs {', '.join(required)}")
    return kind(**{key: _value(hints[key], value, where, key) for key, value in content.items()})


def _value(hint: Any, value: object, where: str, key: str) -> object:
    """A value of TOML as the kind that a field wants."""
    origin, parts = get_origin(hint), get_args(hint)
    if origin is UnionType:
        return _any_of([part for part in parts if part is not NoneType], value, where, key)
    if origin is Literal:
        if value not in parts:
            raise ConfigError(f"{where}{key} = {_told(value)}{_nearest(str(value), parts)}")
        return value
    if origin is tuple:
        return _several(parts, value, where, key)
    if hint in PARSED:
        try:
            return PARSED[hint](str(value))
        except ConfigError as error:
            raise ConfigError(f"{where}{key}: {error}") from error
    if is_dataclass(hint) or get_origin(hint) is not None:
        if not isinstance(value, dict):
            table = f"[{key}]" if not where else f"{key} = {{…}}"
            raise ConfigError(f"{where}{key} = {_told(value)} is no table; write {table}")
        inside = _inside(where, key)
        return _config(value, inside) if get_origin(hint) else _table(hint, value, inside)
    return _scalar(hint, value, where, key)


def _any_of(kinds: list[Any], value: object, where: str, key: str) -> object:
    """Several kinds are possible: a list is for that of several values, anything else for the first."""
    several = [kind for kind in kinds if get_origin(kind) is tuple]
    kind = several[0] if several and (isinstance(value, list) or len(kinds) == 1) else kinds[0]
    return _value(kind, value, where, key)


def _several(parts: tuple[Any, ...], value: object, where: str, key: str) -> tuple[object, ...]:
    """A list of values, or an array of tables; one text stands for a list of it."""
    kind, is_tables = parts[0], isinstance(parts[0], type) and is_dataclass(parts[0])
    if isinstance(value, str) and kind is str:
        value = [value]
    if not isinstance(value, list) or (is_tables and not all(isinstance(each, dict) for each in value)):
        raise ConfigError(f"{where}{key} = {_told(value)}; write {f'[[{key}]]' if is_tables else f'{key} = […]'}")
    if parts[-1] is not Ellipsis and len(value) != len(parts):
        raise ConfigError(f"{where}{key} = {_told(value)}; write one number, or the least and the most: {key} = [1, 5]")
    if not is_tables:
        return tuple(_value(kind, each, where, key) for each in value)
    made = _fault if kind is Fault else _table
    return tuple(made(kind, each, f"[[{key}]] number {index}: ") for index, each in enumerate(value, 1))


def _fault(_: type[Fault], content: Mapping[str, object], where: str) -> Fault:
    """A fault of the kind that the table names."""
    rest = dict(content)
    kind = rest.pop("kind", None)
    if kind is None:
        raise ConfigError(f"{where}has no kind; there are {', '.join(KINDS)}")
    if not isinstance(kind, str) or kind not in KINDS:
        raise ConfigError(f"{where}kind = {_told(kind)}{_nearest(str(kind), KINDS)}")
    return _table(KINDS[kind], rest, where)


def _scalar(kind: Any, value: object, where: str, key: str) -> object:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ConfigError(f"{where}{key} = {_told(value)} is not {WORDS[kind]}")
    return value


def _config(content: Mapping[str, object], where: str) -> Mapping[str, object]:
    """Kafka's keys; tables come of keys with dots and no quotes."""
    found: dict[str, object] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            found |= {f"{key}.{rest}": inner for rest, inner in _config(value, where).items()}
        elif isinstance(value, list) and all(isinstance(each, str) for each in value):
            found[key] = tuple(value)
        elif isinstance(value, str | int | float):
            found[key] = value
        else:
            raise ConfigError(f"{where}{key} = {_told(value)} is no text, number, true, false or list of texts")
    return found


def _inside(where: str, key: str) -> str:
    return f"{where.rstrip(': ')}, {key}: " if where else f"[{key}]: "


def _is_required(field: Any) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _nearest(name: str, known: Mapping[str, object] | tuple[str, ...]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f", did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"


def _told(value: object) -> str:
    text = str(value).lower() if isinstance(value, bool) else repr(value)
    return text if len(text) <= 40 else f"{text[:39]}…"
