"""The people who pay and the shops they pay in: homes, habits, and usual amounts."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from scenarios.uses.payment_fraud.places import CITIES

__all__ = ["CATEGORIES", "Category", "Population", "draw_population"]

Integers = NDArray[np.int64]
Floats = NDArray[np.float64]

FAVOURITE_SHARES = np.array([0.5, 0.25, 0.15, 0.1])
ACTIVITY_EXPONENT = 0.7


class Category(NamedTuple):
    """A kind of shop: the median amount in cents, the spread of its logarithm, and how many customers favour it."""

    name: str
    median_cents: int
    spread: float
    popularity: float


CATEGORIES = (
    Category("groceries", 3_800, 0.45, 0.24),
    Category("restaurant", 2_900, 0.45, 0.16),
    Category("fuel", 4_600, 0.35, 0.13),
    Category("pharmacy", 2_100, 0.45, 0.10),
    Category("clothing", 5_200, 0.45, 0.10),
    Category("entertainment", 2_600, 0.50, 0.10),
    Category("coffee", 620, 0.40, 0.07),
    Category("home", 6_400, 0.50, 0.05),
    Category("electronics", 9_500, 0.50, 0.03),
    Category("travel", 12_500, 0.50, 0.02),
)


@dataclass(frozen=True, slots=True)
class Population:
    """Customers and merchants as columns; a customer's index is also the index of the one card the customer has.

    `activity` is the cumulated share of payments per card, `favourites` has four category indices per card, and
    `usual_cents` is the mean amount of the card. Merchants are sorted by category: those of category c are
    `merchant_start[c]` to `merchant_start[c + 1]`.
    """

    cards: list[str]
    customers: list[str]
    merchants: list[str]
    activity: Floats
    home: Integers
    latitude: Floats
    longitude: Floats
    spending: Floats
    favourites: Integers
    usual_cents: Floats
    merchant_start: Integers


def draw_population(rng: np.random.Generator, customers: int, merchants: int) -> Population:
    """A population drawn from this stream; ValueError when it lacks a customer, or a merchant per category."""
    if customers < 1 or merchants < len(CATEGORIES):
        raise ValueError(f"at least 1 customer and {len(CATEGORIES)} merchants are needed: {customers}, {merchants}")
    home = rng.integers(len(CITIES), size=customers)
    centres = np.array([city[1:] for city in CITIES])[home] + rng.normal(0, 0.06, (customers, 2))
    spending = rng.lognormal(0, 0.35, customers)
    favourites = _draw_favourites(rng, customers)
    names, merchant_start = _draw_merchants(rng, merchants)
    return Population(
        cards=_card_numbers(rng, customers),
        customers=[f"customer-{index:05d}" for index in range(customers)],
        merchants=names,
        activity=_draw_activity(rng, customers),
        home=home,
        latitude=centres[:, 0],
        longitude=centres[:, 1],
        spending=spending,
        favourites=favourites,
        usual_cents=spending * (_mean_cents()[favourites] @ FAVOURITE_SHARES),
        merchant_start=merchant_start,
    )


def _popularity() -> Floats:
    return np.array([category.popularity for category in CATEGORIES])


def _mean_cents() -> Floats:
    return np.array([category.median_cents * np.exp(category.spread**2 / 2) for category in CATEGORIES])


def _draw_favourites(rng: np.random.Generator, customers: int) -> Integers:
    """Four different categories per customer, the popular ones more often (largest of weighted exponentials)."""
    keys = rng.exponential(1.0, (customers, len(CATEGORIES))) / _popularity()
    return np.argsort(keys, axis=1)[:, : len(FAVOURITE_SHARES)]


def _draw_merchants(rng: np.random.Generator, merchants: int) -> tuple[list[str], Integers]:
    """Names sorted by category and where each category starts; every category has at least one merchant."""
    spare = rng.multinomial(merchants - len(CATEGORIES), _popularity() / _popularity().sum())
    counts = spare + 1
    names = [f"{CATEGORIES[c].name}-{n:03d}" for c, count in enumerate(counts.tolist()) for n in range(1, count + 1)]
    return names, np.concatenate(([0], np.cumsum(counts)))


def _draw_activity(rng: np.random.Generator, customers: int) -> Floats:
    """Cumulated shares that fall with rank as in Zipf's law; who has which rank is drawn."""
    weights = np.arange(1, customers + 1, dtype=np.float64) ** -ACTIVITY_EXPONENT
    cumulated = np.cumsum(rng.permutation(weights))
    return np.asarray(cumulated / cumulated[-1])


def _card_numbers(rng: np.random.Generator, customers: int) -> list[str]:
    """Different numbers of 16 digits that begin with 9999, which no issuer uses."""
    gaps = rng.integers(1, 10**12 // (customers + 1), size=customers)
    return [f"9999{number:012d}" for number in rng.permutation(np.cumsum(gaps)).tolist()]
