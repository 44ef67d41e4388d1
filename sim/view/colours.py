"""Colours that colour-blind readers can tell apart, each with a line style so that they differ in grey too.

Source: M. Okabe and K. Ito, Color Universal Design (2008)
"""

from typing import NamedTuple

__all__ = [
    "BLACK",
    "BLUE",
    "FAULT",
    "FAULT_TEXT",
    "GREEN",
    "GREY",
    "ORANGE",
    "PALE",
    "PURPLE",
    "SKY",
    "VERMILLION",
    "YELLOW",
    "Stroke",
    "group_stroke",
    "topic_stroke",
]

BLACK = "#000000"
ORANGE = "#E69F00"
SKY = "#56B4E9"
GREEN = "#009E73"
YELLOW = "#F0E442"
BLUE = "#0072B2"
VERMILLION = "#D55E00"
PURPLE = "#CC79A7"
GREY = "#5A5A5A"
PALE = "#E8E8E8"

FAULT = VERMILLION
FAULT_TEXT = "#9C4500"


class Stroke(NamedTuple):
    """How a line is drawn; `style` is an offset and lengths on and off, `width` is in points."""

    colour: str
    style: tuple[int, tuple[float, ...]]
    width: float


SOLID = (0, ())
GROUPS = (
    Stroke(BLUE, SOLID, 1.7),
    Stroke(GREEN, (0, (5, 1.5)), 1.7),
    Stroke(PURPLE, (0, (1.2, 1.2)), 2.2),
    Stroke(ORANGE, (0, (6, 1.5, 1.2, 1.5)), 1.7),
    Stroke(SKY, (0, (3, 3)), 2.0),
)
TOPICS = (
    Stroke("#B0B0B0", SOLID, 4.5),
    Stroke("#8C8C8C", (0, (1, 1)), 3.5),
    Stroke("#C8C8C8", (0, (4, 1.5)), 4.0),
)


def group_stroke(index: int) -> Stroke:
    """The line of the n-th consumer group; after five they repeat."""
    return GROUPS[index % len(GROUPS)]


def topic_stroke(index: int) -> Stroke:
    """The line of the n-th topic, broad and grey, so that the lines of groups show on top of it."""
    return TOPICS[index % len(TOPICS)]
