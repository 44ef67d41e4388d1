"""What was found, as values: anomalies under Jepsen's names, each with a sentence and everybody involved."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any

from sim.observe.anomalies.evidence import Evidence
from sim.observe.anomalies.history import Operation, Outcome, Poll

__all__ = ["NAMES", "Anomalies", "Anomaly", "anomaly", "records_told"]

NAMES = (
    "inconsistent-offsets",
    "duplicate",
    "lost-write",
    "G1a",
    "precommitted-read",
    "poll-skip",
    "nonmonotonic-poll",
    "int-poll-skip",
    "int-nonmonotonic-poll",
    "nonmonotonic-send",
    "int-send-skip",
    "int-nonmonotonic-send",
    "unseen",
    "G0",
    "G1c",
)


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One case. `records` are producers with running numbers, times are those of the operations, in seconds.

    `circumstances` are what may excuse it, `allowed` is why it does in this run; None if nothing does.
    """

    name: str
    sentence: str
    partitions: tuple[str, ...]
    records: tuple[str, ...]
    offsets: tuple[int, ...]
    clients: tuple[str, ...]
    times_s: tuple[float, ...]
    circumstances: tuple[str, ...] = ()
    allowed: str | None = None


@dataclass(slots=True)
class Anomalies:
    """All cases of a run, those that are `unexpected` apart from those that its configuration allows."""

    cases: list[Anomaly] = field(default_factory=list)
    operations: int = 0
    sent: int = 0
    polled: int = 0

    @property
    def unexpected(self) -> list[Anomaly]:
        """The cases that nothing allows."""
        return [case for case in self.cases if case.allowed is None]

    @property
    def ok(self) -> bool:
        """Whether clients saw nothing that they should not."""
        return not self.unexpected

    def named(self, name: str) -> list[Anomaly]:
        """The cases of one name, allowed or not."""
        return [case for case in self.cases if case.name == name]

    def names(self) -> list[str]:
        """The names of all anomalies found, in a fixed order."""
        return [name for name in NAMES if self.named(name)]

    def unexpected_names(self) -> list[str]:
        """The names of the anomalies that nothing allows."""
        found = {case.name for case in self.unexpected}
        return [name for name in NAMES if name in found]

    def counts(self) -> dict[str, Any]:
        """The short form: `ok`, and how many cases have each name, all and unexpected ones."""
        unexpected = [case.name for case in self.unexpected]
        return {
            "ok": self.ok,
            "found": {name: len(self.named(name)) for name in self.names()},
            "unexpected": {name: unexpected.count(name) for name in self.unexpected_names()},
        }

    def as_json(self) -> dict[str, Any]:
        """The long form, with every case."""
        seen = {"operations": self.operations, "sent": self.sent, "polled": self.polled}
        return {
            **self.counts(),
            **seen,
            "anomalies": {name: [asdict(c) for c in self.named(name)] for name in self.names()},
        }

    def sentences(self, most: int = 3) -> list[str]:
        """What a person wants to read: each name with its number, its first cases, or why it is allowed."""
        told = [f"Black box: {self.operations:,} operations, {self.sent:,} records sent, {self.polled:,} polled."]
        for name in self.names():
            bad = [case for case in self.named(name) if case.allowed is None]
            fine = [case for case in self.named(name) if case.allowed is not None]
            if bad:
                told.append(f"{name}, {len(bad):,} unexpected: {' '.join(case.sentence for case in bad[:most])}")
            if fine:
                told.append(f"{name}, {len(fine):,} allowed: {fine[0].allowed}.")
        return told if self.cases else [*told, "No anomaly."]


def anomaly(
    evidence: Evidence,
    name: str,
    sentence: str,
    *,
    records: Iterable[tuple[int, int]],
    operations: Iterable[int],
    offsets: Iterable[int] = (),
    circumstances: Iterable[str] = (),
) -> Anomaly:
    """A case out of ranges of values, first and last, and indexes of operations; what repeats is told once."""
    ranges = list(records)
    involved = [evidence.operations[index] for index in dict.fromkeys(operations)]
    return Anomaly(
        name,
        sentence,
        tuple(dict.fromkeys(evidence.place(first) for first, _ in ranges)),
        tuple(dict.fromkeys(evidence.record(first, last) for first, last in ranges)),
        tuple(dict.fromkeys(offsets)),
        tuple(dict.fromkeys(name for operation in involved for name in clients_of(operation))),
        tuple(dict.fromkeys(at(operation) / 1e9 for operation in involved)),
        tuple(circumstances),
    )


def records_told(count: int) -> str:
    """So many records, in words."""
    return f"{count:,} record" if count == 1 else f"{count:,} records"


def clients_of(operation: Operation) -> list[str]:
    """Who took part: the process, and in a transaction its producer and consumers."""
    parts = (step.client if isinstance(step, Poll) else step.records.origin for step in operation.steps)
    return list(dict.fromkeys((operation.process, *parts)))


def at(operation: Operation) -> int:
    """When an operation ended, or else began, in nanoseconds."""
    return operation.invoked if operation.outcome is Outcome.INFO else operation.completed
