"""A knob shows what is already flown: all of it at once, and one of it large when it is turned."""

from typing import Any

import pytest

from sim.rules.errors import ConfigError
from sim.teach import knob


def draw(axes: Any, value: int) -> None:
    axes.plot([0, 1], [0, value])


def test_another_value_is_another_picture() -> None:
    slider, picture = knob("salts", [1, 4], draw, "more").children
    before = bytes(picture.value)
    slider.value = 4
    assert before.startswith(b"\x89PNG")
    assert bytes(picture.value).startswith(b"\x89PNG")
    assert bytes(picture.value) != before


def test_a_knob_without_values_is_one_line() -> None:
    with pytest.raises(ConfigError, match="without values"):
        knob("salts", [], draw, "none")
