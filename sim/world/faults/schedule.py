"""Faults in time: repeated, placed by chance, and what cannot go together."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import combinations
from typing import TypeVar

from sim.machine.clock import format_duration, parse_duration
from sim.rules.errors import ConfigError
from sim.world.faults.fault import Fault

__all__ = ["at_random", "check_schedule", "repeated"]

AnyFault = TypeVar("AnyFault", bound=Fault)


def repeated(fault: AnyFault, every: str, times: int) -> tuple[AnyFault, ...]:
    """The same fault so many times, one beginning `every` so long. Raises ConfigError for less than one time."""
    if times < 1:
        raise ConfigError(f"fault {str(fault)!r}: it can be repeated once or more, not {times} times")
    interval = parse_duration(every)
    return tuple(replace(fault, at=f"{fault.begins + number * interval}ns") for number in range(times))


def at_random(
    fault: AnyFault,
    chance: random.Random,
    between: tuple[str, str],
    lasting: tuple[str, str] | None = None,
) -> AnyFault:
    """The same fault at a time drawn evenly between two, and lasting as long as drawn; for good without `lasting`."""
    begins = chance.randint(*map(parse_duration, between))
    lasts = None if lasting is None else chance.randint(*map(parse_duration, lasting))
    return replace(fault, at=f"{begins}ns", lasts=None if lasts is None else f"{lasts}ns")


def check_schedule(faults: Sequence[Fault], end: int | None) -> None:
    """Refuse faults that begin after the end of the run, or contradict each other.

    `end` is in nanoseconds, None when it is not known beforehand. Raises ConfigError, one line.
    """
    for fault in faults:
        if end is not None and fault.begins > end:
            raise ConfigError(
                f"fault {str(fault)!r} begins after the end of the run, at {format_duration(end)} at the latest"
            )
    for one, other in combinations(faults, 2):
        if one == other:
            raise ConfigError(f"fault {str(one)!r} is planned twice")
        shared = _shared(one.holds, other.holds)
        if shared and _overlap(one, other):
            raise ConfigError(f"faults {str(one)!r} and {str(other)!r} overlap: both act on {shared}")


def _shared(one: Iterable[str], other: Iterable[str]) -> str | None:
    held = list(other)
    return next((name for name in one for known in held if _same(name, known)), None)


def _same(one: str, other: str) -> bool:
    """Equal names; that of every broker's process is that of each."""
    every, each = "the process of every broker", "the process of broker "
    return one == other or (one == every and other.startswith(each)) or (other == every and one.startswith(each))


def _overlap(one: Fault, other: Fault) -> bool:
    earlier, later = sorted((one, other), key=lambda fault: fault.begins)
    return earlier.ends is None or later.begins < earlier.ends
