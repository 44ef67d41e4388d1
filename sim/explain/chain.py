"""A causal chain as a value: links from symptom to cause, and the setting that decides how bad it gets."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sim.run import Run

__all__ = ["Chain", "Link", "Remedy"]

Measure = Callable[["Run"], float]


@dataclass(frozen=True, slots=True)
class Link:
    """One step: when (seconds from the start), what happened, and the fact, metric or setting that shows it."""

    time_s: float
    what: str
    evidence: str


@dataclass(frozen=True, slots=True)
class Remedy:
    """A setting where the chain ends: its key as `--set` takes it, its value, and another one to try."""

    key: str
    value: object
    other: object


@dataclass(frozen=True, slots=True)
class Chain:
    """The answer: `cause` is a slug such as `member-crashed`, `none` when there was no symptom.

    `weight_s` is how many seconds of the symptom the cause explains. `measure` reads the symptom's size from a run, in
    `unit`; `size` is that of this run, and `would_be` that of a rerun with the remedy's other value, None without one.
    """

    why: str
    cause: str
    links: tuple[Link, ...]
    remedy: Remedy | None = None
    measure: Measure | None = None
    unit: str = "s"
    weight_s: float = 0.0
    size: float | None = None
    would_be: float | None = None

    def sentences(self) -> list[str]:
        """The symptom, each cause after a `because`, and what would have been."""
        first, *rest = self.links
        told = [f"{first.what}."] + [f"Because {link.what}." for link in rest]
        remedy = self.remedy
        if remedy is not None:
            setting = f"{remedy.key} is {remedy.value}"
            if self.would_be is None or self.size is None:
                told.append(f"The setting that decides: {setting}; try {remedy.other}.")
            else:
                was, would_be = _amount(self.size, self.unit), _amount(self.would_be, self.unit)
                same = " too, so that this setting alone does not mend it" if was == would_be else f" instead of {was}"
                told.append(
                    f"The setting that decides: {setting}; with {remedy.other} it would have been {would_be}{same}."
                )
        return told

    def as_json(self) -> dict[str, Any]:
        """The same as one JSON object."""
        remedy = self.remedy
        return {
            "why": self.why,
            "cause": self.cause,
            "links": [{"time_s": link.time_s, "what": link.what, "evidence": link.evidence} for link in self.links],
            "setting": None if remedy is None else {"key": remedy.key, "value": remedy.value, "other": remedy.other},
            "size": self.size,
            "would_be": self.would_be,
            "unit": self.unit,
            "sentences": self.sentences(),
        }


def _amount(value: float, unit: str) -> str:
    return f"{value:.1f} s" if unit == "s" else f"{value:,.0f} {unit}"
