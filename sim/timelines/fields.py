"""The fields of a recording, each with the place where it stands, so that what is wrong is told in one line."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, NoReturn

from sim.rules.errors import ConfigError

__all__ = ["Fields"]

KINDS: Mapping[type, str] = {dict: "an object", list: "a list", int: "a number", str: "text"}


class Fields:
    """One JSON object of a recording. What is missing, or of another kind, raises ConfigError with its place."""

    def __init__(self, place: str, values: Mapping[str, Any]) -> None:
        self.place = place
        self.values = values

    def object(self, name: str) -> "Fields":
        """An object inside."""
        return Fields(f"{self.place}.{name}", self._value(name, dict))

    def objects(self, name: str) -> list["Fields"]:
        """A list of objects, in order."""
        found = []
        for index, value in enumerate(self._value(name, list)):
            place = f"{self.place}.{name}[{index}]"
            if not isinstance(value, dict):
                raise ConfigError(f"{place} is {value!r}, not an object")
            found.append(Fields(place, value))
        return found

    def named(self, name: str) -> dict[str, "Fields"]:
        """An object whose values are objects themselves, by their names."""
        inside = self.object(name)
        return {key: inside.object(key) for key in inside.values}

    def mapping(self, name: str) -> dict[str, Any]:
        """An object with values of any kind; empty if it is not there."""
        return dict(self._value(name, dict)) if name in self.values else {}

    def ids(self, name: str) -> tuple[int, ...]:
        """A list of node ids."""
        found = self._value(name, list)
        if not all(isinstance(each, int) and not isinstance(each, bool) for each in found):
            raise ConfigError(f"{self.place}.{name} is {found!r}, not a list of node ids")
        return tuple(found)

    def numbers(self, name: str) -> tuple[float, ...]:
        """A list of numbers; what a run does not have (null) is left out."""
        found = [each for each in self._value(name, list) if each is not None]
        if not all(isinstance(each, int | float) and not isinstance(each, bool) for each in found):
            raise ConfigError(f"{self.place}.{name} is {found!r}, not a list of numbers")
        return tuple(map(float, found))

    def node(self, name: str) -> int:
        """A node id."""
        found: int = self._value(name, int)
        return found

    def text(self, name: str) -> str:
        """A word."""
        found: str = self._value(name, str)
        return found

    def number(self, name: str, *, least: float | None = None) -> float:
        """A number, at least so large."""
        value = self.values.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse(name, "a number")
        if least is not None and value < least:
            raise ConfigError(f"{self.place}.{name} is {value}, less than {least:g}")
        return float(value)

    def _value(self, name: str, kind: type) -> Any:
        value = self.values.get(name)
        if not isinstance(value, kind) or isinstance(value, bool):
            self._refuse(name, KINDS[kind])
        return value

    def _refuse(self, name: str, wanted: str) -> NoReturn:
        if name in self.values:
            raise ConfigError(f"{self.place}.{name} is {self.values[name]!r}, not {wanted}")
        near = get_close_matches(name, self.values, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ConfigError(f"{self.place} has no {name!r}{hint}")
