"""Amounts as people write them in a requirement: `200MB/s`, `1KB`, `7d`, `30%`, `2x`; always with their unit.

Prefixes are decimal, as the makers of network cards and disks count (KB = 1000 bytes); KiB, MiB, GiB and TiB are powers
of 1024. Kbit/s, Mbit/s and Gbit/s are an eighth of that in bytes.
"""

import re
from collections.abc import Mapping

from sim.machine.clock import SECOND, parse_duration
from sim.rules.errors import ConfigError

__all__ = ["read_count", "read_factor", "read_rate", "read_seconds", "read_share", "read_size", "show_bytes"]

SIZES: Mapping[str, float] = {
    **{"b": 1, "kb": 1e3, "mb": 1e6, "gb": 1e9, "tb": 1e12},
    **{"kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40},
}
BITS: Mapping[str, float] = {"bit": 1 / 8, "kbit": 1e3 / 8, "mbit": 1e6 / 8, "gbit": 1e9 / 8}
TIMES = ("ns", "us", "ms", "s", "m", "min", "h", "d")
AMOUNT = re.compile(r"(\d[\d,_]*(?:\.\d+)?)\s*(\S*)")
LADDER = (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("KB", 1e3))


def read_rate(text: str, where: str) -> float:
    """Bytes per second. Raises ConfigError, one line."""
    value, unit = _split(text, where, "200MB/s")
    name = unit.removesuffix("/s")
    known = {**SIZES, **BITS}
    if not unit.endswith("/s") or name not in known:
        raise ConfigError(
            f"{where}: {text} is {_meaning(unit)}, not a rate of bytes; write it like 200MB/s or 1600Mbit/s"
        )
    return _positive(value * known[name], text, where)


def read_size(text: str, where: str) -> int:
    """Bytes. Raises ConfigError, one line."""
    value, unit = _split(text, where, "1KB")
    if unit not in SIZES:
        raise ConfigError(f"{where}: {text} is {_meaning(unit)}, not a size; write it like 1KB")
    return max(1, round(_positive(value * SIZES[unit], text, where)))


def read_seconds(text: str, where: str) -> float:
    """Seconds of a duration. Raises ConfigError, one line."""
    found = AMOUNT.fullmatch(text.strip())
    if found and _kind(found[2].lower()) not in ("a duration", "a word"):
        raise ConfigError(f"{where}: {text} is {_meaning(found[2].lower())}, not a duration; write it like 50ms or 7d")
    try:
        seconds = parse_duration(text) / SECOND
    except ValueError as error:
        raise ConfigError(f"{where}: {error}") from error
    return _positive(seconds, text, where)


def read_share(text: str, where: str) -> float:
    """A share of 1, from per cent. Raises ConfigError, one line."""
    value, unit = _split(text, where, "30%")
    if unit != "%":
        raise ConfigError(f"{where}: {text} is {_meaning(unit)}, not a share; write it like 30%")
    return value / 100


def read_factor(text: str, where: str) -> float:
    """How many times as much. Raises ConfigError, one line."""
    value, unit = _split(text, where, "2x")
    if unit not in ("x", ""):
        raise ConfigError(f"{where}: {text} is {_meaning(unit)}, not a factor; write it like 2x")
    return _positive(value, text, where)


def read_count(text: str, where: str) -> int:
    """A whole number. Raises ConfigError, one line."""
    value, unit = _split(text, where, "3")
    if unit or value != int(value):
        said = f"is {_meaning(unit)}" if unit else "is not whole"
        raise ConfigError(f"{where}: {text} {said}; write a whole number such as 3")
    return int(value)


def show_bytes(value: float) -> str:
    """Bytes with three digits, as people read them: `12.9 MB`."""
    for name, size in LADDER:
        if abs(value) >= size:
            return f"{value / size:,.3g} {name}" if value < 1000 * size else f"{value / size:,.0f} {name}"
    return f"{value:,.0f} B"


def _split(text: str, where: str, example: str) -> tuple[float, str]:
    found = AMOUNT.fullmatch(text.strip())
    if found is None:
        raise ConfigError(f"{where}: {text!r} is no amount; write it like {example}")
    return float(found[1].replace(",", "").replace("_", "")), found[2].lower()


def _positive(value: float, text: str, where: str) -> float:
    if value <= 0:
        raise ConfigError(f"{where}: {text} must be more than nothing")
    return value


def _kind(unit: str) -> str:
    """What an amount with this unit is."""
    kinds = {**dict.fromkeys(SIZES, "a size"), **dict.fromkeys(TIMES, "a duration"), "%": "a share", "x": "a factor"}
    rate = unit.removesuffix("/s") in {**SIZES, **BITS}
    return "a rate of bytes" if unit.endswith("/s") and rate else kinds.get(unit, "a word" if unit else "a number")


def _meaning(unit: str) -> str:
    kind = _kind(unit)
    return {"a word": f"in {unit!r}", "a number": "a number without unit"}.get(kind, kind)
