"""The figures that a recording of a group gives for each step: of its summary, else of its runs."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sim.rules.errors import ConfigError
from sim.timelines.group_figures import COUNTS, COUNTS_AFTER, TIMES
from sim.timelines.group_plan import GroupPlan

__all__ = ["measured_steps", "present"]

Measured = dict[str, tuple[float, ...]]


def measured_steps(recording: Mapping[str, Any], plan: GroupPlan) -> list[Measured]:
    """For each step each figure's values over the recorded runs that have it. Raises ConfigError."""
    summary = recording.get("summary")
    if summary is None:
        return [_of_runs(recording["runs"], index) for index in range(len(plan.steps))]
    if not isinstance(summary, Sequence) or len(summary) != len(plan.steps):
        raise ConfigError(f"{plan.family}: summary must have one entry for each of the {len(plan.steps)} steps")
    return [_of_summary(entry, f"{plan.family}: summary[{index}]") for index, entry in enumerate(summary)]


def _of_summary(entry: Mapping[str, Any], place: str) -> Measured:
    found = {name: _values(entry[name], f"{place}.{name}") for name in (*TIMES, *COUNTS) if name in entry}
    return found | _counts_after(entry.get("counts_after", ()))


def _values(figure: Any, place: str) -> tuple[float, ...]:
    """All values if they are given, otherwise least, median and most."""
    if not isinstance(figure, Mapping):
        raise ConfigError(f"{place} must give values, or min, median and max, not {figure!r}")
    values = figure.get("values", [figure.get(name) for name in ("min", "median", "max")])
    return present(values)


def _of_runs(runs: Sequence[Mapping[str, Any]], index: int) -> Measured:
    steps = [run["steps"][index] for run in runs if index < len(run["steps"])]
    found = {
        name: present(step.get(name) for step in steps)
        for name in (*TIMES, *COUNTS)
        if any(name in step for step in steps)
    }
    counts = [{member: len(owned) for member, owned in step["after"].items()} for step in steps if "after" in step]
    return found | _counts_after(counts)


def _counts_after(counts: Sequence[Mapping[str, int]]) -> Measured:
    members = sorted({member for count in counts for member in count})
    return {f"{COUNTS_AFTER} {member}": tuple(count.get(member, 0) for count in counts) for member in members}


def present(values: Iterable[float | None]) -> tuple[float, ...]:
    """The values of those runs that have one."""
    return tuple(value for value in values if value is not None)
