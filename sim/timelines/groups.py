"""Recordings of consumer groups: the figures of each step, measured and flown."""

from collections.abc import Mapping
from typing import Any, Literal

from sim.run import no_garbage_collection
from sim.timelines.figures import Quantity
from sim.timelines.group_figures import TIMES, Figures
from sim.timelines.group_flight import GroupFlight
from sim.timelines.group_measured import measured_steps, present
from sim.timelines.group_plan import GroupPlan, group_plan

__all__ = ["fly_group", "group_quantities"]


def group_quantities(recording: Mapping[str, Any], runs: int, first_seed: int = 0) -> list[Quantity]:
    """Each figure of each step of a recorded group, over its runs and over so many flights. Raises ConfigError."""
    plan = group_plan(recording)
    measured = measured_steps(recording, plan)
    flown = [fly_group(plan, number, first_seed + number) for number in range(runs)]
    found = []
    for index, step in enumerate(plan.steps):
        case = f"{plan.family}/{index} {step.event} {step.member}"
        for name, values in measured[index].items():
            found.append(_quantity(case, name, values, present(flight[index].get(name) for flight in flown)))
    return found


def fly_group(plan: GroupPlan, number: int, seed: int) -> list[Figures]:
    """The figures of each step of one flight, with the windows of the recorded runs in turn.

    How long members are watched after one step decides at what time of their heartbeats the next one falls.
    """
    run = plan.runs[number % len(plan.runs)]
    flight = GroupFlight(plan, seed)
    with no_garbage_collection():
        return [flight.step(step) for step in (*run, *plan.steps[len(run) :])]


def _quantity(case: str, name: str, measured: tuple[float, ...], simulated: tuple[float, ...]) -> Quantity:
    side: Literal["client", "count"] = "client" if name in TIMES else "count"
    if not measured:
        return Quantity(case, name, side, measured, simulated, False, "no recorded run has it")
    return Quantity(case, name, side, measured, simulated)
