"""Measured against predicted: every figure of every case, its error, and what is not predicted and why."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from sim.capacity.cases import Case, Recreation
from sim.capacity.laws import LAWS
from sim.capacity.published import bandwidth_law, benchmark
from sim.capacity.recovery import group_recovery
from sim.capacity.reenactment import reenactment

__all__ = ["Comparison", "Unpredicted", "Validation", "validate"]

RECREATIONS: Mapping[str, Callable[[Case], Recreation]] = {
    **LAWS,
    "recording": reenactment,
    "fault": group_recovery,
    "t_ebs_MBps": bandwidth_law,
    "t_ec2_MBps": bandwidth_law,
    "brokers": benchmark,
    "record_bytes": benchmark,
}
"""How a case is recreated, by the key of its configuration that tells its kind, the first that is there."""

TAIL = ("p99_9", "p99_99", "p999", "max", "full_cdf_points")
"""Beyond p99 garbage collection and file systems decide; such figures are not compared."""

REASONS = (
    ("rate_cv", "the flight's load and machine are steady; published rates vary with garbage collection"),
    ("backlog_mean", "counted by the published benchmark once in ten seconds, with its own delay"),
    ("zero_seconds", "the whole pipeline's output is one hertz coarse; the flight has one stage of it"),
    ("rows", "how much was sent, no outcome"),
    ("baseline_rows_per_s", "what the application's own work allows, of which the case says nothing"),
    ("fetch_size_bytes", "a session's fetches are not counted apart"),
    ("duplicates", "a question of correctness, see the verdict of `kafkasim run`"),
)


@dataclass(frozen=True, slots=True)
class Comparison:
    """One figure of one case."""

    id: str
    quantity: str
    measured: float
    predicted: float
    calibration: bool

    @property
    def error_pct(self) -> float:
        """Predicted over measured, less one, in percent; of a measured zero the difference itself."""
        if not self.measured:
            return 100 * (self.predicted - self.measured)
        return 100 * (self.predicted / self.measured - 1)


@dataclass(frozen=True, slots=True)
class Unpredicted:
    """A figure that the simulator has no prediction for, and why."""

    id: str
    quantity: str
    reason: str


@dataclass(slots=True)
class Validation:
    """All comparisons."""

    comparisons: list[Comparison] = field(default_factory=list)
    unpredicted: list[Unpredicted] = field(default_factory=list)

    @property
    def median_abs_error_pct(self) -> float | None:
        """Over the figures that nothing was fitted on; None without any."""
        errors = [abs(each.error_pct) for each in self.comparisons if not each.calibration]
        return median(errors) if errors else None

    def as_json(self) -> dict[str, Any]:
        """The one JSON object."""
        middle = self.median_abs_error_pct
        return {
            "cases": [
                {
                    "id": each.id,
                    "quantity": each.quantity,
                    "measured": each.measured,
                    "predicted": float(f"{each.predicted:.6g}"),
                    "error_pct": round(each.error_pct, 2),
                    "calibration": each.calibration,
                }
                for each in self.comparisons
            ],
            "median_abs_error_pct": None if middle is None else round(middle, 2),
        }


def validate(cases: Iterable[Case], progress: Callable[[Case], None] = lambda _: None) -> Validation:
    """Look through all cases, then recreate each. Raises ConfigError, one line, for a case that cannot be."""
    found = Validation()
    ready = [(case, _recreation(case)) for case in cases]
    for case, recreation in ready:
        progress(case)
        _compare(case, recreation, found)
    return found


def _recreation(case: Case) -> Recreation | None:
    prepare = next((prepare for key, prepare in RECREATIONS.items() if key in case.config), None)
    return None if prepare is None else prepare(case)


def _compare(case: Case, recreation: Recreation | None, found: Validation) -> None:
    predicted = {} if recreation is None else recreation()
    for quantity, measured in _figures(case.measured):
        if quantity.rpartition(".")[2].rpartition("_ms")[0] in TAIL or quantity.rpartition(".")[2] in TAIL:
            continue
        if quantity in predicted:
            found.comparisons.append(Comparison(case.id, quantity, measured, predicted[quantity], case.is_calibration))
        else:
            found.unpredicted.append(Unpredicted(case.id, quantity, _reason(recreation, quantity)))


def _figures(measured: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    """The numbers in a case's results, with a name for each."""
    for key, value in measured.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            yield from _figures(value, f"{name}.")
        elif isinstance(value, list):
            yield from ((f"{name}[{number}]", float(each)) for number, each in enumerate(value))
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield name, float(value)


def _reason(recreation: Recreation | None, quantity: str) -> str:
    if recreation is None:
        return "the case does not say on what, and under which load, it was measured"
    return dict(REASONS).get(quantity, "the simulator has no figure of this name")
