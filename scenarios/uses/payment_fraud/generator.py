"""Generated payments in time order: habits of customers, with fraud episodes woven into the same arrivals."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from itertools import islice, repeat

import numpy as np
from numpy.typing import NDArray

from scenarios.uses.payment_fraud.customers import CATEGORIES, FAVOURITE_SHARES, Population, draw_population
from scenarios.uses.payment_fraud.fraud import PlannedFraud, plan_episodes
from scenarios.uses.payment_fraud.payments import Payment
from scenarios.uses.payment_fraud.places import CITIES
from sim.machine.clock import SECOND
from sim.world.workload import Poisson

__all__ = ["DEFAULT_START_MS", "generate_payments", "poisson_arrivals"]

DEFAULT_START_MS = 1_767_261_600_000  # 2026-01-01T10:00:00Z
NS_PER_MS = 1_000_000
CHUNK_PAYMENTS = 4096
ABROAD_SHARE = 0.0003
PLACE_JITTER_DEGREES = 0.03

CITY_NAMES = [city.name for city in CITIES]
CITY_CENTRES = np.array([city[1:] for city in CITIES])
CATEGORY_NAMES = [category.name for category in CATEGORIES]
LOG_MEDIAN_CENTS = np.log([category.median_cents for category in CATEGORIES])
SPREAD = np.array([category.spread for category in CATEGORIES])

Floats = NDArray[np.float64]


def poisson_arrivals(rng: np.random.Generator, rate_per_s: float, duration_s: float) -> Iterator[float]:
    """Arrival times in seconds of a Poisson process of this rate, from 0 to the duration."""
    if not rate_per_s > 0 or not duration_s >= 0:
        raise ValueError(f"a rate above 0 and a duration of 0 or more are needed: {rate_per_s}, {duration_s}")
    arrivals = Poisson(rate_per_s).arrivals(rng, round(duration_s * SECOND))
    return (time / SECOND for time in arrivals)


def generate_payments(
    rng: np.random.Generator,
    *,
    arrivals_s: Iterable[float] | None = None,
    rate_per_s: float = 450.0,
    duration_s: float = 240.0,
    start_ms: int = DEFAULT_START_MS,
    customers: int = 2000,
    merchants: int = 300,
    fraud_share: float = 0.01,
) -> Iterator[Payment]:
    """Payments in time order, one for each arrival, made lazily in chunks of a few thousand.

    `arrivals_s` are rising times in seconds since the start (any workload); without them a Poisson process of
    `rate_per_s` runs for `duration_s`. About `fraud_share` of the payments belong to fraud episodes and are
    labelled. Equal streams give equal payments. ValueError for a share outside 0 to 0.5.
    """
    if not 0 <= fraud_share <= 0.5:
        raise ValueError(f"fraud_share is a share from 0 to 0.5: {fraud_share}")
    population_rng, arrival_rng, payment_rng, fraud_rng = rng.spawn(4)
    population = draw_population(population_rng, customers, merchants)
    times = iter(poisson_arrivals(arrival_rng, rate_per_s, duration_s) if arrivals_s is None else arrivals_s)
    return _payments(payment_rng, fraud_rng, population, times, start_ms, fraud_share)


def _payments(
    rng: np.random.Generator,
    fraud_rng: np.random.Generator,
    population: Population,
    times: Iterator[float],
    start_ms: int,
    fraud_share: float,
) -> Iterator[Payment]:
    planned: list[PlannedFraud] = []
    first, episodes, from_s = 0, 0, None
    while (times_s := np.fromiter(islice(times, CHUNK_PAYMENTS), dtype=np.float64)).size:
        from_s, to_s = float(times_s[0]) if from_s is None else from_s, float(times_s[-1])
        for fraud in plan_episodes(fraud_rng, population, episodes, from_s, to_s, fraud_share * times_s.size):
            heappush(planned, fraud)
            episodes = max(episodes, fraud.episode + 1)
        payments = _habitual_payments(rng, population, times_s, first, start_ms)
        _weave_fraud(fraud_rng, population, planned, times_s, payments)
        yield from payments
        first, from_s = first + len(payments), to_s


def _habitual_payments(
    rng: np.random.Generator, population: Population, times_s: Floats, first: int, start_ms: int
) -> list[Payment]:
    """What honest customers pay: cards by activity, shops and amounts by habit, near home but for a few abroad."""
    count = times_s.size
    cards = np.searchsorted(population.activity, rng.random(count), side="right")
    choice = np.searchsorted(np.cumsum(FAVOURITE_SHARES)[:-1], rng.random(count), side="right")
    categories = population.favourites[cards, choice]
    starts, ends = population.merchant_start[categories], population.merchant_start[categories + 1]
    merchants = starts + (rng.random(count) * (ends - starts)).astype(np.int64)
    logarithms = LOG_MEDIAN_CENTS[categories] + SPREAD[categories] * rng.standard_normal(count)
    amounts = np.maximum(1, np.rint(np.exp(logarithms) * population.spending[cards])).astype(np.int64)
    places = np.column_stack((population.latitude[cards], population.longitude[cards]))
    cities, abroad = population.home[cards], rng.random(count) < ABROAD_SHARE
    cities[abroad] = rng.integers(len(CITIES), size=int(abroad.sum()))
    places[abroad] = CITY_CENTRES[cities[abroad]]
    places = (places + rng.normal(0, PLACE_JITTER_DEGREES, (count, 2))).round(4)
    card_list, category_list = cards.tolist(), categories.tolist()
    columns = zip(
        [f"p{index:09d}" for index in range(first, first + count)],
        (start_ms + np.rint(times_s * 1e9).astype(np.int64) // NS_PER_MS).tolist(),
        [population.cards[card] for card in card_list],
        [population.customers[card] for card in card_list],
        [population.merchants[merchant] for merchant in merchants.tolist()],
        [CATEGORY_NAMES[category] for category in category_list],
        amounts.tolist(),
        [CITY_NAMES[city] for city in cities.tolist()],
        places[:, 0].tolist(),
        places[:, 1].tolist(),
        repeat(False),
        repeat(None),
    )
    return [Payment._make(row) for row in columns]


def _weave_fraud(
    rng: np.random.Generator,
    population: Population,
    planned: list[PlannedFraud],
    times_s: Floats,
    payments: list[Payment],
) -> None:
    """Give each planned fraud the first free arrival at or after its time; what finds none waits for the next chunk."""
    slot = 0
    while planned and slot < len(payments) and planned[0].time_s <= times_s[-1]:
        slot = max(slot, int(np.searchsorted(times_s, planned[0].time_s)))
        if slot < len(payments):
            payments[slot] = _fraudulent(rng, population, heappop(planned), payments[slot])
            slot += 1


def _fraudulent(rng: np.random.Generator, population: Population, fraud: PlannedFraud, arrival: Payment) -> Payment:
    """The payment of a thief in the place of an honest one: same arrival and shop, another card, amount and place."""
    customer = fraud.customer
    at_home = fraud.city == population.home[customer]
    centre = (population.latitude[customer], population.longitude[customer]) if at_home else CITIES[fraud.city][1:]
    north, east = rng.normal(0, PLACE_JITTER_DEGREES, 2).tolist()
    return arrival._replace(
        card=population.cards[customer],
        customer=population.customers[customer],
        amount_cents=fraud.amount_cents,
        city=CITY_NAMES[fraud.city],
        latitude=round(float(centre[0]) + north, 4),
        longitude=round(float(centre[1]) + east, 4),
        is_fraud=True,
        fraud_kind=fraud.kind,
    )
