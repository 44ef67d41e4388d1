"""The money oracle: what was paid against what the warehouse holds, payment by payment."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

__all__ = ["Difference", "MoneyReport", "PaidAmount", "reconcile"]

Amounts = tuple[int, ...]


class PaidAmount(NamedTuple):
    """A payment's id and its amount."""

    payment_id: str
    amount_cents: int


class Difference(NamedTuple):
    """A payment whose amount in the warehouse is not the one that was paid."""

    payment_id: str
    paid_cents: int
    loaded_cents: int


@dataclass(frozen=True, slots=True)
class MoneyReport:
    """Both totals, and every payment that explains a difference between them.

    `missing` was paid and is not in the warehouse (or fewer times than it was paid), `extra` is in the warehouse
    and was not paid (or not so often), `differing` has another amount there.
    """

    paid_count: int
    paid_cents: int
    loaded_cents: int
    missing: tuple[PaidAmount, ...]
    extra: tuple[PaidAmount, ...]
    differing: tuple[Difference, ...]

    @property
    def ok(self) -> bool:
        """Whether every payment is in the warehouse once, with its amount."""
        return not (self.missing or self.extra or self.differing)


def reconcile(paid: Iterable[tuple[str, int]], loaded: Iterable[tuple[str, int]]) -> MoneyReport:
    """Compare (payment id, amount in cents) of both sides; lists are in the order of their side."""
    unmatched = _amounts(paid)
    paid_count = sum(map(len, unmatched.values()))
    paid_cents = sum(map(sum, unmatched.values()))
    loaded_cents = 0
    extra, differing = [], []
    for payment_id, amount_cents in loaded:
        loaded_cents += amount_cents
        amounts = unmatched.get(payment_id)
        if not amounts:
            extra.append(PaidAmount(payment_id, amount_cents))
        elif amount_cents in amounts:
            unmatched[payment_id] = _without(amounts, amount_cents)
        else:
            differing.append(Difference(payment_id, amounts[0], amount_cents))
            unmatched[payment_id] = amounts[1:]
    missing = [PaidAmount(payment_id, cents) for payment_id, left in unmatched.items() for cents in left]
    return MoneyReport(paid_count, paid_cents, loaded_cents, tuple(missing), tuple(extra), tuple(differing))


def _amounts(paid: Iterable[tuple[str, int]]) -> dict[str, Amounts]:
    """The amounts of each payment id, mostly one; equal ones share a tuple, to save memory."""
    amounts: dict[str, Amounts] = {}
    shared: dict[int, Amounts] = {}
    for payment_id, amount_cents in paid:
        one = shared.setdefault(amount_cents, (amount_cents,))
        amounts[payment_id] = amounts[payment_id] + one if payment_id in amounts else one
    return amounts


def _without(amounts: Amounts, amount_cents: int) -> Amounts:
    index = amounts.index(amount_cents)
    return amounts[:index] + amounts[index + 1 :]
