"""Fraud episodes: what a thief does with a card, planned payment by payment."""

from typing import NamedTuple

import numpy as np

from scenarios.uses.payment_fraud.customers import Population
from scenarios.uses.payment_fraud.places import CITIES, great_circle_km

__all__ = ["AMOUNT_SPIKE", "CARD_TESTING", "FRAUD_KINDS", "IMPOSSIBLE_TRAVEL", "PlannedFraud", "plan_episodes"]

CARD_TESTING = "card-testing"
IMPOSSIBLE_TRAVEL = "impossible-travel"
AMOUNT_SPIKE = "amount-spike"
FRAUD_KINDS = (CARD_TESTING, IMPOSSIBLE_TRAVEL, AMOUNT_SPIKE)

PAYMENTS_PER_EPISODE = {CARD_TESTING: (14, 26), IMPOSSIBLE_TRAVEL: (1, 4), AMOUNT_SPIKE: (1, 2)}
SHARE_OF_FRAUD = {CARD_TESTING: 0.5, IMPOSSIBLE_TRAVEL: 0.25, AMOUNT_SPIKE: 0.25}
GAP_S = {CARD_TESTING: (0.1, 0.8), IMPOSSIBLE_TRAVEL: (0.5, 4.0), AMOUNT_SPIKE: (1.0, 5.0)}
FAR_KM = 1500.0


class PlannedFraud(NamedTuple):
    """One fraudulent payment to come: when (seconds since the start), with whose card, how much and where."""

    time_s: float
    episode: int
    customer: int
    kind: str
    amount_cents: int
    city: int


def _mean_payments(kind: str) -> float:
    return sum(PAYMENTS_PER_EPISODE[kind]) / 2


EPISODE_WEIGHTS = np.array([SHARE_OF_FRAUD[kind] / _mean_payments(kind) for kind in FRAUD_KINDS])
MEAN_PAYMENTS = 1.0 / float(EPISODE_WEIGHTS.sum())
FAR_CITIES = tuple(
    tuple(index for index, there in enumerate(CITIES) if great_circle_km(*here[1:], *there[1:]) > FAR_KM)
    for here in CITIES
)


def plan_episodes(
    rng: np.random.Generator, population: Population, first_episode: int, from_s: float, to_s: float, payments: float
) -> list[PlannedFraud]:
    """Episodes that begin in this span and make about `payments` payments; the last may end after it."""
    count = int(rng.poisson(payments / MEAN_PAYMENTS))
    kinds = rng.choice(len(FRAUD_KINDS), size=count, p=EPISODE_WEIGHTS * MEAN_PAYMENTS)
    victims = np.searchsorted(population.activity, rng.random(count), side="right")
    starts = np.sort(rng.uniform(from_s, to_s, count))
    return [
        planned
        for index in range(count)
        for planned in _plan_episode(
            rng, population, first_episode + index, float(starts[index]), int(victims[index]), FRAUD_KINDS[kinds[index]]
        )
    ]


def _plan_episode(
    rng: np.random.Generator, population: Population, episode: int, start_s: float, customer: int, kind: str
) -> list[PlannedFraud]:
    fewest, most = PAYMENTS_PER_EPISODE[kind]
    length = int(rng.integers(fewest, most + 1))
    times_s = start_s + np.cumsum(rng.uniform(*GAP_S[kind], length))
    home = int(population.home[customer])
    far = FAR_CITIES[home]
    city = far[int(rng.integers(len(far)))] if kind == IMPOSSIBLE_TRAVEL else home
    amounts_cents = _amounts_cents(rng, float(population.usual_cents[customer]), kind, length)
    return [
        PlannedFraud(time_s, episode, customer, kind, amount_cents, city)
        for time_s, amount_cents in zip(times_s.tolist(), amounts_cents, strict=True)
    ]


def _amounts_cents(rng: np.random.Generator, usual_cents: float, kind: str, length: int) -> list[int]:
    if kind == CARD_TESTING:
        return [int(cents) for cents in rng.integers(1, 151, length)]
    low, high = (12.0, 30.0) if kind == AMOUNT_SPIKE else (0.8, 4.0)
    return [max(1, round(usual_cents * factor)) for factor in rng.uniform(low, high, length).tolist()]
