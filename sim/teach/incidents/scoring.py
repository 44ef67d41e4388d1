"""Points for cause, fix and time, computed from the runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sim.teach.incidents.incident import Case

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["Recovery", "Score", "cause_points", "recovery_of", "time_points"]

CAUSE, FIX, TIME = 40, 40, 20
PAR_S = 20.0
"""Whoever has fixed it so soon after the page has all points for time."""
MENDED, HINT_COSTS = 0.8, 5


@dataclass(frozen=True, slots=True)
class Recovery:
    """The symptom without and with a fix; `lost` are acknowledged records that are lost only because of it."""

    told: str
    unit: str
    without: float
    with_fix: float
    lost: int

    @property
    def share(self) -> float:
        """How much of the symptom is gone, from 0 to 1; what loses records has mended nothing."""
        if self.lost or self.without <= 0:
            return 0.0
        return min(1.0, max(0.0, 1 - self.with_fix / self.without))

    def sentence(self) -> str:
        """Both figures."""
        lost = f"; {self.lost:,} acknowledged records were lost by it" if self.lost else ""
        return (
            f"The {self.told}: {figure(self.with_fix)} {self.unit} with the fix, "
            f"{figure(self.without)} {self.unit} without{lost}"
        )

    def as_json(self) -> dict[str, Any]:
        """The same as values."""
        return {"symptom": self.told, "unit": self.unit, "without": self.without, "with": self.with_fix,
                "lost": self.lost, "share": self.share}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Score:
    """Points for each of the three, and what hints have cost."""

    cause: int
    fix: int
    time: int
    hints: int = 0

    @property
    def total(self) -> int:
        """Of 100."""
        return max(0, self.cause + self.fix + self.time - self.hints)

    def as_json(self) -> Mapping[str, int]:
        """All of them."""
        return {"cause": self.cause, "fix": self.fix, "time": self.time, "hints": -self.hints, "total": self.total}


def cause_points(case: Case, cause: str, subject: str) -> int:
    """All for the right cause of the right subject; half for that of another one or of none, and for a near one."""
    if cause != case.cause:
        return CAUSE // 2 if cause in case.nearly else 0
    return CAUSE if not case.subjects or subject in case.subjects else CAUSE // 2


def recovery_of(case: Case, unfixed: "Run", fixed: "Run", at_s: float) -> Recovery:
    """What the fix has done to the symptom, computed from both runs."""
    symptom = case.symptom
    lost = max(0, len(fixed.verdict.lost) - len(unfixed.verdict.lost))
    return Recovery(symptom.told, symptom.unit, symptom.measure(unfixed, at_s), symptom.measure(fixed, at_s), lost)


def fix_points(share: float) -> int:
    """All when four fifths of the symptom are gone, in proportion below."""
    return round(FIX * min(1.0, share / MENDED))


def time_points(share: float, after_s: float, left_s: float) -> int:
    """All for a fix soon after the page, falling to none at the end of the run; in proportion to what it mends."""
    late = max(0.0, after_s - PAR_S) / max(1.0, left_s - PAR_S)
    return round(TIME * max(0.0, 1 - late) * min(1.0, share / MENDED))


def hint_costs(hints: int) -> int:
    """Points that hints cost."""
    return HINT_COSTS * hints


def figure(value: float) -> str:
    """A figure as people read it."""
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.2g}"
