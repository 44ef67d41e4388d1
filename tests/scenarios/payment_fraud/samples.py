"""Payments that several tests share."""

from functools import cache

import numpy as np

from scenarios.uses.payment_fraud.generator import generate_payments
from scenarios.uses.payment_fraud.payments import Payment

PLAIN = Payment(
    "p1",
    1_700_000_000_000,
    "card-1",
    "ann",
    "shop",
    "coffee",
    450,
    "Paris",
    48.86,
    2.35,
    is_fraud=False,
    fraud_kind=None,
)


@cache
def generated(seed: int) -> tuple[Payment, ...]:
    """The default payments of this seed."""
    return tuple(generate_payments(np.random.default_rng(seed)))
