"""What a flight has shown that should not be, each with the reason why its configuration allows it, if it does."""

from collections.abc import Iterator
from dataclasses import dataclass

from sim.observe.allowances import FATES, Allowances
from sim.observe.anomalies import Anomalies
from sim.observe.exactly_once import broken_promises
from sim.observe.fates import RecordFate
from sim.observe.invariants import Invariants
from sim.observe.verdict import Verdict
from sim.world.flight import Flight
from sim.world.script.script import Count, Expect

__all__ = ["Problem", "find_problems", "unmet"]

MOST_TOLD = 3


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is not as it should be: a fate, an anomaly, an invariant, a promise, or what did not converge.

    `subject` is the topic, group or partition that it concerns. `reason` is why the configuration allows it under
    these faults, None when nothing does.
    """

    name: str
    subject: str
    sentence: str
    reason: str | None = None


def find_problems(
    flight: Flight, verdict: Verdict, invariants: Invariants | None = None, anomalies: Anomalies | None = None
) -> list[Problem]:
    """Everything that is not as it should be at the end of a flight, explained or not."""
    allowances = Allowances(flight)
    return [
        *(
            Problem("liveness", subject, sentence, allowances.of_liveness(subject))
            for subject, sentence in flight.unsettled()
        ),
        *_fates(verdict, allowances),
        *_anomalies(anomalies, allowances),
        *_promises(flight, allowances),
        *_violations(invariants),
    ]


def unmet(
    expect: Expect, flight: Flight, verdict: Verdict, invariants: Invariants | None, anomalies: Anomalies | None
) -> Iterator[str]:
    """What a scenario file expects and the run has not shown, in sentences."""
    yield from _miscounted("acknowledged", expect.acknowledged, verdict.acknowledged)
    for fate in FATES:
        records = [each for each in getattr(verdict, fate) if _concerns(expect, each.partition)]
        yield from _miscounted(fate, getattr(expect, fate), len(records), *(_told(each) for each in records[:1]))
    failures = [f"{app.name}: {app.failure}" for app in flight.cluster.apps.values() if app.failure is not None]
    yield from _miscounted("failures", expect.failures, len(failures), *failures[:1])
    if expect.converged:
        yield from (sentence for _, sentence in flight.unsettled())
    if expect.exactly_once:
        yield from (sentence for _, sentence in _broken(flight))
    if expect.invariants and invariants is not None:
        yield from (found.sentence for found in invariants.violations)
    if expect.anomalies is not None and anomalies is not None:
        cases = [each for each in anomalies.unexpected if each.name not in expect.anomalies]
        wrong = [each for each in cases if any(_concerns(expect, name) for name in each.partitions)]
        yield from (f"{each.name}: {each.sentence}" for each in wrong[:MOST_TOLD])


def _miscounted(name: str, wanted: Count | None, count: int, *first: str) -> Iterator[str]:
    """A sentence if a number is not as wanted, with the first case."""
    if wanted is not None:
        least, most = (wanted, wanted) if isinstance(wanted, int) else wanted
        if not least <= count <= most:
            told = f"{least:,}" if least == most else f"{least:,} to {most:,}"
            yield "; the first is ".join((f"{count:,} {name}, expected {told}", *first))


def _concerns(expect: Expect, partition: str) -> bool:
    return not expect.topics or _topic(partition) in expect.topics


def _topic(partition: str) -> str:
    return partition.rpartition("-")[0]


def _fates(verdict: Verdict, allowances: Allowances) -> Iterator[Problem]:
    """One for all records with the same fate, topic and reason."""
    for fate in FATES:
        found: dict[tuple[str, str | None], list[str]] = {}
        for record in getattr(verdict, fate):
            topic = _topic(record.partition)
            reason = allowances.of_fate(fate, topic, record.producer)
            found.setdefault((topic, reason), []).append(_told(record))
        for (topic, reason), told in found.items():
            yield Problem(fate, topic, f"{len(told):,} {fate}, the first is {told[0]}", reason)


def _told(record: RecordFate) -> str:
    return f"number {record.number} of {record.producer} in {record.partition}, {record.cause}"


def _anomalies(anomalies: Anomalies | None, allowances: Allowances) -> Iterator[Problem]:
    found: dict[tuple[str, str, str | None], list[str]] = {}
    for case in () if anomalies is None else anomalies.unexpected:
        topic = _topic(case.partitions[0])
        reason = allowances.of_anomaly(case.name, [_topic(name) for name in case.partitions], case.records)
        found.setdefault((case.name, topic, reason), []).append(case.sentence)
    for (name, topic, reason), told in found.items():
        yield Problem(name, topic, f"{len(told):,} {name}, the first: {told[0]}", reason)


def _promises(flight: Flight, allowances: Allowances) -> Iterator[Problem]:
    for group, sentence in _broken(flight):
        yield Problem("exactly-once", group, sentence, allowances.of_promise(group))


def _broken(flight: Flight) -> Iterator[tuple[str, str]]:
    for group in flight.plan.groups:
        if group.exactly_once_in:
            for what, places in zip(("twice", "not at all"), broken_promises(flight, group), strict=True):
                if places:
                    count = f"{len(places):,} records of {places[0][0].topic}" if len(places) > 1 else "a record"
                    where = f"{places[0][0]} at offset {places[0][1]}"
                    yield group.group_id, f"{group.exactly_once_in} has {count} {what}, the first is that of {where}"


def _violations(invariants: Invariants | None) -> Iterator[Problem]:
    for found in () if invariants is None else invariants.violations:
        yield Problem(found.name, found.subject, found.sentence)
