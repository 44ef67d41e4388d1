"""Groups: the states of a classic group."""

from collections.abc import Mapping
from typing import Any

from sim.rules.groups.groups import GroupState, valid_transition

__all__ = ["classic_group_transition"]


def classic_group_transition(vector: Mapping[str, Any]) -> tuple[object, object]:
    """Whether a classic group may go from one state to another."""
    return vector["valid"], valid_transition(GroupState(vector["from"]), GroupState(vector["to"]))
