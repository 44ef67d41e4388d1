"""Why a figure is far off: what is known of it, by case and quantity."""

import json
import re
from collections.abc import Iterable
from pathlib import Path

from sim.capacity.validation import Comparison

__all__ = ["FAR_PCT", "far_off", "reason_for"]

FAR_PCT = 25
"""Beyond this an error has to be accounted for."""

UNKNOWN = "no reason is known"
REASONS = json.loads((Path(__file__).parent / "data" / "reasons.json").read_text(encoding="utf-8"))


def reason_for(comparison: Comparison) -> str:
    """The first reason that is about such a figure."""
    for known in REASONS:
        if re.fullmatch(known["cases"], comparison.id) and re.fullmatch(known["quantities"], comparison.quantity):
            return str(known["reason"])
    return UNKNOWN


def far_off(comparisons: Iterable[Comparison]) -> dict[str, list[Comparison]]:
    """What is further off than it should be, by reason, in the order in which it comes."""
    found: dict[str, list[Comparison]] = {}
    for each in comparisons:
        if abs(each.error_pct) > FAR_PCT:
            found.setdefault(reason_for(each), []).append(each)
    return found
