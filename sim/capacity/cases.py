"""Capacity cases as data: reading them, and refusing what is no case in one line."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sim.capacity.recordings import recorded_cases
from sim.machine.hardware import Machines
from sim.machine.machine_file import machines_of
from sim.machine.profiles import profile_named
from sim.rules.errors import ConfigError

__all__ = ["BUNDLED", "CALIBRATION", "Case", "Predicted", "Recreation", "read_cases"]

DATA = Path(__file__).parent / "data"
BUNDLED = (*sorted((DATA / "cases").glob("*.json")), *sorted((DATA / "recordings").glob("*.json")))
CALIBRATION = json.loads((DATA / "calibration.json").read_text(encoding="utf-8"))
"""The cases, and the families of recordings, that figures of `sim.machine.profiles` were fitted on."""

SOURCES = json.loads((DATA / "sources.json").read_text(encoding="utf-8"))
"""What the source of a case says of its configuration where the case itself does not."""

Predicted = Mapping[str, float]
"""Figures by their name in a case's results."""

Recreation = Callable[[], Predicted]
"""A case that has been looked through and can be flown."""

DESCRIPTIONS = ("hardware", "broker_hw", "hw", "machine")
FIELDS = ("id", "config", "measured")


@dataclass(frozen=True, slots=True)
class Case:
    """One published measurement: how it was made, and what came out."""

    id: str
    config: Mapping[str, Any]
    measured: Mapping[str, Any]
    title: str = ""

    @property
    def is_calibration(self) -> bool:
        """Whether figures were fitted on it."""
        return self.id in CALIBRATION["cases"] or self.config.get("recording") in CALIBRATION["recordings"]

    def number(self, key: str, default: float | None = None) -> float:
        """A number of the configuration that must be positive. Raises ConfigError, also if it is needed and missing."""
        value = self.config.get(key, default)
        if value is None:
            raise ConfigError(f"case {self.id}: config has no {key!r}, which it needs")
        number = _as_number(value)
        if number is None or number <= 0:
            raise ConfigError(f"case {self.id}: config {key!r} is {value!r}; it must be a number above 0")
        return number

    def whole(self, key: str, default: int | None = None) -> int:
        """The same for a whole number."""
        number = self.number(key, default)
        if number != int(number):
            raise ConfigError(f"case {self.id}: config {key!r} is {number}; it must be a whole number")
        return int(number)

    def machines(self) -> Machines:
        """The machines of the case: a profile that its text names, figures by key, or both. Raises ConfigError."""
        key = next((key for key in DESCRIPTIONS if key in self.config), None)
        if key is None:
            raise ConfigError(f"case {self.id}: config has none of {', '.join(DESCRIPTIONS)}, and it needs one")
        given, where = self.config[key], f"case {self.id}"
        if isinstance(given, str):
            return profile_named(given, where).machines()
        if not isinstance(given, Mapping):
            raise ConfigError(f"{where}: {key!r} must be the name of a profile, or figures by key")
        return machines_of(given, where)


def _as_number(value: object) -> float | None:
    """A number, perhaps written as `default 33554432`."""
    if isinstance(value, bool):
        return None
    try:
        return float(value.split()[-1] if isinstance(value, str) else value)  # type: ignore[arg-type]
    except (TypeError, ValueError, IndexError):
        return None


def read_cases(path: Path) -> list[Case]:
    """The cases of a file: a JSON list, or a recording of a real cluster. Raises ConfigError for what is neither."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror or error}") from error
    except ValueError as error:
        raise ConfigError(f"{path}: this is no JSON ({error})") from error
    if isinstance(found, Mapping) and "family" in found:
        recorded = recorded_cases(str(path), found)
        return [Case(each.id, {"recording": each.family, **each.setup}, each.measured) for each in recorded]
    if not isinstance(found, list):
        raise ConfigError(f"{path}: a list of cases is needed")
    return [_case(path, number, entry) for number, entry in enumerate(found)]


def _case(path: Path, number: int, entry: object) -> Case:
    if not isinstance(entry, Mapping):
        raise ConfigError(f"{path}: case {number} is no object with {', '.join(FIELDS)}")
    missing = [name for name in FIELDS if name not in entry]
    if missing:
        raise ConfigError(f"{path}: case {entry.get('id', number)} has no {missing[0]!r}; it needs {', '.join(FIELDS)}")
    for name in ("config", "measured"):
        if not isinstance(entry[name], Mapping) or not entry[name]:
            raise ConfigError(f"{path}: case {entry['id']}: {name!r} must be an object with something in it")
    config = {**_said_by(str(entry.get("source", ""))), **entry["config"]}
    return Case(str(entry["id"]), config, entry["measured"], str(entry.get("title", "")))


def _said_by(source: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for known in SOURCES:
        if known["source"] in source:
            found |= known["config"]
    return found
