"""Fits figures of a machine so that flights show what was measured, and says which figures that does not tell."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple

import numpy
from numpy.typing import NDArray

from sim.calibration.measurements import Measurements
from sim.capacity.probe import Outcome, fly_load
from sim.machine.hardware import Machines, with_figures
from sim.machine.profiles import profile_named
from sim.rules.errors import ConfigError

__all__ = ["FIGURES", "Calibration", "Row", "calibrate"]

FIGURES = (
    "client.record_cost",
    "client.request_cost",
    "client.polled_record_cost",
    "client.polled_batch_cost",
    "broker.request_cost",
    "broker.byte_cost",
    "broker.link_latency",
    "broker.flush_latency",
    "broker.nic_bytes_per_s",
    "broker.disk_bytes_per_s",
)
"""What can be fitted: costs and latencies in nanoseconds, capacities in bytes per second."""

STEP = log(1.5)
TELLS = 0.02
"""A figure that moves no prediction by this share when it is half as large again is not told by the measurements."""

ALIKE = 0.98
WIDEST = log(30)
SHIFT = 10.0
"""Logarithms are searched around this, as the solver takes its steps as a share of where it is."""

MOST_ROUNDS = 8
Column = NDArray[numpy.float64]
Progress = Callable[[str], None]


class Row(NamedTuple):
    """A figure of one output: what was measured, and what the base and the fitted machine show."""

    output: str
    figure: str
    measured: float
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Calibration:
    """What came out: fitted figures by name, those that could not be told, pairs that could only be told together.

    `rows` compare each measured figure with the flights before and after.
    """

    base: str
    fitted: Mapping[str, float]
    untold: tuple[str, ...]
    together: tuple[tuple[str, str], ...]
    rows: tuple[Row, ...]

    def worst_error_pct(self) -> float:
        """The largest error that is left, as a share of what was measured in percent."""
        return max(abs(row.after / row.measured - 1) * 100 for row in self.rows)

    def hardware(self) -> dict[str, object]:
        """The machine as a capacity case describes one: a profile, and the figures that are not as in it."""
        broker = {name.partition(".")[2]: value for name, value in self.fitted.items() if name.startswith("broker.")}
        client = {name.partition(".")[2]: value for name, value in self.fitted.items() if name.startswith("client.")}
        return {"profile": self.base, **broker, "client": client}


def calibrate(measurements: Measurements, progress: Progress | None = None) -> Calibration:
    """Fit on all measurements, in least squares of the logarithms.

    Figures that no measurement depends on stay as the base has them. Raises ConfigError, one line, without scipy, and
    where nothing can be told.
    """
    try:
        from scipy.optimize import least_squares
    except ImportError as error:
        raise ConfigError("calibrate needs more packages: pip install -e '.[analysis]'") from error
    flights = _Flights(measurements, progress or (lambda _: None))
    start = _values(measurements.base)
    before = flights.predict({})
    moved = {name: flights.predict({name: start[name] * exp(STEP)}) - before for name in start}
    told = [name for name, change in moved.items() if numpy.abs(change).max() > TELLS]
    if not told:
        raise ConfigError("the measurements tell nothing of the machine: no prediction depends on any of its figures")
    chosen, together = _apart(told, moved)
    found = least_squares(
        lambda shifted: flights.predict(_scaled(start, chosen, shifted - SHIFT)) - flights.measured,
        numpy.full(len(chosen), SHIFT),
        bounds=(SHIFT - WIDEST, SHIFT + WIDEST),
        diff_step=0.01,
        ftol=0.001,
        xtol=0.001,
        max_nfev=MOST_ROUNDS,
    )
    fitted = _scaled(start, chosen, found.x - SHIFT)
    after = flights.predict(fitted)
    return Calibration(
        measurements.base,
        fitted,
        tuple(name for name in FIGURES if name not in told),
        tuple(together),
        tuple(
            Row(file, name, exp(measured), exp(first), exp(last))
            for (file, name), measured, first, last in zip(flights.names, flights.measured, before, after, strict=True)
        ),
    )


def machines_with(base: str, figures: Mapping[str, float]) -> Machines:
    """A profile's machines with some figures changed, named as in `FIGURES`."""
    machines = profile_named(base, base).machines()
    sides: dict[str, dict[str, object]] = {"broker": {}, "client": {}}
    for name, value in figures.items():
        side, _, key = name.partition(".")
        kind = type(getattr(machines.hardware if side == "broker" else machines.client_hardware, key))
        sides[side][key] = kind(value)
    return Machines(
        with_figures(machines.hardware, sides["broker"], base),
        with_figures(machines.client_hardware, sides["client"], base),
        machines.disks,
    )


