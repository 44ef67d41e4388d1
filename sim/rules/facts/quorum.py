"""What is announced of the controllers of a quorum of several."""

from dataclasses import dataclass

__all__ = ["QUORUM_JOURNAL", "ControllerElected", "ControllerResigned"]


@dataclass(frozen=True, slots=True)
class ControllerElected:
    """A controller leads the metadata quorum from now on, and has committed a first record of its epoch."""

    controller_id: int
    epoch: int


@dataclass(frozen=True, slots=True)
class ControllerResigned:
    """A controller that led an epoch of the metadata quorum, or was about to, does so no longer, though it runs."""

    controller_id: int
    epoch: int


QUORUM_JOURNAL: tuple[type, ...] = (ControllerElected, ControllerResigned)
