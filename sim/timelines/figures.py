"""What is compared: one figure of a recording, measured and simulated."""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Quantity"]


@dataclass(frozen=True, slots=True)
class Quantity:
    """One figure of a recording with its values over the measured and the simulated runs.

    `case` names file family and step/run group, `side` says which slack holds, `counted` is False with a `reason` where
    the file itself says that the figure carries machine noise.
    """

    case: str
    quantity: str
    side: Literal["server", "client", "count"]
    measured: tuple[float, ...]
    simulated: tuple[float, ...]
    counted: bool = True
    reason: str = ""