class _Flights:
    """The measurements as flights: their figures in a fixed order, as logarithms."""

    def __init__(self, measurements: Measurements, progress: Progress) -> None:
        self._measurements, self._progress = measurements, progress
        self.names: list[tuple[str, str]] = []
        values: list[float] = []
        for wanted, output in measurements.found:
            for name, value in output.figures.items():
                if _counts(name, wanted.rate):
                    self.names.append((wanted.output, name))
                    values.append(log(value))
        self.measured: Column = numpy.array(values)
        self._flown = 0
        self._known: dict[Machines, Column] = {}

    def predict(self, figures: Mapping[str, float]) -> Column:
        """What machines with these figures show; the same machines are flown once."""
        machines = machines_with(self._measurements.base, figures)
        if machines not in self._known:
            self._known[machines] = self._fly(machines)
        return self._known[machines]

    def _fly(self, machines: Machines) -> Column:
        predicted: dict[tuple[str, str], float] = {}
        for number, (wanted, _) in enumerate(self._measurements.found):
            self._flown += 1
            self._progress(f"flight {self._flown}: {wanted.output}")
            outcome = fly_load(self._measurements.load(number, machines))
            predicted |= {(wanted.output, name): value for name, value in _figures(outcome).items()}
        return numpy.array([log(max(predicted.get(name, 0.0), 1e-6)) for name in self.names])


def _counts(name: str, rate: float) -> bool:
    """A rate that was asked for tells nothing of the machine; a producer's buffer decides how long a flood waits."""
    return name.endswith("_per_s") == (rate == 0)


def _figures(outcome: Outcome) -> dict[str, float]:
    return {
        "records_per_s": outcome.produced_per_s,
        "consumed_per_s": outcome.consumed_per_s,
        **{f"publish_ms.{name}": value for name, value in outcome.publish_ms().items()},
        **{f"e2e_ms.{name}": value for name, value in outcome.end_to_end_ms().items()},
    }


def _values(base: str) -> dict[str, float]:
    """Where each figure begins; one that is nothing there cannot be scaled and is left out."""
    machines = profile_named(base, base).machines()
    sides = {"broker": machines.hardware, "client": machines.client_hardware}
    values = {name: float(getattr(sides[name.partition(".")[0]], name.partition(".")[2])) for name in FIGURES}
    return {name: value for name, value in values.items() if value > 0}


def _scaled(start: Mapping[str, float], names: list[str], logs: Column) -> dict[str, float]:
    return {name: start[name] * exp(float(by)) for name, by in zip(names, logs, strict=True)}


def _apart(told: list[str], moved: Mapping[str, Column]) -> tuple[list[str], list[tuple[str, str]]]:
    """Of figures that move all predictions alike only the first is fitted; the strongest come first."""
    chosen: list[str] = []
    together: list[tuple[str, str]] = []
    for name in sorted(told, key=lambda each: -float(numpy.abs(moved[each]).max())):
        twin = next((other for other in chosen if _alike(moved[name], moved[other])), None)
        if twin is None:
            chosen.append(name)
        else:
            together.append((twin, name))
    return chosen, together


def _alike(one: Column, other: Column) -> bool:
    length = float(numpy.linalg.norm(one) * numpy.linalg.norm(other))
    return len(one) == 1 or abs(float(one @ other)) / max(length, 1e-12) > ALIKE
