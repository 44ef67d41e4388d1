"""When the plan's faults lasted, and when the cluster reacted; read from the facts of a run."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from sim.rules.facts.journal import BrokerFenced, BrokerUnfenced, FaultBegan, FaultEnded, GroupChanged, LeaderElected

__all__ = ["Reaction", "Span", "effects", "episodes", "fault_spans", "reactions"]

Facts = Iterable[tuple[int, Any]]

TOGETHER = 1_000_000_000
"""Reactions no further apart than this (nanoseconds) are told as one."""

INTERNAL = "__"
"""How the names of Kafka's own topics begin."""

NEW_LEADER, OFFLINE = "new leader", "partition offline"


@dataclass(frozen=True, slots=True)
class Span:
    """A fault and the time it lasted, in seconds from the start; `ended` is whether it was mended during the run."""

    label: str
    begin_s: float
    end_s: float
    ended: bool


@dataclass(frozen=True, slots=True)
class Reaction:
    """What the cluster did at one time (seconds from the start), in a few words."""

    time_s: float
    label: str


def fault_spans(facts: Facts, end_s: float) -> list[Span]:
    """Every fault that began, in order; one that never ended lasts until `end_s`."""
    spans: list[Span] = []
    began: dict[str, float] = {}
    for time, fact in facts:
        if isinstance(fact, FaultBegan):
            began[fact.fault] = time / 1e9
        elif isinstance(fact, FaultEnded) and fact.fault in began:
            spans.append(Span(_short(fact.fault), began.pop(fact.fault), time / 1e9, True))
    spans += [Span(_short(fault), time, end_s, False) for fault, time in began.items()]
    return sorted(spans, key=lambda span: (span.begin_s, span.label))


def episodes(spans: Iterable[Span]) -> list[Span]:
    """Spans with those that overlap merged, because what each of them cost cannot be told apart."""
    merged: list[Span] = []
    for span in spans:
        if merged and span.begin_s < merged[-1].end_s:
            last = merged.pop()
            label = last.label if span.label == last.label else f"{last.label} and {span.label}"
            span = Span(label, last.begin_s, max(last.end_s, span.end_s), last.ended and span.ended)
        merged.append(span)
    return merged


def effects(spans: Sequence[Span]) -> Iterator[tuple[Span, float]]:
    """Each span with the time up to which what happens is put down to it: the beginning of the next, or for ever."""
    for number, span in enumerate(spans, 1):
        yield span, spans[number].begin_s if number < len(spans) else inf


def reactions(facts: Facts) -> list[Reaction]:
    """Brokers fenced and back, leaders elected, groups that are ready for the first time or rebalanced since."""
    moments: list[tuple[int, list[str]]] = []
    for time, label in _events(facts):
        if not moments or time - moments[-1][0] > TOGETHER:
            moments.append((time, []))
        moments[-1][1].append(label)
    return [Reaction(time / 1e9, _told(labels)) for time, labels in moments]


def _events(facts: Facts) -> Iterator[tuple[int, str]]:
    fenced: set[int] = set()
    generations: dict[str, int] = {}
    for time, fact in facts:
        if isinstance(fact, BrokerFenced):
            fenced.add(fact.broker_id)
            yield time, f"broker {fact.broker_id} fenced"
        elif isinstance(fact, BrokerUnfenced) and fact.broker_id in fenced:
            fenced.discard(fact.broker_id)
            yield time, f"broker {fact.broker_id} back"
        elif isinstance(fact, LeaderElected) and not fact.partition.topic.startswith(INTERNAL):
            yield time, NEW_LEADER if fact.leader >= 0 else OFFLINE
        elif isinstance(fact, GroupChanged) and fact.state == "Stable":
            last = generations.get(fact.group_id)
            if last is None:
                yield time, f"{fact.group_id} ready"
            elif last < fact.generation:
                yield time, f"{fact.group_id} rebalanced: {_count(fact.member_count, 'member')}"
            generations[fact.group_id] = fact.generation


def _told(labels: list[str]) -> str:
    counted = [_count(labels.count(label), label) for label in (OFFLINE, NEW_LEADER) if label in labels]
    return ", ".join([label for label in labels if label not in (OFFLINE, NEW_LEADER)] + counted)


def _count(number: int, noun: str) -> str:
    """`1 new leader`, `3 new leaders`, `2 partitions offline`."""
    first, _, rest = noun.partition(" ")
    if number == 1:
        return f"1 {noun}"
    return f"{number} {first}s {rest}" if noun == OFFLINE else f"{number} {noun}s"


def _short(fault: str) -> str:
    """`broker 2 down` of `broker 2 crashes at 1 min 00 s, until 1 min 30 s`."""
    return fault.partition(" at ")[0].replace(" crashes", " down")
