"""A recording of faults flown again and again from its file, figure by figure."""

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from sim.machine.clock import SECOND
from sim.rules.topics import TopicPartition
from sim.timelines.fault_client_figures import TopicSeen, client_figures, duplicate_figures
from sim.timelines.fault_noise import CLIENT_TIMES, noise
from sim.timelines.fault_plan import FaultPlan, fault_plan
from sim.timelines.fault_recording import FaultRecording, FaultRun, fault_recording
from sim.timelines.fault_server_figures import server_figures
from sim.timelines.fault_witness import Witness
from sim.timelines.figures import Quantity
from sim.world.flight import Flight

__all__ = ["fault_quantities", "fly_run"]

PATIENCE = 180 * SECOND
Side = Literal["server", "client", "count"]
Figures = dict[str, dict[str, float]]


def fault_quantities(recording: Mapping[str, Any], runs: int, first_seed: int = 0) -> list[Quantity]:
    """Every figure of the recording's summary over its own runs and over so many flights.

    Flight k has the seed `first_seed + k` and does what run k of the recording did, beginning again after the last.
    Raises ConfigError, in one line, for a recording that cannot be flown.
    """
    known = fault_recording(recording)
    flown = [fly_run(known, known.runs[k % len(known.runs)], first_seed + k) for k in range(runs)]
    return list(_quantities(known, flown))


def fly_run(recording: FaultRecording, run: FaultRun, seed: int) -> Figures:
    """One flight of a run: its figures by `server` or topic."""
    plan = fault_plan(recording, run, seed)
    flight = Flight(plan.plan, seed)
    witness = Witness(flight, plan.zero, {number: broker for broker, number in plan.brokers.items()})
    producers = [spec.name for spec in plan.plan.apps if spec.finite]
    for now in flight.fly(plan.window[1] + PATIENCE):
        if now < plan.zero:
            witness.begin(flight.cluster.controller.image)
        if now > plan.window[1] and all(flight.cluster.apps[name].finished for name in producers):
            break
    return _figures(recording, run, plan, flight, witness)


def _figures(recording: FaultRecording, run: FaultRun, plan: FaultPlan, flight: Flight, witness: Witness) -> Figures:
    replicas = {name: len(topic.replicas) for name, topic in recording.topics.items()}
    exits = (witness.exits.get(a.node("broker")) for a in run.actions if a.text("ev") == "sigterm")
    found = {"server": server_figures(witness.changes, run.actions, replicas, next(exits, None))}
    for topic in recording.topics.values():
        names = [TopicPartition(topic.name, number) for number in range(topic.partitions)]
        log = [batch for name in names for batch in flight.cluster.log(name).batches()]
        acknowledged = witness.acknowledged.get(topic.name, [])
        seen = TopicSeen(plan.sent[topic.name], acknowledged, witness.delivered.get(topic.name, []), log)
        found[topic.name] = client_figures(seen, plan.window, plan.zero) | duplicate_figures(seen, plan.window)
    return found


def _quantities(recording: FaultRecording, flown: list[Figures]) -> Iterator[Quantity]:
    """Each measured figure beside the simulated ones; from registrations the recorded changes are counted anew."""
    measured = {case: dict(figures) for case, figures in recording.measured.items()}
    measured.setdefault("server", {}).update(_counted_anew(recording))
    for case, figures in measured.items():
        for name, values in figures.items():
            simulated = tuple(run[case][name] for run in flown if name in run[case])
            reason = noise(recording, case, name)
            yield Quantity(f"{recording.family}/{case}", name, _side(case, name), values, simulated, not reason, reason)


def _counted_anew(recording: FaultRecording) -> dict[str, tuple[float, ...]]:
    replicas = {name: len(topic.replicas) for name, topic in recording.topics.items()}
    runs = [server_figures(run.changes, run.actions, replicas, None) for run in recording.runs]
    names = dict.fromkeys(name for run in runs for name in run if name.endswith(("_after_register", "_after_unfence")))
    return {name: tuple(run[name] for run in runs if name in run) for name in names}


def _side(case: str, name: str) -> Side:
    if case == "server":
        return "server"
    return "client" if name in CLIENT_TIMES else "count"
