"""Workloads as text: `poisson:450` on the command line, in a knob or a manifest is the value `Poisson(450)`."""

from collections.abc import Callable
from typing import NamedTuple

from sim.rules.errors import ConfigError
from sim.world.arrivals import Constant, Poisson, Replay, Workload, nanoseconds
from sim.world.varying import Bursts, DailyCurve

__all__ = ["Bursts", "Constant", "DailyCurve", "Poisson", "Replay", "Workload", "parse_workload"]


class Form(NamedTuple):
    """How one kind of workload is written: an example, and what its parts may number."""

    example: str
    make: Callable[[list[str]], Workload]
    least: int
    most: int


def _bursts(parts: list[str]) -> Workload:
    return Bursts(float(parts[0]), float(parts[1]), *parts[2:])


def _daily(parts: list[str]) -> Workload:
    return DailyCurve(float(parts[0]), float(parts[1]), *parts[2:])


def _replay(parts: list[str]) -> Workload:
    return Replay(tuple(nanoseconds("replay", at) for at in parts))


FORMS = {
    "constant": Form("constant:100", lambda parts: Constant(float(parts[0])), 1, 1),
    "poisson": Form("poisson:450", lambda parts: Poisson(float(parts[0])), 1, 1),
    "bursts": Form("bursts:100,2000,30s,5s", _bursts, 4, 4),
    "daily": Form("daily:450,2.5[,14h,24h]", _daily, 2, 4),
    "replay": Form("replay:0s,1s,1500ms", _replay, 1, 1 << 30),
}


def parse_workload(text: str) -> Workload:
    """The workload that a text stands for. Raises ConfigError, in one line that names the forms there are.

    `bursts` takes base rate, burst rate, every, lasts; `daily` takes mean rate, peak to mean, peak at, period.
    """
    kind, _, rest = text.strip().partition(":")
    parts = [part.strip() for part in rest.split(",")]
    form = FORMS.get(kind)
    if form is None or not form.least <= len(parts) <= form.most:
        raise ConfigError(f"workload {text!r}: write it like {_examples()} (rates per second)")
    try:
        return form.make(parts)
    except ValueError as error:
        raise ConfigError(f"workload {text!r}: {error}; write it like {form.example} (rates per second)") from error


def _examples() -> str:
    *most, last = (form.example for form in FORMS.values())
    return f"{', '.join(most)} or {last}"
