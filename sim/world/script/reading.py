"""A scenario file in TOML, read into a `Script`: parsed strictly, never executed."""

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields
from difflib import get_close_matches
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from sim.rules.errors import ConfigError
from sim.world.faults import KINDS, Fault
from sim.world.script.limits import FILE_BYTES, check_limits
from sim.world.script.script import (
    ClusterScript,
    ConsumerScript,
    Expectation,
    PipelineScript,
    ProducerScript,
    Script,
)
from sim.world.topics import Topic

__all__ = ["parse_script", "read_script"]

Value = TypeVar("Value")

TABLES: Mapping[str, type] = {"cluster": ClusterScript, "expect": Expectation}
LISTS: Mapping[str, type] = {
    "topics": Topic,
    "producers": ProducerScript,
    "consumers": ConsumerScript,
    "pipelines": PipelineScript,
}


def read_script(path: Path) -> tuple[Script, str]:
    """The script in a file, and the file's text. Raises ConfigError, one line that names the file and the place."""
    try:
        if path.stat().st_size > FILE_BYTES:
            raise ConfigError(f"{path}: a scenario file has at most {FILE_BYTES:,} bytes")
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; name a scenario file, or see kafkasim list") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text") from error
    return parse_script(text, str(path)), text


def parse_script(text: str, where: str) -> Script:
    """The script that a text says. Raises ConfigError, one line that begins with `where`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{where}: is no TOML: {error}") from error
    plain = {key: value for key, value in content.items() if key not in (*TABLES, *LISTS, "faults")}
    parts: dict[str, Any] = {}
    for name, kind in TABLES.items():
        if name in content:
            parts[name] = _made(kind, _table(content[name], f"{where}: [{name}]"), f"{where}: [{name}]")
    for name, kind in LISTS.items():
        parts[name] = tuple(
            _made(kind, table, f"{where}: [[{name}]] number {number}")
            for number, table in enumerate(_tables(content.get(name, []), f"{where}: [[{name}]]"), 1)
        )
    parts["faults"] = tuple(
        _fault(table, f"{where}: [[faults]] number {number}")
        for number, table in enumerate(_tables(content.get("faults", []), f"{where}: [[faults]]"), 1)
    )
    script = _made(Script, {**plain, **parts}, where)
    check_limits(script, where)
    return script


def _fault(table: Mapping[str, Any], where: str) -> Fault:
    rest = {key: value for key, value in table.items() if key != "kind"}
    kind = str(table.get("kind"))
    if kind not in KINDS:
        raise ConfigError(f"{where}: kind = {kind!r}{_near(kind, KINDS)}")
    return _made(KINDS[kind], rest, f"{where} ({kind})")


def _made(kind: type[Value], table: Mapping[str, Any], where: str) -> Value:
    """A value of a class from a table with its fields. Raises ConfigError for other keys, wrong types, missing keys."""
    known: dict[str, Field[Any]] = {each.name: each for each in fields(kind)}  # type: ignore[arg-type]
    hints = get_type_hints(kind)
    for key, value in table.items():
        if key not in known:
            raise ConfigError(f"{where}: unknown key {key!r}{_near(key, known)}")
        if not _fits(value, hints[key]):
            raise ConfigError(f"{where}: {key} = {value!r}: it must be {_told(hints[key])}")
    needed = [name for name, each in known.items() if each.default is MISSING and each.default_factory is MISSING]
    missing = [name for name in needed if name not in table]
    if missing:
        raise ConfigError(f"{where}: {missing[0]} is missing")
    given = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
    try:
        return kind(**given)
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from error


def _fits(value: object, hint: Any) -> bool:
    if isinstance(hint, UnionType):
        return any(_fits(value, each) for each in get_args(hint))
    origin = get_origin(hint) or hint
    if origin is tuple:
        return isinstance(value, list | tuple) and all(_fits(each, get_args(hint)[0]) for each in value)
    if origin is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if origin is int:
        return isinstance(value, int) and not isinstance(value, bool)
    if origin in (str, bool):
        return isinstance(value, origin)
    if origin is type(None):
        return value is None
    if isinstance(value, dict):
        return all(isinstance(each, str | int | float | bool) for each in value.values())
    return not isinstance(value, list)


def _told(hint: Any) -> str:
    words = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", tuple: "a list"}
    kinds = [each for each in (get_args(hint) if isinstance(hint, UnionType) else [hint]) if each is not type(None)]
    return " or ".join(words.get(get_origin(kind) or kind, "a table of texts and numbers") for kind in kinds)


def _table(value: object, where: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: is a table")
    return value


def _tables(value: object, where: str) -> list[Mapping[str, Any]]:
    if not isinstance(value, list):
        raise ConfigError(f"{where}: is a list of tables, each under its own {where.rpartition(' ')[2]}")
    return [_table(each, where) for each in value]


def _near(key: str, known: Mapping[str, object]) -> str:
    near = get_close_matches(key, known, n=1)
    return f", did you mean {near[0]!r}?" if near else f"; there are {', '.join(known)}"
