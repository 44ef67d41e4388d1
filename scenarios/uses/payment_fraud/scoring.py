"""How good the alerts were: against the labels, per kind of fraud, and how soon they came."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np

__all__ = ["Delays", "KindScore", "Score", "score_alerts", "summarise_delays"]

UNKNOWN_KIND = "unknown"


class Labelled(Protocol):
    """Whatever carries a payment's id and label."""

    @property
    def payment_id(self) -> str:
        """The payment's id."""

    @property
    def is_fraud(self) -> bool | None:
        """The label, None when there is none."""

    @property
    def fraud_kind(self) -> str | None:
        """The kind of fraud, None when not told."""


@dataclass(frozen=True, slots=True)
class KindScore:
    """Fraudulent payments of one kind, and how many of them were alerted."""

    payments: int
    alerted: int

    @property
    def recall(self) -> float:
        """The share of this kind that was alerted."""
        return self.alerted / self.payments if self.payments else 0.0


@dataclass(frozen=True, slots=True)
class Score:
    """Alerted payments against labelled ones, each payment counted once; a ratio over nothing is 0.0."""

    true_positives: int
    false_positives: int
    false_negatives: int
    kinds: Mapping[str, KindScore]

    @property
    def precision(self) -> float:
        """The share of alerted payments that are fraud."""
        alerted = self.true_positives + self.false_positives
        return self.true_positives / alerted if alerted else 0.0

    @property
    def recall(self) -> float:
        """The share of fraudulent payments that were alerted."""
        fraud = self.true_positives + self.false_negatives
        return self.true_positives / fraud if fraud else 0.0

    @property
    def f1(self) -> float:
        """The harmonic mean of precision and recall."""
        total = self.precision + self.recall
        return 2 * self.precision * self.recall / total if total else 0.0


@dataclass(frozen=True, slots=True)
class Delays:
    """The spread of a delay in milliseconds; all are None when nothing was measured."""

    count: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


def score_alerts(payments: Iterable[Labelled], alerted_ids: Iterable[str]) -> Score:
    """Compare the ids of alerted payments with the labels; payments without a label count nowhere."""
    alerted = frozenset(alerted_ids)
    true_positives = false_positives = 0
    of_kind: dict[str, list[int]] = {}
    for payment in payments:
        hit = payment.payment_id in alerted
        if payment.is_fraud:
            counts = of_kind.setdefault(payment.fraud_kind or UNKNOWN_KIND, [0, 0])
            counts[0] += 1
            counts[1] += hit
            true_positives += hit
        elif payment.is_fraud is False:
            false_positives += hit
    kinds = {kind: KindScore(*of_kind[kind]) for kind in sorted(of_kind)}
    fraud = sum(kind.payments for kind in kinds.values())
    return Score(true_positives, false_positives, fraud - true_positives, kinds)


def summarise_delays(delays_ms: Iterable[float]) -> Delays:
    """Count, median, high percentiles (linear interpolation) and maximum of these delays."""
    values = np.fromiter(delays_ms, dtype=np.float64)
    if not values.size:
        return Delays(0, None, None, None, None)
    p50_ms, p95_ms, p99_ms, max_ms = np.percentile(values, [50, 95, 99, 100]).tolist()
    return Delays(int(values.size), p50_ms, p95_ms, p99_ms, max_ms)
