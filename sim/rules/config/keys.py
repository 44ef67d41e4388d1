"""One configuration key: its type, default and valid values, and how text becomes a value.

Durations read `20ms`, `5s`, `3m`, `2h`, `7d`; byte sizes `64KB`, `1MiB` (both in powers of 1024).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field
from typing import Annotated, Any, get_args, get_origin

from sim.rules.errors import ConfigError

__all__ = ["Int", "IntBytes", "IntMs", "Key", "Long", "LongBytes", "LongMs", "Short", "Words", "key_of", "setting"]

Short = Annotated[int, "short", ""]
Int = Annotated[int, "int", ""]
Long = Annotated[int, "long", ""]
IntMs = Annotated[int, "int", "ms"]
LongMs = Annotated[int, "long", "ms"]
IntBytes = Annotated[int, "int", "bytes"]
LongBytes = Annotated[int, "long", "bytes"]
Words = tuple[str, ...]

_BITS = {"short": 15, "int": 31, "long": 63}
_SCALES: dict[str, Mapping[str, int]] = {
    "": {},
    "ms": {"ms": 1, "s": 1000, "m": 60_000, "min": 60_000, "h": 3_600_000, "d": 86_400_000},
    "bytes": {"b": 1, "kb": 1 << 10, "mb": 1 << 20, "gb": 1 << 30, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30},
}
_EXPECTED = {
    "": "a whole number",
    "ms": "milliseconds, or a duration such as 20ms or 5s",
    "bytes": "bytes, or a size such as 64KB or 1MB",
}
_WANTED = {"double": "a number", "boolean": "true or false", "list": "words", "string": "a word"}
_RANGE = re.compile(r"\[(-?\d+),\.\.\.(?:,(-?\d+))?\](?: or (-?\d+))?")
_CHOICES = re.compile(r"(?:\(case insensitive\) )?\[(\w[^\]\[]*)\]")
_REPLICAS = "[partitionId]:[brokerId],[partitionId]:[brokerId],..."
_REPLICA = re.compile(r"[0-9]+:[0-9]+")
_AMOUNT = re.compile(r"(-?\d+(?:\.\d+)?)\s*([a-z]+)")


def setting(default: object, valid: str = "") -> Any:
    """Declares a key with its default and Kafka's words for the values that it takes.

    Source: clients/src/main/java/org/apache/kafka/common/config/ConfigDef.java define
    Fidelity: approximate — a validator is known by the text that documents it
    """
    return field(default=default, metadata={"valid": valid})


@dataclass(frozen=True, slots=True)
class Key:
    """What is known of one key; `kind` is Kafka's type, `unit` is ms, bytes or nothing, `valid` Kafka's own text."""

    name: str
    kind: str
    unit: str
    optional: bool
    default: object
    valid: str

    @property
    def dotted(self) -> str:
        """The key as Kafka writes it."""
        return self.name.replace("_", ".")

    def parse(self, value: object) -> object:
        """The value in the key's own type; ConfigError says in one line what would be right."""
        if value is None and self.optional:
            return None
        try:
            parsed = _PARSERS[self.kind](self, value)
        except (ValueError, TypeError, OverflowError):
            raise self.refusal(value) from None
        if not _is_valid(self.valid, parsed):
            raise self.refusal(value)
        return parsed

    def refusal(self, value: object) -> ConfigError:
        """The error for a value that does not fit."""
        expected = _WANTED.get(self.kind) or _EXPECTED[self.unit]
        valid = f" in {self.valid}" if self.valid else ""
        return ConfigError(f"invalid value {value!r} for {self.dotted}: expected {expected}{valid}")


def key_of(declared: "Field[Any]") -> Key:
    """The key that a dataclass field declares.

    Source: clients/src/main/java/org/apache/kafka/common/config/ConfigDef.java ConfigKey, parseType
    Fidelity: approximate — classes and passwords are plain words
    """
    kind = declared.type
    default = None if declared.default is MISSING else declared.default
    optional = default is None
    if optional:
        kind = next(part for part in get_args(kind) if part is not type(None))
    if get_origin(kind) is Annotated:
        _, name, unit = get_args(kind)
    else:
        name, unit = _PLAIN[kind], ""
    return Key(declared.name, name, unit, optional, default, declared.metadata.get("valid", ""))


_PLAIN: dict[Any, str] = {bool: "boolean", float: "double", str: "string", Words: "list"}


def _whole(key: Key, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    number = _amount(key.unit, value) if isinstance(value, str) else value
    if number != int(number) or not -(1 << _BITS[key.kind]) <= number < 1 << _BITS[key.kind]:
        raise ValueError
    return int(number)


def _amount(unit: str, text: str) -> int | float:
    text = text.strip().lower()
    match = _AMOUNT.fullmatch(text)
    if match is None:
        return int(text)
    scale = _SCALES[unit].get(match[2])
    if scale is None:
        raise ValueError
    return float(match[1]) * scale if "." in match[1] else int(match[1]) * scale


def _real(_: Key, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise TypeError
    number = float(value)
    if number != number:
        raise ValueError
    return number


def _flag(_: Key, value: object) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "false"):
        raise ValueError
    return text == "true"


def _text(key: Key, value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise TypeError
    text = str(value).strip()
    return text.lower() if key.valid.startswith("(case insensitive)") else text


def _words(_: Key, value: object) -> Words:
    if isinstance(value, str):
        return tuple(word.strip() for word in value.split(",") if word.strip())
    if not isinstance(value, list | tuple):
        raise TypeError
    return tuple(str(word) for word in value)


_PARSERS: dict[str, Callable[[Key, object], object]] = {
    "short": _whole,
    "int": _whole,
    "long": _whole,
    "double": _real,
    "boolean": _flag,
    "string": _text,
    "list": _words,
}


def _is_valid(valid: str, value: Any) -> bool:
    if bounds := _RANGE.fullmatch(valid):
        low, high, other = bounds.groups()
        within = value >= int(low) and (high is None or value <= int(high))
        return within or (other is not None and value == int(other))
    if choices := _CHOICES.fullmatch(valid):
        words = value if isinstance(value, tuple) else (value,)
        allowed = choices[1].lower() if valid.startswith("(") else choices[1]
        return all(_is_choice(word, allowed.split(", ")) for word in words)
    if valid == _REPLICAS:
        return value == ("*",) or all(_REPLICA.fullmatch(word) for word in value)
    return valid != "non-empty string" or value != ""


def _is_choice(word: str, choices: list[str]) -> bool:
    """Whether a word is among the choices; `by_duration:P...` stands for any ISO-8601 duration."""
    return word in choices or (word.startswith("by_duration:P") and choices[-1].startswith("by_duration:"))
