"""Everything that went wrong in a flight, from whoever has seen it, and what a scenario file expects of it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sim.observe.anomalies import Anomalies
from sim.observe.exactly_once import broken_promises
from sim.observe.invariants import Invariants
from sim.observe.verdict import RecordFate, Verdict
from sim.world.flight import Flight
from sim.world.script import Script
from sim.world.script.script import Count, Expect

__all__ = ["FATES", "Shortcoming", "shortcomings", "unmet"]

FATES = ("lost", "duplicated", "reordered", "undelivered")
COUNTED = (*FATES, "failures")
FLAGS = ("invariants", "exactly_once", "converged")


@dataclass(frozen=True, slots=True)
class Shortcoming:
    """One kind of thing went wrong so often with one topic, application or group; the sentence tells of the first.

    `kind` is a key of `[expect]`; for anomalies and invariants `name` says which.
    """

    kind: str
    name: str
    subject: str
    count: int
    sentence: str

    def __str__(self) -> str:
        name = f" {self.name}" if self.name else ""
        subject = f" of {self.subject}" if self.subject else ""
        return f"{self.kind}{name}{subject} ({self.count:,}): {self.sentence}"


def shortcomings(
    script: Script, flight: Flight, verdict: Verdict, anomalies: Anomalies | None, invariants: Invariants | None
) -> list[Shortcoming]:
    """All of them, the verdict's first; anomalies that the configuration allows are none."""
    return [
        *_fates(verdict),
        *_anomalies(anomalies),
        *_violations(invariants),
        *_failures(flight),
        *_promises(script, flight),
        *_unsettled(flight),
    ]


def unmet(expect: Expect, found: Sequence[Shortcoming], verdict: Verdict) -> list[str]:
    """A sentence for each expectation that does not hold."""
    concerned = [
        each for each in found if not expect.topics or each.kind == "failures" or each.subject in expect.topics
    ]
    told = []
    for kind in ("acknowledged", *COUNTED):
        same = [each for each in concerned if each.kind == kind]
        count = verdict.acknowledged if kind == "acknowledged" else sum(each.count for each in same)
        if not _is_within(count, getattr(expect, kind)):
            first = f"; {same[0].sentence}" if same else ""
            told.append(f"Not as expected: {kind} is {count:,} and not {_told(getattr(expect, kind))}{first}")
    told += [f"Not as expected: {each}" for each in concerned if each.kind == "anomalies" and _is_wrong(expect, each)]
    return told + [f"Not as expected: {each}" for each in found if each.kind in FLAGS and getattr(expect, each.kind)]


def _is_within(count: int, wanted: Count | None) -> bool:
    if isinstance(wanted, tuple):
        return wanted[0] <= count <= wanted[1]
    return wanted is None or count == wanted


def _told(wanted: Count) -> str:
    return f"{wanted[0]:,} to {wanted[1]:,}" if isinstance(wanted, tuple) else f"{wanted:,}"


def _is_wrong(expect: Expect, found: Shortcoming) -> bool:
    return expect.anomalies is not None and found.name not in expect.anomalies


def _fates(verdict: Verdict) -> Iterator[Shortcoming]:
    for kind in FATES:
        by_topic: dict[str, list[RecordFate]] = {}
        for fate in getattr(verdict, kind):
            by_topic.setdefault(fate.partition.rpartition("-")[0], []).append(fate)
        for topic, fates in by_topic.items():
            first = fates[0]
            sentence = f"number {first.number} of {first.producer} in {first.partition}, {first.cause}"
            yield Shortcoming(kind, "", topic, len(fates), sentence)


def _anomalies(anomalies: Anomalies | None) -> Iterator[Shortcoming]:
    cases = [] if anomalies is None else anomalies.unexpected
    keys = dict.fromkeys((case.name, case.partitions[0].rpartition("-")[0]) for case in cases)
    for name, topic in keys:
        same = [case for case in cases if case.name == name and case.partitions[0].rpartition("-")[0] == topic]
        yield Shortcoming("anomalies", name, topic, len(same), same[0].sentence)


def _violations(invariants: Invariants | None) -> Iterator[Shortcoming]:
    for found in () if invariants is None else invariants.violations:
        yield Shortcoming("invariants", found.name, found.subject, 1, found.sentence)


def _failures(flight: Flight) -> Iterator[Shortcoming]:
    for app in flight.cluster.apps.values():
        if app.failure is not None:
            yield Shortcoming("failures", "", app.name, 1, f"it died of {app.failure}")


def _promises(script: Script, flight: Flight) -> Iterator[Shortcoming]:
    for pipeline in script.pipelines:
        if pipeline.exactly_once:
            for name, places in zip(("twice", "missing"), broken_promises(flight, pipeline), strict=True):
                if places:
                    where = f"{places[0][0]}@{places[0][1]}"
                    yield Shortcoming(
                        "exactly_once", name, pipeline.name, len(places), f"{where} is {name} in its target"
                    )


def _unsettled(flight: Flight) -> Iterator[Shortcoming]:
    for subject, sentence in _waiting(flight):
        yield Shortcoming("converged", "", subject, 1, sentence)


def _waiting(flight: Flight) -> Iterable[tuple[str, str]]:
    for name, partition in flight.cluster.controller.image.partitions.items():
        if partition.leader < 0:
            yield str(name), "it has no leader in the end"
        elif partition.is_under_replicated:
            yield str(name), f"in sync are {partition.isr} of {partition.replicas} in the end"
    for spec in flight.plan.apps:
        app = flight.cluster.apps[spec.name]
        if spec.finite and not app.finished:
            yield spec.name, "it has not come to its end"
        if app.life.alive and any(producer.incomplete for producer in app.producers):
            yield spec.name, "what it has sent has no answer in the end"
    for group in flight.plan.groups:
        if not flight.has_caught_up(group):
            yield group.group_id, "it has not caught up in the end"
