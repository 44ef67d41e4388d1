"""What a flight has shown that should not be, each with the reason why its configuration allows it, if it does."""

from collections.abc import Iterator
from dataclasses import dataclass

from sim.observe.allowances import allowances
from sim.observe.anomalies import Anomalies
from sim.observe.invariants import Invariants
from sim.observe.verdict import Verdict
from sim.world.flight import Flight
from sim.world.script.script import Count, Expect

MOST_CASES = 3
FATES = ("lost", "duplicated", "reordered", "undelivered")

__all__ = ["Problem", "find_problems", "unmet"]


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be: a fate, an anomaly, an invariant or what did not converge.

    `reason` is why the configuration allows it under these faults, None when nothing does.
    """

    name: str
    sentence: str
    reason: str | None = None


def find_problems(
    flight: Flight, verdict: Verdict, invariants: Invariants | None = None, anomalies: Anomalies | None = None
) -> list[Problem]:
    """Everything that is not as it should be at the end of a flight, explained or not."""
    allowed = allowances(flight)
    problems = [Problem("liveness", sentence) for sentence in flight.unsettled()]
    for fate in FATES:
        records = getattr(verdict, fate)
        if records:
            sentence = f"{len(records):,} {fate}, the first of {records[0].partition}: {records[0].cause}"
            problems.append(Problem(fate, sentence, allowed.get(fate)))
    if anomalies is not None:
        for name in anomalies.unexpected_names():
            cases = [case for case in anomalies.named(name) if case.allowed is None]
            problems.append(Problem(name, f"{len(cases):,} {name}: {cases[0].sentence}", allowed.get(name)))
    if invariants is not None:
        problems += [Problem(found.name, found.sentence, allowed.get(found.name)) for found in invariants.violations]
    return problems


def unmet(
    expect: Expect, flight: Flight, verdict: Verdict, invariants: Invariants | None, anomalies: Anomalies | None
) -> Iterator[str]:
    """What a scenario file expects and the run has not shown, in sentences."""
    failures = sum(app.failure is not None for app in flight.cluster.apps.values())
    counts = {fate: len(getattr(verdict, fate)) for fate in FATES}
    for name, count in {"acknowledged": verdict.acknowledged, **counts, "failures": failures}.items():
        wanted: Count | None = getattr(expect, name)
        if wanted is not None and not _is_within(count, wanted):
            yield f"{count:,} {name}, expected {wanted if isinstance(wanted, int) else f'{wanted[0]} to {wanted[1]}'}"
    if expect.converged:
        yield from flight.unsettled()
    if expect.invariants and invariants is not None:
        yield from (found.sentence for found in invariants.violations)
    if expect.anomalies is not None and anomalies is not None:
        cases = [case for case in anomalies.unexpected if case.name not in expect.anomalies]
        yield from (f"{case.name}: {case.sentence}" for case in cases[:MOST_CASES])


def _is_within(count: int, wanted: Count) -> bool:
    least, most = (wanted, wanted) if isinstance(wanted, int) else wanted
    return least <= count <= most
